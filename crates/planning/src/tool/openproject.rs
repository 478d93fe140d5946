//! OpenProject: versions. It has no events for them; those of projects, and of work packages that have a
//! version, are hints to look.

use super::{Adapter, Description, Setting, SettingKind, Token, Webhook, poked};
use crate::inbound::{Parsed, Request};
use crate::json::{self, Json};
use crate::poll::{Ask, Page, Problem, Reply, What, all_of, observed};
use crate::settings::Settings;
use crate::signature::{Hash, Scheme};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use offshoot_core::iteration::{Iteration, IterationState, Scope};

pub(super) struct Openproject;

/// What is asked for.
const PAGE: usize = 100;

const DESCRIPTION: Description = Description {
    name: "openproject",
    title: "OpenProject",
    settings: &[
        Setting {
            name: "url",
            purpose: "where OpenProject is, as https://openproject.acme.example",
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
    ],
    webhook: Some(Webhook {
        events: "Projects and Work packages: created, updated",
        signature: "HMAC-SHA1 of the body in X-OP-Signature",
        secret: "one that you choose, typed into Signature secret",
    }),
    token: Some(Token {
        permissions: "an API token of a user who may view the projects' work packages",
        required: true,
    }),
    page: "openproject.md",
};

impl Adapter for Openproject {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn scheme(&self, _settings: &Settings) -> Scheme {
        Scheme::hex("x-op-signature", "sha1=", Hash::Sha1)
    }

    fn parse(&self, _settings: &Settings, request: &Request, _received_at: Timestamp) -> Parsed {
        let body = match json::parse(&request.body) {
            Ok(body) => body,
            Err(why) => return Parsed::Invalid(why),
        };
        let body = Json::new(&body);
        match body.at("/action").word() {
            Some(action) if action.starts_with("project:") => poked(action),
            Some(action) if action.starts_with("work_package:") => {
                match body.at("/work_package/_links/version/href").exists() {
                    true => poked(action),
                    false => Parsed::Ignored("its work package has no version".into()),
                }
            }
            Some(action) => Parsed::Ignored(format!("an action {action:?} is not about versions")),
            None => Parsed::Invalid("it has no action".into()),
        }
    }

    fn authorize(&self, _settings: &Settings, token: &str) -> Vec<(&'static str, String)> {
        let pair = STANDARD.encode(format!("apikey:{token}"));
        vec![("authorization", format!("Basic {pair}"))]
    }

    fn ask(&self, settings: &Settings, _what: &What) -> Vec<Ask> {
        let base = settings.text("url").unwrap_or_default();
        let ask = |project: &str| {
            let path = ["api", "v3", "projects", project];
            Some(Ask::get("project", base, &path, &[])?.of(project))
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
        if ask.name == "project" {
            // Versions name their project by its number.
            let id = reply.json().at("/id").text();
            let id = id.ok_or_else(|| Problem::Broken("it has no id".into()))?;
            let base = settings.text("url").unwrap_or_default();
            let path = ["api", "v3", "projects", &id, "versions"];
            let query = [("pageSize", "100"), ("offset", "1")];
            let next = Ask::get("versions", base, &path, &query);
            return Ok(Page {
                next: next
                    .map(|next| next.of(&ask.scope).marked(&id))
                    .into_iter()
                    .collect(),
                ..Page::default()
            });
        }
        let entries = reply.entries("/_embedded/elements")?;
        // Most versions of OpenProject give all at once, whatever was asked for.
        let before = PAGE * usize::try_from(ask.page - 1).unwrap_or_default();
        let shown = i64::try_from(before + entries.len()).unwrap_or(i64::MAX);
        let last = match reply.json().at("/total").integer() {
            Some(total) => shown >= total || entries.is_empty(),
            None => entries.len() < PAGE,
        };
        let found = observed(entries, at, |entry| {
            // Versions that other projects share are theirs.
            let of = entry.at("/_links/definingProject/href").word();
            let own = of.is_none_or(|of| of.rsplit('/').next() == Some(ask.mark.as_str()));
            match own {
                true => version(settings, entry, &ask.scope).map(Some),
                false => Ok(None),
            }
        })?;
        let offset = (ask.page + 1).to_string();
        let (next, whole) = ask.turn("offset", "1", &offset, last);
        Ok(Page {
            found,
            next,
            covered: whole.then(|| all_of("version/", &ask.scope)),
        })
    }
}

fn version(settings: &Settings, json: Json<'_>, project: &str) -> Result<Iteration, String> {
    let id = json.at("/id").text().ok_or("has no id")?;
    let updated_at = json.at("/updatedAt").start(settings);
    let updated_at = updated_at.ok_or("has no updatedAt")?;
    let starts_at = json.at("/startDate").start(settings);
    let base = settings.text("url").unwrap_or_default();
    Ok(Iteration {
        state: match json.at("/status").word() {
            Some("closed") => IterationState::Ended,
            _ if starts_at.is_some() => IterationState::Planned,
            _ => IterationState::Started,
        },
        starts_at,
        ends_at: json.at("/endDate").end(settings),
        url: Some(format!("{base}/versions/{id}")),
        scope: Some(Scope {
            kind: "project".into(),
            id: project.to_owned(),
            name: json.at("/_links/definingProject/title").text(),
        }),
        ..Iteration::sprint(
            format!("version/{id}"),
            json::named(json.at("/name").text(), "Version", None, &id),
            updated_at,
        )
    })
}
