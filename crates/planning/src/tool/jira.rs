//! Jira, in the cloud and in one's own data center: the sprints of its boards.
//!
//! Jira says itself when a sprint starts and is closed. What it sends has no time of change of the sprint's
//! own: the event's counts, and a poll's beginning.

use super::{Adapter, Description, Setting, SettingKind, Token, Webhook};
use crate::inbound::{Parsed, Request};
use crate::json::{self, Json};
use crate::note;
use crate::poll::{Ask, Page, Problem, Reply, What, all_of, observed};
use crate::settings::Settings;
use crate::signature::{Place, Scheme};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use offshoot_core::iteration::{
    Gone, Iteration, IterationKind, IterationState, Observation, Scope,
};
use serde_json::json;

/// Where Jira runs.
pub(super) enum Jira {
    Cloud,
    DataCenter,
}

/// The most that Jira gives.
const PAGE: i64 = 50;

const BOARDS: Setting = Setting {
    name: "boards",
    purpose: "the numbers of the boards whose sprints count; all that the token sees if left out",
    kind: SettingKind::List,
    required: false,
    default: None,
};

const EVENTS: &str = "Sprint: created, updated, started, closed, deleted";

const CLOUD: Description = Description {
    name: "jira_cloud",
    title: "Jira Cloud",
    settings: &[
        Setting {
            name: "url",
            purpose: "the site, as https://acme.atlassian.net",
            kind: SettingKind::Url,
            required: true,
            default: None,
        },
        BOARDS,
        Setting {
            name: "email",
            purpose: "whose API token it is",
            kind: SettingKind::Text,
            required: false,
            default: None,
        },
    ],
    webhook: Some(Webhook {
        events: EVENTS,
        signature: "HMAC-SHA256 of the body in X-Hub-Signature; a token of an OAuth app's webhook in Authorization; \
                    or the secret itself as ?token= of the address",
        secret: "one that you choose, typed into Secret; for an OAuth app its client secret",
    }),
    token: Some(Token {
        permissions: "an API token of a user who may browse the boards' projects",
        required: false,
    }),
    page: "jira-cloud.md",
};

const DATA_CENTER: Description = Description {
    name: "jira_data_center",
    title: "Jira Data Center",
    settings: &[
        Setting {
            name: "url",
            purpose: "where Jira is, as https://jira.acme.example",
            kind: SettingKind::Url,
            required: true,
            default: None,
        },
        BOARDS,
    ],
    webhook: Some(Webhook {
        events: EVENTS,
        signature: "HMAC-SHA256 of the body in X-Hub-Signature where Jira signs, else the secret itself as ?token= of \
                    the address",
        secret: "one that you choose, typed into Secret, or into the address behind ?token=",
    }),
    token: Some(Token {
        permissions: "a personal access token of a user who may browse the boards' projects",
        required: false,
    }),
    page: "jira-data-center.md",
};

impl Adapter for Jira {
    fn description(&self) -> &'static Description {
        match self {
            Jira::Cloud => &CLOUD,
            Jira::DataCenter => &DATA_CENTER,
        }
    }

    fn scheme(&self, _settings: &Settings) -> Scheme {
        let mut schemes = vec![
            Scheme::hex_sha256("x-hub-signature", "sha256="),
            Scheme::Token(Place::Query),
        ];
        if matches!(self, Jira::Cloud) {
            schemes.push(Scheme::Jwt);
        }
        Scheme::FirstOf(schemes)
    }

    fn delivery_header<'a>(&self, _settings: &'a Settings) -> Option<&'a str> {
        Some("x-atlassian-webhook-identifier")
    }

    fn event_headers(&self) -> &'static [&'static str] {
        &["x-atlassian-webhook-identifier"]
    }

    fn parse(&self, settings: &Settings, request: &Request, received_at: Timestamp) -> Parsed {
        let body = match json::parse(&request.body) {
            Ok(body) => body,
            Err(why) => return Parsed::Invalid(why),
        };
        let body = Json::new(&body);
        let event = match body.at("/webhookEvent").word() {
            Some(event) if event.starts_with("sprint_") => event,
            Some(event) => {
                return Parsed::Ignored(format!("the event {event:?} is not about sprints"));
            }
            None => return Parsed::Invalid("it has no webhookEvent".into()),
        };
        let at = body.at("/timestamp").start(settings).unwrap_or(received_at);
        let sprint = match sprint(settings, body.at("/sprint"), at) {
            Ok(sprint) => sprint,
            Err(lacks) => return Parsed::Invalid(format!("its sprint {lacks}")),
        };
        let boards = settings.list("boards");
        let board = sprint.scope.as_ref().map(|scope| scope.id.as_str());
        if let Some(board) = board.filter(|board| !boards.is_empty() && !boards.contains(board)) {
            return Parsed::Ignored(format!("board {board} is none of the integration's boards"));
        }
        if event != "sprint_deleted" {
            return Parsed::Observed(vec![Observation::Seen(sprint)]);
        }
        Parsed::Observed(vec![Observation::Gone(Gone {
            source_id: sprint.source_id.clone(),
            kind: IterationKind::Sprint,
            at: received_at.max(at),
            last: Some(sprint),
        })])
    }

    fn authorize(&self, settings: &Settings, token: &str) -> Vec<(&'static str, String)> {
        let value = match (self, settings.text("email")) {
            (Jira::Cloud, Some(email)) => {
                format!("Basic {}", STANDARD.encode(format!("{email}:{token}")))
            }
            _ => format!("Bearer {token}"),
        };
        vec![("authorization", value)]
    }

    fn ask(&self, settings: &Settings, _what: &What) -> Vec<Ask> {
        let base = settings.text("url").unwrap_or_default();
        let boards = settings.list("boards");
        if !boards.is_empty() {
            return boards
                .iter()
                .filter_map(|board| sprints_of(base, board))
                .collect();
        }
        let path = ["rest", "agile", "1.0", "board"];
        let query = [("maxResults", "50"), ("startAt", "0")];
        Ask::get("boards", base, &path, &query)
            .into_iter()
            .collect()
    }

    fn note(&self, settings: &Settings, iteration: &Iteration) -> Option<Ask> {
        let id = iteration.source_id.strip_prefix("sprint/")?;
        let path = ["rest", "agile", "1.0", "sprint", id];
        Ask::get(note::READ, settings.text("url")?, &path, &[])
    }

    fn read(
        &self,
        settings: &Settings,
        ask: &Ask,
        reply: &Reply,
        at: Timestamp,
    ) -> Result<Page, Problem> {
        if matches!(ask.name, note::READ | note::WRITTEN) {
            return noted(ask, reply);
        }
        if reply.missing {
            // A board without sprints, among all that were found.
            return Ok(Page::default());
        }
        let base = settings.text("url").unwrap_or_default();
        let entries = reply.entries("/values")?;
        let count = i64::try_from(entries.len()).unwrap_or(PAGE);
        let start = reply.json().at("/startAt").integer().unwrap_or_default();
        let last = match reply.json().at("/isLast").flag() {
            Some(last) => last || count == 0,
            None => count < reply.json().at("/maxResults").integer().unwrap_or(PAGE),
        };
        let after = start.saturating_add(count).to_string();
        if ask.name == "boards" {
            let mut next = Vec::new();
            next.extend((!last).then(|| ask.with("startAt", &after)));
            let boards = entries
                .iter()
                .filter(|board| board.at("/type").word() != Some("kanban"));
            let boards = boards.filter_map(|board| board.at("/id").text());
            let found = boards.filter_map(|board| Some(sprints_of(base, &board)?.or_missing()));
            next.extend(found);
            return Ok(Page {
                next,
                ..Page::default()
            });
        }
        let found = observed(entries, at, |entry| {
            let found = sprint(settings, entry, at)?;
            // A board also shows sprints of others whose issues it has; those are theirs.
            let own = found
                .scope
                .as_ref()
                .is_none_or(|scope| scope.id == ask.scope);
            Ok(own.then(|| Iteration {
                scope: Some(board(&ask.scope)),
                url: page(settings, &ask.scope),
                ..found
            }))
        })?;
        let (next, whole) = ask.turn("startAt", "0", &after, last);
        Ok(Page {
            found,
            next,
            covered: whole.then(|| all_of("sprint/", &ask.scope)),
        })
    }
}

/// A sprint has one text, its goal: the note is a line of it.
fn noted(ask: &Ask, reply: &Reply) -> Result<Page, Problem> {
    if ask.name == note::WRITTEN {
        return Ok(Page::default());
    }
    let goal = note::text_at(&reply.body, "/goal")?;
    Ok(note::rewritten(&goal, &ask.mark, note::Form::Line, |new| {
        // Jira changes of a sprint what it is sent, and leaves the rest.
        let write = Ask::get(note::WRITTEN, ask.url.as_str(), &[], &[])?;
        Some(write.sends("POST", json!({"goal": new})))
    }))
}

fn sprints_of(base: &str, board: &str) -> Option<Ask> {
    let path = ["rest", "agile", "1.0", "board", board, "sprint"];
    let query = [("maxResults", "50"), ("startAt", "0")];
    Some(Ask::get("sprints", base, &path, &query)?.of(board))
}

fn board(id: &str) -> Scope {
    Scope {
        kind: "board".into(),
        id: id.to_owned(),
        name: None,
    }
}

fn page(settings: &Settings, board: &str) -> Option<String> {
    let base = settings.text("url")?;
    Some(format!("{base}/secure/RapidBoard.jspa?rapidView={board}"))
}

/// A sprint as events and the API have it.
fn sprint(settings: &Settings, json: Json<'_>, at: Timestamp) -> Result<Iteration, String> {
    let id = json.at("/id").text().ok_or("has no id")?;
    let origin = json.at("/originBoardId").text();
    Ok(Iteration {
        state: match json.at("/state").word().map(str::to_lowercase).as_deref() {
            Some("active") => IterationState::Started,
            Some("closed") => IterationState::Ended,
            Some("future") => IterationState::Planned,
            Some(_) => return Err("has a state that is not known".into()),
            None => return Err("has no state".into()),
        },
        starts_at: json.at("/startDate").start(settings),
        ends_at: json.at("/endDate").end(settings),
        announces_start: true,
        announces_end: true,
        url: origin.as_deref().and_then(|board| page(settings, board)),
        scope: origin.as_deref().map(board),
        ..Iteration::sprint(
            format!("sprint/{id}"),
            json::named(json.at("/name").text(), "Sprint", None, &id),
            at,
        )
    })
}
