//! monday.com: a sprint is an item of the Sprints board, with its dates in columns. Events are hints to look.

use super::{Adapter, Description, Setting, SettingKind, Token, Webhook, poked};
use crate::date::Moment;
use crate::inbound::{Answer, Parsed, Request};
use crate::json::{self, Json};
use crate::poll::{Ask, Page, Problem, Reply, What, observed, open_of};
use crate::settings::Settings;
use crate::signature::{Place, Scheme, Unverified};
use jiff::Timestamp;
use offshoot_core::iteration::{
    Gone, Iteration, IterationKind, IterationState, Observation, Scope,
};
use secrecy::SecretString;
use serde_json::{Value, json};

pub(super) struct Monday;

const FIRST: &str = "query($board: [ID!]) { boards(ids: $board) { id name items_page(limit: 100) { cursor items { \
    id name url state updated_at column_values { id type text value } } } } }";
const NEXT: &str = "query($cursor: String!) { next_items_page(limit: 100, cursor: $cursor) { cursor items { \
    id name url state updated_at column_values { id type text value } } } }";

/// Longer than any challenge of monday.com's.
const LONGEST_CHALLENGE: usize = 1000;

const DESCRIPTION: Description = Description {
    name: "monday",
    title: "monday.com",
    settings: &[
        Setting {
            name: "boards",
            purpose: "the numbers of the Sprints boards, as in their addresses",
            kind: SettingKind::List,
            required: true,
            default: None,
        },
        Setting {
            name: "timeline_column",
            purpose: "the id of the column with first and last day; columns of dates may also hold them, see below",
            kind: SettingKind::Text,
            required: false,
            default: Some("sprint_timeline"),
        },
        Setting {
            name: "start_column",
            purpose: "the id of the column with the first day, where it is another one",
            kind: SettingKind::Text,
            required: false,
            default: None,
        },
        Setting {
            name: "end_column",
            purpose: "the id of the column with the last day, where it is another one",
            kind: SettingKind::Text,
            required: false,
            default: None,
        },
        Setting {
            name: "started_column",
            purpose: "the id of the check box that says that it began",
            kind: SettingKind::Text,
            required: false,
            default: Some("sprint_activation"),
        },
        Setting {
            name: "ended_column",
            purpose: "the id of the check box that says that it is over",
            kind: SettingKind::Text,
            required: false,
            default: Some("sprint_completion"),
        },
        Setting {
            name: "api_url",
            purpose: "where the API is",
            kind: SettingKind::Url,
            required: false,
            default: Some("https://api.monday.com/v2"),
        },
    ],
    webhook: Some(Webhook {
        events: "when an item is created, when any column changes, when an item's name changes, when an item is \
                 deleted or archived",
        signature: "the secret itself as ?token= of the address; a signed token in Authorization where an app made \
                    the webhook",
        secret: "one that you choose, in the address behind ?token=; for an app its signing secret",
    }),
    token: Some(Token {
        permissions: "an API token of a member who sees the boards; for an app the scope boards:read",
        required: true,
    }),
    page: "monday.md",
};

impl Adapter for Monday {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn handshake(
        &self,
        _settings: &Settings,
        _secrets: &[SecretString],
        request: &Request,
    ) -> Option<Result<Answer, Unverified>> {
        // It asks before anything is set up, and signs it with nothing; the answer says nothing either.
        if request.body.len() > 2 * LONGEST_CHALLENGE {
            return None;
        }
        let body: Value = serde_json::from_slice(&request.body).ok()?;
        let challenge = body.get("challenge")?.as_str()?;
        if body.get("event").is_some() || challenge.len() > LONGEST_CHALLENGE {
            return None;
        }
        Some(Ok(Answer {
            headers: vec![("content-type", "application/json".into())],
            body: json!({"challenge": challenge}).to_string().into_bytes(),
            ..Answer::empty()
        }))
    }

    fn scheme(&self, _settings: &Settings) -> Scheme {
        Scheme::FirstOf(vec![Scheme::Token(Place::Query), Scheme::Jwt])
    }

    fn parse(&self, settings: &Settings, request: &Request, received_at: Timestamp) -> Parsed {
        let body = match json::parse(&request.body) {
            Ok(body) => body,
            Err(why) => return Parsed::Invalid(why),
        };
        let event = Json::new(&body).at("/event");
        let Some(kind) = event.at("/type").word() else {
            return Parsed::Invalid("it has no event/type".into());
        };
        let board = event.at("/boardId").text();
        let boards = settings.list("boards");
        if !board.is_some_and(|board| boards.contains(&board.as_str())) {
            return Parsed::Ignored("it is about none of the integration's boards".into());
        }
        let item = event.at("/pulseId").text().or(event.at("/itemId").text());
        match (kind, item) {
            ("delete_pulse" | "delete_item" | "item_deleted", Some(item)) => {
                Parsed::Observed(vec![Observation::Gone(Gone {
                    source_id: format!("item/{item}"),
                    kind: IterationKind::Sprint,
                    at: received_at,
                    last: None,
                })])
            }
            _ => poked(kind),
        }
    }

    fn authorize(&self, _settings: &Settings, token: &str) -> Vec<(&'static str, String)> {
        vec![
            ("authorization", token.to_owned()),
            ("api-version", "2025-04".into()),
        ]
    }

    fn ask(&self, settings: &Settings, _what: &What) -> Vec<Ask> {
        let api = settings.text("api_url").unwrap_or_default();
        let ask = |board: &str| {
            let body = json!({"query": FIRST, "variables": {"board": [board]}});
            Some(Ask::post("items", api, body)?.of(board))
        };
        settings
            .list("boards")
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
        if let Some(problem) = refusal(reply.json()) {
            return Err(problem);
        }
        let first = ask.mark.is_empty();
        let place = match first {
            true => "/data/boards/0/items_page",
            false => "/data/next_items_page",
        };
        let boards = reply.json().at("/data/boards");
        if first && boards.exists() && !boards.at("/0").exists() {
            let why = "there is no such board, or the token may not see it";
            return Err(Problem::Refused(why.into()));
        }
        let entries = reply.entries(&format!("{place}/items"))?;
        let found = observed(entries, at, |entry| {
            sprint(settings, entry, &ask.scope, at).map(Some)
        })?;
        let cursor = reply.json().at(place).at("/cursor").word();
        let api = settings.text("api_url").unwrap_or_default();
        let next = cursor.and_then(|cursor| {
            let body = json!({"query": NEXT, "variables": {"cursor": cursor}});
            Some(Ask::post("items", api, body)?.of(&ask.scope).marked("next"))
        });
        Ok(Page {
            found,
            // It lists neither archived nor deleted items; which of the two it was only an event says.
            covered: next.is_none().then(|| open_of("item/", &ask.scope)),
            next: next.into_iter().collect(),
        })
    }
}

/// It answers 200 to questions that it refuses.
fn refusal(json: Json<'_>) -> Option<Problem> {
    let error = json.at("/errors/0");
    let code = [json.at("/error_code"), error.at("/extensions/code")];
    let code = code.iter().find_map(|code| code.word());
    if code.is_none() && !error.exists() && !json.at("/error_message").exists() {
        return None;
    }
    let why = [json.at("/error_message"), error.at("/message")];
    let why = why.iter().find_map(|why| why.text());
    let why = why.unwrap_or_else(|| "an error without a message".into());
    Some(match code {
        Some("ComplexityException" | "COMPLEXITY_BUDGET_EXHAUSTED" | "maxConcurrencyExceeded") => {
            Problem::Limited
        }
        Some(_) => Problem::Refused(why),
        None => Problem::Broken(why),
    })
}

fn sprint(
    settings: &Settings,
    json: Json<'_>,
    board: &str,
    at: Timestamp,
) -> Result<Iteration, String> {
    let id = json.at("/id").text().ok_or("has no id")?;
    let updated_at = json.at("/updated_at").start(settings).unwrap_or(at);
    // What a column holds is JSON in text.
    let column = |setting: &str| -> Value {
        let wanted = settings.text(setting);
        let mut columns = json.at("/column_values").items();
        let found = columns.find(|column| wanted.is_some() && column.at("/id").word() == wanted);
        let text = found.and_then(|column| column.at("/value").word());
        text.and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default()
    };
    let timeline = column("timeline_column");
    let zone = settings.zone();
    let day = |setting: &str, of_timeline: &str| -> Option<Moment> {
        let own = column(setting);
        let own = Json::new(&own).at("/date").moment(settings);
        own.or_else(|| Json::new(&timeline).at(of_timeline).moment(settings))
    };
    let checked = |setting: &str| match column(setting).get("checked") {
        Some(Value::Bool(checked)) => *checked,
        Some(Value::String(checked)) => checked == "true",
        _ => false,
    };
    let archived = matches!(json.at("/state").word(), Some("archived" | "deleted"));
    Ok(Iteration {
        state: match () {
            () if archived || checked("ended_column") => IterationState::Ended,
            () if checked("started_column") => IterationState::Started,
            () => IterationState::Planned,
        },
        starts_at: day("start_column", "/from").and_then(|day| day.start(zone)),
        ends_at: day("end_column", "/to").and_then(|day| day.end(zone)),
        url: json.at("/url").text(),
        scope: Some(Scope {
            kind: "board".into(),
            id: board.to_owned(),
            name: None,
        }),
        ..Iteration::sprint(
            format!("item/{id}"),
            json::named(json.at("/name").text(), "Item", None, &id),
            updated_at,
        )
    })
}
