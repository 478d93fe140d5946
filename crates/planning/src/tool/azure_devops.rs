//! Azure DevOps: the iterations of teams. It has no events for them; that a work item changed its iteration is
//! taken as a hint to look.

use super::{Adapter, Description, Setting, SettingKind, Token, Webhook, poked};
use crate::inbound::{Parsed, Request};
use crate::json::{self, Json};
use crate::poll::{Ask, Page, Problem, Reply, What, all_of, observed};
use crate::settings::{Fault, Settings};
use crate::signature::Scheme;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use offshoot_core::iteration::{Iteration, IterationState, Scope};
use url::Url;

pub(super) struct AzureDevops;

const DESCRIPTION: Description = Description {
    name: "azure_devops",
    title: "Azure DevOps",
    settings: &[
        Setting {
            name: "url",
            purpose: "the organization, as https://dev.azure.com/acme; a collection of Azure DevOps Server",
            kind: SettingKind::Url,
            required: true,
            default: None,
        },
        Setting {
            name: "teams",
            purpose: "whose iterations count, as Shop/Shop Team: the project and the team",
            kind: SettingKind::List,
            required: true,
            default: None,
        },
    ],
    webhook: Some(Webhook {
        events: "a service hook Web Hooks for Work item updated, field Iteration Path",
        signature: "the secret itself as the password of basic authentication",
        secret: "one that you choose, typed into Basic authentication password",
    }),
    token: Some(Token {
        permissions: "a personal access token with the scope Work Items (read)",
        required: true,
    }),
    page: "azure-devops.md",
};

impl Adapter for AzureDevops {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn check(&self, settings: &Settings) -> Vec<Fault> {
        let parts = |team: &&str| match team.split_once('/') {
            Some((project, team)) => project.is_empty() || team.is_empty() || team.contains('/'),
            None => true,
        };
        let wrong = settings.list("teams").into_iter().filter(parts);
        wrong
            .map(|team| Fault::new("teams", format!("{team:?} is not of the form PROJECT/TEAM")))
            .collect()
    }

    fn scheme(&self, _settings: &Settings) -> Scheme {
        Scheme::token_anywhere()
    }

    fn parse(&self, _settings: &Settings, request: &Request, _received_at: Timestamp) -> Parsed {
        let body = match json::parse(&request.body) {
            Ok(body) => body,
            Err(why) => return Parsed::Invalid(why),
        };
        let body = Json::new(&body);
        match body.at("/eventType").word() {
            Some("workitem.updated" | "workitem.created") => {
                match body.at("/resource/fields/System.IterationPath").exists() {
                    true => poked("a work item came into another iteration"),
                    false => Parsed::Ignored("a work item changed, and not its iteration".into()),
                }
            }
            Some(event) => Parsed::Ignored(format!("the event {event:?} is not about iterations")),
            None => Parsed::Invalid("it has no eventType".into()),
        }
    }

    fn authorize(&self, _settings: &Settings, token: &str) -> Vec<(&'static str, String)> {
        let pair = STANDARD.encode(format!(":{token}"));
        vec![("authorization", format!("Basic {pair}"))]
    }

    fn ask(&self, settings: &Settings, _what: &What) -> Vec<Ask> {
        let base = settings.text("url").unwrap_or_default();
        let ask = |slug: &str| {
            let (project, team) = slug.split_once('/')?;
            let path = [project, team, "_apis", "work", "teamsettings", "iterations"];
            let query = [("api-version", "7.1")];
            Some(Ask::get("iterations", base, &path, &query)?.of(slug))
        };
        settings.list("teams").into_iter().filter_map(ask).collect()
    }

    fn read(
        &self,
        settings: &Settings,
        ask: &Ask,
        reply: &Reply,
        at: Timestamp,
    ) -> Result<Page, Problem> {
        let entries = reply.entries("/value")?;
        let found = observed(entries, at, |entry| {
            iteration(settings, entry, &ask.scope, at).map(Some)
        })?;
        Ok(Page {
            found,
            next: Vec::new(),
            covered: Some(all_of("iteration/", &ask.scope)),
        })
    }
}

/// The sprint's page; its path begins with the project: `Shop\\Sprint 42`.
fn page(settings: &Settings, slug: &str, path: Option<&str>) -> Option<String> {
    let mut url = Url::parse(settings.text("url")?).ok()?;
    let (project, team) = slug.split_once('/')?;
    let path = path?.split('\\');
    let mut parts = url.path_segments_mut().ok()?;
    parts
        .pop_if_empty()
        .extend([project, "_sprints", "taskboard", team]);
    parts.extend(path);
    drop(parts);
    Some(url.to_string())
}

fn iteration(
    settings: &Settings,
    json: Json<'_>,
    slug: &str,
    at: Timestamp,
) -> Result<Iteration, String> {
    let id = json.at("/id").text().ok_or("has no id")?;
    let zone = settings.zone();
    // Days, written as midnights.
    let day = |place| json::day(json.at(place));
    Ok(Iteration {
        state: match json.at("/attributes/timeFrame").word() {
            // Only where it has no dates does the word say more than they do.
            Some("past") if day("/attributes/finishDate").is_none() => IterationState::Ended,
            _ => IterationState::Planned,
        },
        starts_at: day("/attributes/startDate").and_then(|day| day.start(zone)),
        ends_at: day("/attributes/finishDate").and_then(|day| day.end(zone)),
        url: page(settings, slug, json.at("/path").word()),
        scope: Some(Scope {
            kind: "team".into(),
            id: slug.to_owned(),
            name: Some(slug.to_owned()),
        }),
        // Several teams may plan the same iteration of their project, each for itself.
        ..Iteration::sprint(
            format!("iteration/{slug}/{id}"),
            json::named(json.at("/name").text(), "Iteration", None, &id),
            at,
        )
    })
}
