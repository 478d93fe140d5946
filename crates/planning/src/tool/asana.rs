//! Asana: it has no sprints, so teams make them of sections of a project, or of projects of a team. Events
//! arrive at most once and say little: they are hints to look.

use super::{Adapter, Description, Setting, SettingKind, Token, Webhook, poked};
use crate::inbound::{Answer, Parsed, Request};
use crate::json::{self, Json};
use crate::poll::{Ask, Page, Problem, Reply, What, all_of, observed};
use crate::settings::{Fault, Settings};
use crate::signature::{Place, Scheme, Unverified, verify_token};
use jiff::Timestamp;
use offshoot_core::iteration::{Iteration, IterationState, Scope};
use secrecy::SecretString;

pub(super) struct Asana;

/// Longer than any secret that Asana makes.
const LONGEST_SECRET: usize = 200;

const DESCRIPTION: Description = Description {
    name: "asana",
    title: "Asana",
    settings: &[
        Setting {
            name: "projects",
            purpose: "the gids of the projects whose sections are iterations",
            kind: SettingKind::List,
            required: false,
            default: None,
        },
        Setting {
            name: "teams",
            purpose: "the gids of the teams whose projects are iterations",
            kind: SettingKind::List,
            required: false,
            default: None,
        },
        Setting {
            name: "api_url",
            purpose: "where the API is",
            kind: SettingKind::Url,
            required: false,
            default: Some("https://app.asana.com/api/1.0"),
        },
    ],
    webhook: Some(Webhook {
        events: "filters for section and project: added, changed, deleted",
        signature: "HMAC-SHA256 of the body in X-Hook-Signature",
        secret: "Asana makes it when the webhook is made, and Offshoot keeps it. While the integration has a secret \
                 already, further webhooks need one of them as ?token= of the address",
    }),
    token: Some(Token {
        permissions: "a personal access token, or that of a service account, of who sees the projects",
        required: true,
    }),
    page: "asana.md",
};

impl Adapter for Asana {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn check(&self, settings: &Settings) -> Vec<Fault> {
        match settings.list("projects").is_empty() && settings.list("teams").is_empty() {
            true => vec![Fault::new(
                "projects",
                "is missing: there are neither projects nor teams",
            )],
            false => Vec::new(),
        }
    }

    fn handshake(
        &self,
        _settings: &Settings,
        secrets: &[SecretString],
        request: &Request,
    ) -> Option<Result<Answer, Unverified>> {
        let given = request.header("x-hook-secret")?;
        let name = || "x-hook-secret".to_owned();
        let printable = given.bytes().all(|b| b.is_ascii_graphic());
        if given.len() < 16 || given.len() > LONGEST_SECRET || !printable {
            return Some(Err(Unverified::Malformed(
                name(),
                "it is no secret of Asana's",
            )));
        }
        // Whoever comes first is believed, as Asana's protocol has it; nobody after that without a secret.
        if !secrets.is_empty() {
            let place = Place::Header(name().into());
            let again = verify_token(&place, secrets, request);
            if let Err(why) = again.or_else(|_| verify_token(&Place::Query, secrets, request)) {
                return Some(Err(why));
            }
        }
        Some(Ok(Answer {
            status: 200,
            headers: vec![("x-hook-secret", given.to_owned())],
            body: Vec::new(),
            keep: Some(SecretString::from(given)),
        }))
    }

    fn scheme(&self, _settings: &Settings) -> Scheme {
        Scheme::hex_sha256("x-hook-signature", "")
    }

    fn parse(&self, _settings: &Settings, request: &Request, _received_at: Timestamp) -> Parsed {
        let body = match json::parse(&request.body) {
            Ok(body) => body,
            Err(why) => return Parsed::Invalid(why),
        };
        let body = Json::new(&body);
        if !body.at("/events").exists() {
            return Parsed::Invalid("it has no events".into());
        }
        let mut kinds = body.at("/events").items().filter_map(|event| {
            let kinds = ["/resource/resource_type", "/type"];
            kinds.iter().find_map(|place| event.at(place).word())
        });
        match kinds.find(|kind| matches!(*kind, "section" | "project")) {
            Some(kind) => poked(&format!("a {kind} changed")),
            None if body.at("/events/0").exists() => {
                Parsed::Ignored("it is not about sections or projects".into())
            }
            None => Parsed::Ignored("Asana's heartbeat: the webhook arrives".into()),
        }
    }

    fn authorize(&self, _settings: &Settings, token: &str) -> Vec<(&'static str, String)> {
        vec![("authorization", format!("Bearer {token}"))]
    }

    fn ask(&self, settings: &Settings, _what: &What) -> Vec<Ask> {
        let base = settings.text("api_url").unwrap_or_default();
        let mut asks = Vec::new();
        let mut list = |what: &'static str, homes, home: &str, fields| {
            let query = [("limit", "100"), ("opt_fields", fields)];
            asks.extend(Ask::get(what, base, &[homes, home, what], &query).map(|ask| ask.of(home)));
        };
        for project in settings.list("projects") {
            list("sections", "projects", project, "name,project.name");
        }
        for team in settings.list("teams") {
            let fields =
                "name,start_on,due_on,archived,completed,modified_at,permalink_url,team.name";
            list("projects", "teams", team, fields);
        }
        asks
    }

    fn read(
        &self,
        settings: &Settings,
        ask: &Ask,
        reply: &Reply,
        at: Timestamp,
    ) -> Result<Page, Problem> {
        let entries = reply.entries("/data")?;
        let found = observed(entries, at, |entry| {
            match ask.name {
                "sections" => section(entry, &ask.scope, at),
                _ => project(settings, entry, &ask.scope, at),
            }
            .map(Some)
        })?;
        let offset = reply.json().at("/next_page/offset").text();
        let next: Vec<_> = offset
            .map(|offset| ask.with("offset", &offset))
            .into_iter()
            .collect();
        let prefix = match ask.name {
            "sections" => "section/",
            _ => "project/",
        };
        Ok(Page {
            found,
            covered: next.is_empty().then(|| all_of(prefix, &ask.scope)),
            next,
        })
    }
}

/// A section has no dates: it is under way while it is there.
fn section(json: Json<'_>, project: &str, at: Timestamp) -> Result<Iteration, String> {
    let id = json.at("/gid").text().ok_or("has no gid")?;
    Ok(Iteration {
        state: IterationState::Started,
        scope: Some(Scope {
            kind: "project".into(),
            id: project.to_owned(),
            name: json.at("/project/name").text(),
        }),
        url: Some(format!("https://app.asana.com/0/{project}")),
        ..Iteration::sprint(
            format!("section/{id}"),
            json::named(json.at("/name").text(), "Section", None, &id),
            at,
        )
    })
}

fn project(
    settings: &Settings,
    json: Json<'_>,
    team: &str,
    at: Timestamp,
) -> Result<Iteration, String> {
    let id = json.at("/gid").text().ok_or("has no gid")?;
    let updated_at = json.at("/modified_at").start(settings).unwrap_or(at);
    let starts_at = json.at("/start_on").start(settings);
    let flag = |place| json.at(place).flag() == Some(true);
    Ok(Iteration {
        state: match flag("/archived") || flag("/completed") {
            true => IterationState::Ended,
            false if starts_at.is_some() => IterationState::Planned,
            false => IterationState::Started,
        },
        starts_at,
        ends_at: json.at("/due_on").end(settings),
        url: json.at("/permalink_url").text(),
        scope: Some(Scope {
            kind: "team".into(),
            id: team.to_owned(),
            name: json.at("/team/name").text(),
        }),
        ..Iteration::sprint(
            format!("project/{id}"),
            json::named(json.at("/name").text(), "Project", None, &id),
            updated_at,
        )
    })
}
