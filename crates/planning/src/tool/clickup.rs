//! ClickUp: a sprint is a list in a sprint folder. Events name the list and say nothing of it.

use super::{Adapter, Description, Setting, SettingKind, Token, Webhook, poked};
use crate::date::Moment;
use crate::inbound::{Look, Parsed, Request};
use crate::json::{self, Json};
use crate::poll::{Ask, Page, Problem, Reply, What, all_of, observed};
use crate::settings::Settings;
use crate::signature::Scheme;
use jiff::Timestamp;
use offshoot_core::iteration::{
    Gone, Iteration, IterationKind, IterationState, Observation, Scope,
};

pub(super) struct Clickup;

const DESCRIPTION: Description = Description {
    name: "clickup",
    title: "ClickUp",
    settings: &[
        Setting {
            name: "folders",
            purpose: "the numbers of the sprint folders, as in their addresses",
            kind: SettingKind::List,
            required: true,
            default: None,
        },
        Setting {
            name: "api_url",
            purpose: "where the API is",
            kind: SettingKind::Url,
            required: false,
            default: Some("https://api.clickup.com"),
        },
    ],
    webhook: Some(Webhook {
        events: "listCreated, listUpdated, listDeleted, folderUpdated, folderDeleted",
        signature: "HMAC-SHA256 of the body in X-Signature",
        secret: "the one that ClickUp's API answers when the webhook is made",
    }),
    token: Some(Token {
        permissions: "a personal API token of a member who sees the folders; ClickUp's tokens cannot be narrowed",
        required: true,
    }),
    page: "clickup.md",
};

impl Adapter for Clickup {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn scheme(&self, _settings: &Settings) -> Scheme {
        Scheme::hex_sha256("x-signature", "")
    }

    fn parse(&self, _settings: &Settings, request: &Request, _received_at: Timestamp) -> Parsed {
        let body = match json::parse(&request.body) {
            Ok(body) => body,
            Err(why) => return Parsed::Invalid(why),
        };
        let body = Json::new(&body);
        let list = body.at("/list_id").text();
        match (body.at("/event").word(), list) {
            (Some(event @ ("listCreated" | "listUpdated" | "listDeleted")), Some(list)) => {
                Parsed::Look(Look {
                    what: What::One(format!("list/{list}")),
                    reason: event.to_owned(),
                })
            }
            (Some(event), _) if event.starts_with("list") => {
                Parsed::Invalid("it has no list_id".into())
            }
            (Some(event), _) if event.starts_with("folder") => poked(event),
            (Some(event), _) => Parsed::Ignored(format!("the event {event:?} is not about lists")),
            (None, _) => Parsed::Invalid("it has no event".into()),
        }
    }

    fn authorize(&self, _settings: &Settings, token: &str) -> Vec<(&'static str, String)> {
        vec![("authorization", token.to_owned())]
    }

    fn ask(&self, settings: &Settings, what: &What) -> Vec<Ask> {
        let base = settings.text("api_url").unwrap_or_default();
        if let What::One(list) = what {
            let list = list.strip_prefix("list/").unwrap_or(list);
            let ask = Ask::get("list", base, &["api", "v2", "list", list], &[]);
            return ask
                .map(|ask| ask.of(list).or_missing())
                .into_iter()
                .collect();
        }
        let ask = |folder: &&str| {
            let path = ["api", "v2", "folder", folder, "list"];
            Some(Ask::get("lists", base, &path, &[("archived", "false")])?.of(folder))
        };
        settings.list("folders").iter().filter_map(ask).collect()
    }

    fn read(
        &self,
        settings: &Settings,
        ask: &Ask,
        reply: &Reply,
        at: Timestamp,
    ) -> Result<Page, Problem> {
        if ask.name == "list" {
            if reply.missing {
                return Ok(Page {
                    found: vec![gone(&ask.scope, at)],
                    ..Page::default()
                });
            }
            let folders = settings.list("folders");
            let folder = reply.json().at("/folder/id").text();
            let folder = folder.filter(|folder| folders.contains(&folder.as_str()));
            let found = observed(vec![reply.json()], at, |entry| match &folder {
                Some(folder) => sprint(settings, entry, folder, at).map(Some),
                None => Ok(None),
            })?;
            return Ok(Page {
                found,
                ..Page::default()
            });
        }
        let entries = reply.entries("/lists")?;
        let archived = ask.mark == "archived";
        let found = observed(entries, at, |entry| {
            sprint(settings, entry, &ask.scope, at).map(Some)
        })?;
        // Archived ones are listed apart.
        let next = match archived {
            true => Vec::new(),
            false => vec![ask.with("archived", "true").marked("archived")],
        };
        Ok(Page {
            found,
            next,
            covered: archived.then(|| all_of("list/", &ask.scope)),
        })
    }
}

fn gone(list: &str, at: Timestamp) -> Observation {
    Observation::Gone(Gone {
        source_id: format!("list/{list}"),
        kind: IterationKind::Sprint,
        at,
        last: None,
    })
}

fn sprint(
    settings: &Settings,
    json: Json<'_>,
    folder: &str,
    at: Timestamp,
) -> Result<Iteration, String> {
    let id = json.at("/id").text().ok_or("has no id")?;
    let zone = settings.zone();
    // A date without a time is a moment of that day.
    let moment = |date: &str, time: &str| {
        let moment = json.at(date).moment(settings)?;
        Some(match (moment, json.at(time).flag()) {
            (Moment::At(at), None | Some(false)) => Moment::On(at.to_zoned(zone.clone()).date()),
            (moment, _) => moment,
        })
    };
    Ok(Iteration {
        state: match json.at("/archived").flag() {
            Some(true) => IterationState::Ended,
            _ => IterationState::Planned,
        },
        starts_at: moment("/start_date", "/start_date_time").and_then(|m| m.start(zone)),
        ends_at: moment("/due_date", "/due_date_time").and_then(|m| m.end(zone)),
        scope: Some(Scope {
            kind: "folder".into(),
            id: folder.to_owned(),
            name: json.at("/folder/name").text(),
        }),
        ..Iteration::sprint(
            format!("list/{id}"),
            json::named(json.at("/name").text(), "List", None, &id),
            at,
        )
    })
}
