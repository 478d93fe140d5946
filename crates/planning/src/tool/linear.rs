//! Linear: the cycles of teams. It makes them by itself, long before they begin, and mostly without names.

use super::{Adapter, Description, Setting, SettingKind, Token, Webhook};
use crate::inbound::{Parsed, Request};
use crate::json::{self, Json};
use crate::note;
use crate::poll::{Ask, Page, Problem, Reply, What, all_of, observed};
use crate::settings::Settings;
use crate::signature::Scheme;
use jiff::Timestamp;
use offshoot_core::iteration::{
    Covered, Gone, Iteration, IterationKind, IterationState, Observation, Scope,
};
use serde_json::json;

pub(super) struct Linear;

const QUERY: &str = "query($after: String, $filter: CycleFilter) { \
    cycles(first: 100, after: $after, filter: $filter, includeArchived: true) { \
    nodes { id number name startsAt endsAt completedAt updatedAt team { id name } } \
    pageInfo { hasNextPage endCursor } } }";

const DESCRIBED: &str = "query($id: String!) { cycle(id: $id) { description } }";
const DESCRIBE: &str = "mutation($id: String!, $input: CycleUpdateInput!) { cycleUpdate(id: $id, input: $input) { \
    success } }";

const DESCRIPTION: Description = Description {
    name: "linear",
    title: "Linear",
    settings: &[
        Setting {
            name: "teams",
            purpose: "the ids (UUIDs) of the teams whose cycles count; all that the key sees if left out",
            kind: SettingKind::List,
            required: false,
            default: None,
        },
        Setting {
            name: "api_url",
            purpose: "where the API is",
            kind: SettingKind::Url,
            required: false,
            default: Some("https://api.linear.app/graphql"),
        },
    ],
    webhook: Some(Webhook {
        events: "Cycles",
        signature: "HMAC-SHA256 of the body in Linear-Signature",
        secret: "the signing secret that Linear shows with the webhook",
    }),
    token: Some(Token {
        permissions: "a personal API key with the permission Read, for the teams",
        required: false,
    }),
    page: "linear.md",
};

impl Adapter for Linear {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn scheme(&self, _settings: &Settings) -> Scheme {
        // Its time is not looked at: Linear comes again after hours with what it could not deliver, and the
        // delivery's id tells what was sent twice.
        Scheme::hex_sha256("linear-signature", "")
    }

    fn delivery_header<'a>(&self, _settings: &'a Settings) -> Option<&'a str> {
        Some("linear-delivery")
    }

    fn event_headers(&self) -> &'static [&'static str] {
        &["linear-delivery", "linear-event"]
    }

    fn parse(&self, settings: &Settings, request: &Request, received_at: Timestamp) -> Parsed {
        let body = match json::parse(&request.body) {
            Ok(body) => body,
            Err(why) => return Parsed::Invalid(why),
        };
        let body = Json::new(&body);
        match body.at("/type").word() {
            Some("Cycle") => {}
            Some(kind) => {
                return Parsed::Ignored(format!("an event of {kind:?} is not about cycles"));
            }
            None => return Parsed::Invalid("it has no type".into()),
        }
        let data = body.at("/data");
        let team = data.at("/teamId").text().or(data.at("/team/id").text());
        let mut cycle = match cycle(settings, data, team, received_at) {
            Ok(cycle) => cycle,
            Err(lacks) => return Parsed::Invalid(format!("its cycle {lacks}")),
        };
        cycle.url = body.at("/url").text();
        let teams = settings.list("teams");
        let team = cycle.scope.as_ref().map(|scope| scope.id.as_str());
        if !teams.is_empty() && !team.is_some_and(|team| teams.contains(&team)) {
            let team = team.unwrap_or("without an id");
            return Parsed::Ignored(format!("team {team} is none of the integration's teams"));
        }
        if body.at("/action").word() != Some("remove") {
            return Parsed::Observed(vec![Observation::Seen(cycle)]);
        }
        Parsed::Observed(vec![Observation::Gone(Gone {
            source_id: cycle.source_id.clone(),
            kind: IterationKind::Sprint,
            at: received_at.max(cycle.updated_at),
            last: Some(cycle),
        })])
    }

    fn authorize(&self, _settings: &Settings, token: &str) -> Vec<(&'static str, String)> {
        // Personal keys stand alone, tokens of OAuth behind their kind.
        let value = match token.starts_with("lin_oauth") {
            true => format!("Bearer {token}"),
            false => token.to_owned(),
        };
        vec![("authorization", value)]
    }

    fn ask(&self, settings: &Settings, _what: &What) -> Vec<Ask> {
        let api = settings.text("api_url").unwrap_or_default();
        let teams = settings.list("teams");
        let ask = |team: Option<&str>| {
            let filter = team.map(|team| json!({"team": {"id": {"eq": team}}}));
            let body = json!({"query": QUERY, "variables": {"after": null, "filter": filter}});
            Some(Ask::post("cycles", api, body)?.of(team.unwrap_or_default()))
        };
        match teams.is_empty() {
            true => ask(None).into_iter().collect(),
            false => teams
                .into_iter()
                .filter_map(|team| ask(Some(team)))
                .collect(),
        }
    }

    fn note(&self, settings: &Settings, iteration: &Iteration) -> Option<Ask> {
        let id = iteration.source_id.strip_prefix("cycle/")?;
        let body = json!({"query": DESCRIBED, "variables": {"id": id}});
        Some(Ask::post(note::READ, settings.text("api_url")?, body)?.of(id))
    }

    fn read(
        &self,
        settings: &Settings,
        ask: &Ask,
        reply: &Reply,
        at: Timestamp,
    ) -> Result<Page, Problem> {
        let json = reply.json();
        if let Some(problem) = refusal(json) {
            return Err(problem);
        }
        if matches!(ask.name, note::READ | note::WRITTEN) {
            return noted(ask, reply);
        }
        let entries = reply.entries("/data/cycles/nodes")?;
        let found = observed(entries, at, |entry| {
            cycle(settings, entry, entry.at("/team/id").text(), at).map(Some)
        })?;
        let pages = json.at("/data/cycles/pageInfo");
        let after = pages.at("/endCursor").word();
        let after = after.filter(|_| pages.at("/hasNextPage").flag() == Some(true));
        let next = after.and_then(|after| ask.with_variable("after", after));
        let whole = Covered {
            scope_id: (!ask.scope.is_empty()).then(|| ask.scope.clone()),
            ..all_of("cycle/", "")
        };
        Ok(Page {
            found,
            covered: next.is_none().then_some(whole),
            next: next.into_iter().collect(),
        })
    }
}

/// Linear's text loses HTML comments, so the note is a line.
fn noted(ask: &Ask, reply: &Reply) -> Result<Page, Problem> {
    if ask.name == note::WRITTEN {
        return Ok(Page::default());
    }
    let cycle = reply.json().at("/data/cycle").value();
    let cycle = cycle.ok_or_else(|| Problem::Refused("there is no such cycle".into()))?;
    let text = note::text_at(cycle, "/description")?;
    Ok(note::rewritten(&text, &ask.mark, note::Form::Line, |new| {
        let variables = json!({"id": ask.scope, "input": {"description": new}});
        let body = json!({"query": DESCRIBE, "variables": variables});
        Some(Ask::post(note::WRITTEN, ask.url.as_str(), body)?.of(&ask.scope))
    }))
}

/// A cycle as events and the API have it.
fn cycle(
    settings: &Settings,
    json: Json<'_>,
    team: Option<String>,
    at: Timestamp,
) -> Result<Iteration, String> {
    let id = json.at("/id").text().ok_or("has no id")?;
    let number = json.at("/number").integer();
    let updated_at = json.at("/updatedAt").start(settings).unwrap_or(at);
    let name = json::named(json.at("/name").text(), "Cycle", number, &id);
    Ok(Iteration {
        number,
        state: match json.at("/completedAt").exists() {
            true => IterationState::Ended,
            false => IterationState::Planned,
        },
        starts_at: json.at("/startsAt").start(settings),
        ends_at: json.at("/endsAt").end(settings),
        scope: team.map(|id| Scope {
            kind: "team".into(),
            id,
            name: json.at("/team/name").text(),
        }),
        ..Iteration::sprint(format!("cycle/{id}"), name, updated_at)
    })
}

/// What it says of a question that it refuses, with 200 and with 400.
fn refusal(json: Json<'_>) -> Option<Problem> {
    let error = json.at("/errors/0");
    if !error.exists() {
        return None;
    }
    let said = ["/extensions/userPresentableMessage", "/message"];
    let why = said.iter().find_map(|place| error.at(place).text());
    let why = why.unwrap_or_else(|| "an error without a message".into());
    Some(match error.at("/extensions/code").word() {
        Some("RATELIMITED") => Problem::Limited,
        Some(_) => Problem::Refused(why),
        None => Problem::Broken(why),
    })
}
