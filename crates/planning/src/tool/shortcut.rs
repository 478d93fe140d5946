//! Shortcut: iterations. That one is made is no event that is documented, so events are hints to look.

use super::{Adapter, Description, Setting, SettingKind, Token, Webhook, poked};
use crate::inbound::{Parsed, Request};
use crate::json::{self, Json};
use crate::poll::{Ask, Page, Problem, Reply, What, all_of, observed};
use crate::settings::Settings;
use crate::signature::Scheme;
use jiff::Timestamp;
use offshoot_core::iteration::{Covered, Iteration, IterationState, Scope};

pub(super) struct Shortcut;

const DESCRIPTION: Description = Description {
    name: "shortcut",
    title: "Shortcut",
    settings: &[
        Setting {
            name: "teams",
            purpose: "the ids (UUIDs) of the teams whose iterations count; all of the workspace if left out",
            kind: SettingKind::List,
            required: false,
            default: None,
        },
        Setting {
            name: "api_url",
            purpose: "where the API is",
            kind: SettingKind::Url,
            required: false,
            default: Some("https://api.app.shortcut.com"),
        },
    ],
    webhook: Some(Webhook {
        events: "all: Shortcut's webhooks cannot be narrowed",
        signature: "HMAC-SHA256 of the body in Payload-Signature",
        secret: "one that you choose, typed into Secret",
    }),
    token: Some(Token {
        permissions: "an API token of a member; Shortcut's tokens cannot be narrowed",
        required: true,
    }),
    page: "shortcut.md",
};

impl Adapter for Shortcut {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn scheme(&self, _settings: &Settings) -> Scheme {
        Scheme::hex_sha256("payload-signature", "")
    }

    fn parse(&self, _settings: &Settings, request: &Request, _received_at: Timestamp) -> Parsed {
        let body = match json::parse(&request.body) {
            Ok(body) => body,
            Err(why) => return Parsed::Invalid(why),
        };
        let body = Json::new(&body);
        if !body.at("/actions").exists() {
            return Parsed::Invalid("it has no actions".into());
        }
        for action in body.at("/actions").items() {
            if action.at("/entity_type").word() == Some("iteration") {
                return poked("an iteration changed");
            }
            if action.at("/changes/iteration_id").exists() {
                return poked("a story or epic came into another iteration");
            }
        }
        Parsed::Ignored("it is not about iterations".into())
    }

    fn authorize(&self, _settings: &Settings, token: &str) -> Vec<(&'static str, String)> {
        vec![("shortcut-token", token.to_owned())]
    }

    fn ask(&self, settings: &Settings, _what: &What) -> Vec<Ask> {
        let base = settings.text("api_url").unwrap_or_default();
        let ask = |team: &str| {
            let path = ["api", "v3", "iterations"];
            Some(Ask::get("iterations", base, &path, &[])?.of(team))
        };
        // The answer is the same for all of them; each is read for one.
        match settings.list("teams") {
            teams if teams.is_empty() => ask("").into_iter().collect(),
            teams => teams.into_iter().filter_map(ask).collect(),
        }
    }

    fn read(
        &self,
        settings: &Settings,
        ask: &Ask,
        reply: &Reply,
        at: Timestamp,
    ) -> Result<Page, Problem> {
        let entries = reply.entries("")?;
        let teams = settings.list("teams");
        let found = observed(entries, at, |entry| {
            let of: Vec<_> = entry
                .at("/group_ids")
                .items()
                .filter_map(Json::word)
                .collect();
            // One of several teams belongs to the first of them that the settings name.
            let team = match teams.is_empty() {
                true => of.first().copied(),
                false => teams.iter().copied().find(|team| of.contains(team)),
            };
            match ask.scope.is_empty() || team == Some(ask.scope.as_str()) {
                true => iteration(settings, entry, team, at).map(Some),
                false => Ok(None),
            }
        })?;
        let whole = Covered {
            scope_id: (!ask.scope.is_empty()).then(|| ask.scope.clone()),
            ..all_of("iteration/", "")
        };
        Ok(Page {
            found,
            next: Vec::new(),
            covered: Some(whole),
        })
    }
}

fn iteration(
    settings: &Settings,
    json: Json<'_>,
    team: Option<&str>,
    at: Timestamp,
) -> Result<Iteration, String> {
    let id = json.at("/id").text().ok_or("has no id")?;
    let updated_at = json.at("/updated_at").start(settings).unwrap_or(at);
    Ok(Iteration {
        // Shortcut's own word follows from the dates, by its own midnight.
        state: IterationState::Planned,
        number: json.at("/id").integer(),
        starts_at: json.at("/start_date").start(settings),
        ends_at: json.at("/end_date").end(settings),
        url: json.at("/app_url").text(),
        scope: team.map(|id| Scope {
            kind: "team".into(),
            id: id.to_owned(),
            name: None,
        }),
        ..Iteration::sprint(
            format!("iteration/{id}"),
            json::named(json.at("/name").text(), "Iteration", None, &id),
            updated_at,
        )
    })
}
