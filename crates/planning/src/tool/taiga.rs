//! Taiga: the milestones of projects, which are its sprints.

use super::{Adapter, Description, Setting, SettingKind, Token, Webhook};
use crate::inbound::{Parsed, Request};
use crate::json::{self, Json};
use crate::poll::{Ask, Page, Problem, Reply, What, all_of, observed};
use crate::settings::Settings;
use crate::signature::{Hash, Scheme};
use jiff::Timestamp;
use offshoot_core::iteration::{
    Gone, Iteration, IterationKind, IterationState, Observation, Scope,
};

pub(super) struct Taiga;

const DESCRIPTION: Description = Description {
    name: "taiga",
    title: "Taiga",
    settings: &[
        Setting {
            name: "url",
            purpose: "where the API is: the part of its addresses before /api/v1",
            kind: SettingKind::Url,
            required: false,
            default: Some("https://api.taiga.io"),
        },
        Setting {
            name: "projects",
            purpose: "the numbers of the projects whose milestones count",
            kind: SettingKind::List,
            required: true,
            default: None,
        },
        Setting {
            name: "token_kind",
            purpose: "application for a token of an external application, bearer for one of a login",
            kind: SettingKind::Word(&["application", "bearer"]),
            required: false,
            default: Some("application"),
        },
    ],
    webhook: Some(Webhook {
        events: "all: Taiga's webhooks cannot be narrowed",
        signature: "HMAC-SHA1 of the body in X-TAIGA-WEBHOOK-SIGNATURE",
        secret: "one that you choose, typed into Secret key",
    }),
    token: Some(Token {
        permissions: "a token of a user who may view the projects' milestones",
        required: false,
    }),
    page: "taiga.md",
};

impl Adapter for Taiga {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn scheme(&self, _settings: &Settings) -> Scheme {
        Scheme::hex("x-taiga-webhook-signature", "", Hash::Sha1)
    }

    fn parse(&self, settings: &Settings, request: &Request, received_at: Timestamp) -> Parsed {
        let body = match json::parse(&request.body) {
            Ok(body) => body,
            Err(why) => return Parsed::Invalid(why),
        };
        let body = Json::new(&body);
        match body.at("/type").word() {
            Some("milestone") => {}
            Some("test") => return Parsed::Ignored("Taiga's test: the webhook arrives".into()),
            Some(kind) => {
                return Parsed::Ignored(format!("an event of {kind:?} is not about milestones"));
            }
            None => return Parsed::Invalid("it has no type".into()),
        }
        let data = body.at("/data");
        let project = data.at("/project/id").text();
        let Some(project) = project else {
            return Parsed::Invalid("its milestone has no project/id".into());
        };
        if !settings.list("projects").contains(&project.as_str()) {
            return Parsed::Ignored(format!(
                "project {project} is none of the integration's projects"
            ));
        }
        let name = data.at("/project/name").text();
        let milestone = match milestone(settings, data, &project, name, received_at) {
            Ok(milestone) => milestone,
            Err(lacks) => return Parsed::Invalid(format!("its milestone {lacks}")),
        };
        if body.at("/action").word() != Some("delete") {
            return Parsed::Observed(vec![Observation::Seen(milestone)]);
        }
        Parsed::Observed(vec![Observation::Gone(Gone {
            source_id: milestone.source_id.clone(),
            kind: IterationKind::Sprint,
            at: received_at.max(milestone.updated_at),
            last: Some(milestone),
        })])
    }

    fn authorize(&self, settings: &Settings, token: &str) -> Vec<(&'static str, String)> {
        let kind = match settings.text("token_kind") {
            Some("bearer") => "Bearer",
            _ => "Application",
        };
        vec![
            ("authorization", format!("{kind} {token}")),
            ("x-disable-pagination", "True".into()),
        ]
    }

    fn ask(&self, settings: &Settings, _what: &What) -> Vec<Ask> {
        let base = settings.text("url").unwrap_or_default();
        let ask = |project: &str| {
            let path = ["api", "v1", "milestones"];
            Some(Ask::get("milestones", base, &path, &[("project", project)])?.of(project))
        };
        settings
            .list("projects")
            .into_iter()
            .filter_map(ask)
            .collect()
    }

    fn read(
        &self,
        settings: &Settings,
        ask: &Ask,
        reply: &Reply,
        at: Timestamp,
    ) -> Result<Page, Problem> {
        let entries = reply.entries("")?;
        let found = observed(entries, at, |entry| {
            let name = entry.at("/project_extra_info/name").text();
            milestone(settings, entry, &ask.scope, name, at).map(Some)
        })?;
        Ok(Page {
            found,
            next: Vec::new(),
            covered: Some(all_of("milestone/", &ask.scope)),
        })
    }
}

/// A milestone as events and the API have it.
fn milestone(
    settings: &Settings,
    json: Json<'_>,
    project: &str,
    project_name: Option<String>,
    at: Timestamp,
) -> Result<Iteration, String> {
    let id = json.at("/id").text().ok_or("has no id")?;
    let updated_at = json.at("/modified_date").start(settings).unwrap_or(at);
    Ok(Iteration {
        state: match json.at("/closed").flag() {
            Some(true) => IterationState::Ended,
            _ => IterationState::Planned,
        },
        starts_at: json.at("/estimated_start").start(settings),
        ends_at: json.at("/estimated_finish").end(settings),
        url: json.at("/permalink").text(),
        scope: Some(Scope {
            kind: "project".into(),
            id: project.to_owned(),
            name: project_name,
        }),
        ..Iteration::sprint(
            format!("milestone/{id}"),
            json::named(json.at("/name").text(), "Milestone", None, &id),
            updated_at,
        )
    })
}
