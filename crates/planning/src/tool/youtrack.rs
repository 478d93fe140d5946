//! YouTrack: the sprints of agile boards. It has no events for them and is polled; whatever else can send a
//! request with the secret, such as a workflow, makes that happen at once.

use super::{Adapter, Description, Setting, SettingKind, Token, Webhook, poked};
use crate::date::Moment;
use crate::inbound::{Parsed, Request};
use crate::json::{self, Json};
use crate::poll::{Ask, Page, Problem, Reply, What, all_of, observed};
use crate::settings::Settings;
use crate::signature::Scheme;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use offshoot_core::iteration::{Iteration, IterationState, Scope};

pub(super) struct Youtrack;

const DESCRIPTION: Description = Description {
    name: "youtrack",
    title: "YouTrack",
    settings: &[
        Setting {
            name: "url",
            purpose: "where YouTrack is, as https://acme.youtrack.cloud",
            kind: SettingKind::Url,
            required: true,
            default: None,
        },
        Setting {
            name: "boards",
            purpose: "the ids of the agile boards whose sprints count, as in their addresses: 131-4",
            kind: SettingKind::List,
            required: true,
            default: None,
        },
    ],
    webhook: Some(Webhook {
        events: "none of sprints; any request with the secret means that something changed",
        signature: "the secret itself in Authorization, X-Webhook-Token or ?token= of the address",
        secret: "one that you choose",
    }),
    token: Some(Token {
        permissions: "a permanent token with the scope YouTrack, of a user who sees the boards",
        required: true,
    }),
    page: "youtrack.md",
};

impl Adapter for Youtrack {
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
        vec![("authorization", format!("Bearer {token}"))]
    }

    fn ask(&self, settings: &Settings, _what: &What) -> Vec<Ask> {
        let base = settings.text("url").unwrap_or_default();
        let ask = |board: &str| {
            let path = ["api", "agiles", board, "sprints"];
            let fields = "id,name,start,finish,archived,isDefault,agile(name)";
            let query = [("fields", fields), ("$top", "100"), ("$skip", "0")];
            Some(Ask::get("sprints", base, &path, &query)?.of(board))
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
        let entries = reply.entries("")?;
        // A page may be shorter than what was asked for; there is more until there is nothing.
        let skipped: usize = ask.parameter("$skip").unwrap_or_default();
        let skip = skipped.saturating_add(entries.len());
        let last = entries.is_empty();
        let found = observed(entries, at, |entry| {
            sprint(settings, entry, &ask.scope, at).map(Some)
        })?;
        let (next, whole) = ask.turn("$skip", "0", &skip.to_string(), last);
        Ok(Page {
            found,
            next,
            covered: whole.then(|| all_of("sprint/", &ask.scope)),
        })
    }
}

fn sprint(
    settings: &Settings,
    json: Json<'_>,
    board: &str,
    at: Timestamp,
) -> Result<Iteration, String> {
    let id = json.at("/id").text().ok_or("has no id")?;
    let zone = settings.zone();
    // Days, written as moments of that day in UTC.
    let day = |place| match json.at(place).moment(settings)? {
        Moment::At(at) => Some(Moment::On(at.to_zoned(TimeZone::UTC).date())),
        day @ Moment::On(_) => Some(day),
    };
    let base = settings.text("url").unwrap_or_default();
    Ok(Iteration {
        state: match json.at("/archived").flag() {
            Some(true) => IterationState::Ended,
            // A board without sprints has one that holds everything, without dates.
            _ if json.at("/start").exists() => IterationState::Planned,
            _ => IterationState::Started,
        },
        starts_at: day("/start").and_then(|day| day.start(zone)),
        ends_at: day("/finish").and_then(|day| day.end(zone)),
        url: Some(format!("{base}/agiles/{board}/{id}")),
        scope: Some(Scope {
            kind: "board".into(),
            id: board.to_owned(),
            name: json.at("/agile/name").text(),
        }),
        ..Iteration::sprint(
            format!("sprint/{id}"),
            json::named(json.at("/name").text(), "Sprint", None, &id),
            at,
        )
    })
}
