//! Redmine: the versions of projects. It has no events for them and is polled; whatever else can send a
//! request with the secret makes that happen at once.

use super::{Adapter, Description, Setting, SettingKind, Token, Webhook, poked};
use crate::date::days_before;
use crate::inbound::{Parsed, Request};
use crate::json::{self, Json};
use crate::poll::{Ask, Page, Problem, Reply, What, all_of, observed};
use crate::settings::Settings;
use crate::signature::Scheme;
use jiff::Timestamp;
use offshoot_core::iteration::{Iteration, IterationState, Scope};

pub(super) struct Redmine;

const DESCRIPTION: Description = Description {
    name: "redmine",
    title: "Redmine",
    settings: &[
        Setting {
            name: "url",
            purpose: "where Redmine is, as https://redmine.acme.example",
            kind: SettingKind::Url,
            required: true,
            default: None,
        },
        Setting {
            name: "projects",
            purpose: "the identifiers of the projects whose versions count, as in their addresses",
            kind: SettingKind::List,
            required: true,
            default: None,
        },
        Setting {
            name: "duration_days",
            purpose: "how many days before it is due a version begins; without it, it begins when it is made",
            kind: SettingKind::Integer {
                least: 1,
                most: 366,
            },
            required: false,
            default: None,
        },
    ],
    webhook: Some(Webhook {
        events: "none of Redmine's own; any request with the secret means that something changed",
        signature: "the secret itself in Authorization, X-Webhook-Token or ?token= of the address",
        secret: "one that you choose",
    }),
    token: Some(Token {
        permissions: "the API access key of a user who may view the projects' issues",
        required: true,
    }),
    page: "redmine.md",
};

impl Adapter for Redmine {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn scheme(&self, _settings: &Settings) -> Scheme {
        Scheme::token_anywhere()
    }

    fn parse(&self, _settings: &Settings, _request: &Request, _received_at: Timestamp) -> Parsed {
        poked("a request said that something changed")
    }

    fn authorize(&self, _settings: &Settings, token: &str) -> Vec<(&'static str, String)> {
        vec![("x-redmine-api-key", token.to_owned())]
    }

    fn ask(&self, settings: &Settings, _what: &What) -> Vec<Ask> {
        let base = settings.text("url").unwrap_or_default();
        let projects = settings.list("projects").into_iter();
        let ask = |project: &str| {
            let path = ["projects", &format!("{project}.json")];
            Some(Ask::get("project", base, &path, &[])?.of(project))
        };
        projects.filter_map(ask).collect()
    }

    fn read(
        &self,
        settings: &Settings,
        ask: &Ask,
        reply: &Reply,
        at: Timestamp,
    ) -> Result<Page, Problem> {
        if ask.name == "project" {
            // Versions name their project by its number.
            let id = reply.json().at("/project/id").text();
            let id = id.ok_or_else(|| Problem::Broken("it has no project/id".into()))?;
            let base = settings.text("url").unwrap_or_default();
            let path = ["projects", &ask.scope, "versions.json"];
            let next = Ask::get("versions", base, &path, &[]);
            return Ok(Page {
                next: next
                    .map(|next| next.of(&ask.scope).marked(&id))
                    .into_iter()
                    .collect(),
                ..Page::default()
            });
        }
        let entries = reply.entries("/versions")?;
        let found = observed(entries, at, |entry| {
            // Versions that other projects share are theirs.
            let own = entry
                .at("/project/id")
                .text()
                .is_none_or(|id| id == ask.mark);
            match own {
                true => version(settings, entry, &ask.scope).map(Some),
                false => Ok(None),
            }
        })?;
        Ok(Page {
            found,
            next: Vec::new(),
            covered: Some(all_of("version/", &ask.scope)),
        })
    }
}

fn version(settings: &Settings, json: Json<'_>, project: &str) -> Result<Iteration, String> {
    let id = json.at("/id").text().ok_or("has no id")?;
    let updated_at = json.at("/updated_on").start(settings);
    let updated_at = updated_at.ok_or("has no updated_on")?;
    let ends_at = json.at("/due_date").end(settings);
    let days = settings.integer("duration_days");
    let starts_at = ends_at
        .zip(days)
        .and_then(|(end, days)| days_before(end, days, settings.zone()));
    let base = settings.text("url").unwrap_or_default();
    Ok(Iteration {
        state: match json.at("/status").word() {
            Some("closed") => IterationState::Ended,
            _ if starts_at.is_some() => IterationState::Planned,
            _ => IterationState::Started,
        },
        starts_at,
        ends_at,
        url: Some(format!("{base}/versions/{id}")),
        scope: Some(Scope {
            kind: "project".into(),
            id: project.to_owned(),
            name: json.at("/project/name").text(),
        }),
        ..Iteration::sprint(
            format!("version/{id}"),
            json::named(json.at("/name").text(), "Version", None, &id),
            updated_at,
        )
    })
}
