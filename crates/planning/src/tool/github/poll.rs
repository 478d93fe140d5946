//! What GitHub's API is asked, and how its answers are read.

use super::{MILESTONES, PROJECTS, PULL_REQUESTS, milestone, pull_request};
use crate::date::Moment;
use crate::json::Json;
use crate::poll::{Ask, Page, Problem, Reply, all_of, observed, open_of};
use crate::settings::Settings;
use jiff::{Timestamp, ToSpan};
use offshoot_core::iteration::{Iteration, Observation, Scope};
use serde_json::json;

/// The most that GitHub gives.
const PAGE: usize = 100;

const QUERY: &str = "query($owner: String!, $number: Int!) { repositoryOwner(login: $owner) { \
    ... on ProjectV2Owner { projectV2(number: $number) { title url fields(first: 100) { nodes { \
    ... on ProjectV2IterationField { name configuration { \
    iterations { id title startDate duration } \
    completedIterations { id title startDate duration } } } } } } } } }";

pub(super) fn ask(settings: &Settings) -> Vec<Ask> {
    let api = settings.text("api_url").unwrap_or_default();
    let mut asks = Vec::new();
    for slug in settings.list("repositories") {
        let Some((owner, name)) = slug.split_once('/') else {
            continue;
        };
        let page = [("per_page", "100"), ("page", "1")];
        let mut list = |what, of, query: &[(&str, &str)]| {
            let path = ["repos", owner, name, of];
            asks.extend(Ask::get(what, api, &path, query).map(|ask| ask.of(slug)));
        };
        if settings.lists("watch", MILESTONES) {
            list(
                MILESTONES,
                "milestones",
                &[&[("state", "all")], &page[..]].concat(),
            );
        }
        if settings.lists("watch", PULL_REQUESTS) {
            list(
                PULL_REQUESTS,
                "pulls",
                &[&[("state", "open")], &page[..]].concat(),
            );
        }
    }
    if settings.lists("watch", PROJECTS) {
        // On GitHub Enterprise Server `…/api/v3` has `…/api/graphql` beside it.
        let graphql = format!("{}/graphql", api.strip_suffix("/v3").unwrap_or(api));
        for slug in settings.list("projects") {
            let (owner, number) = slug.split_once('/').unwrap_or((slug, ""));
            let number: u32 = number.parse().unwrap_or_default();
            let body = json!({"query": QUERY, "variables": {"owner": owner, "number": number}});
            asks.extend(Ask::post(PROJECTS, &graphql, body).map(|ask| ask.of(slug)));
        }
    }
    asks
}

pub(super) fn read(
    settings: &Settings,
    ask: &Ask,
    reply: &Reply,
    at: Timestamp,
) -> Result<Page, Problem> {
    if ask.name == PROJECTS {
        return project(settings, ask, reply, at);
    }
    let entries = reply.entries("")?;
    let last = entries.len() < PAGE;
    let milestones = ask.name == MILESTONES;
    let found = observed(entries, at, |entry| {
        match milestones {
            true => milestone(settings, entry, &ask.scope),
            false => pull_request(settings, entry, &ask.scope, at),
        }
        .map(Some)
    })?;
    let (next, whole) = ask.turn_page(last);
    Ok(Page {
        found,
        next,
        covered: whole.then(|| match milestones {
            true => all_of("milestone/", &ask.scope),
            false => open_of("pull_request/", &ask.scope),
        }),
    })
}

fn project(settings: &Settings, ask: &Ask, reply: &Reply, at: Timestamp) -> Result<Page, Problem> {
    if let Some(problem) = refusal(reply.json()) {
        return Err(problem);
    }
    let project = reply.json().at("/data/repositoryOwner/projectV2");
    if !reply.json().at("/data").exists() {
        return Err(Problem::Broken("it has no data".into()));
    }
    if !project.exists() {
        let why = "there is no such project, or the token may not see it";
        return Err(Problem::Refused(why.into()));
    }
    let mut found = Vec::new();
    for field in project.at("/fields/nodes").items() {
        for list in [
            "/configuration/iterations",
            "/configuration/completedIterations",
        ] {
            for entry in field.at(list).items() {
                let iteration = iteration(settings, entry, project, &ask.scope, at);
                let iteration = iteration
                    .ok_or_else(|| Problem::Broken("an iteration has no id or no dates".into()))?;
                found.push(Observation::Seen(iteration));
            }
        }
    }
    Ok(Page {
        found,
        next: Vec::new(),
        covered: Some(all_of("iteration/", &ask.scope)),
    })
}

/// GraphQL answers 200 to questions that it refuses.
fn refusal(json: Json<'_>) -> Option<Problem> {
    let error = json.at("/errors/0");
    if !error.exists() {
        return None;
    }
    let why = error.at("/message").text();
    let why = why.unwrap_or_else(|| "an error without a message".into());
    Some(match error.at("/type").word() {
        Some("RATE_LIMITED" | "RATE_LIMIT") => Problem::Limited,
        Some(_) => Problem::Refused(why),
        None => Problem::Broken(why),
    })
}

fn iteration(
    settings: &Settings,
    json: Json<'_>,
    project: Json<'_>,
    scope: &str,
    at: Timestamp,
) -> Option<Iteration> {
    let id = json.at("/id").text()?;
    let Moment::On(first) = json.at("/startDate").moment(settings)? else {
        return None;
    };
    let days = json.at("/duration").integer()?.clamp(1, 3660);
    let last = first.checked_add((days - 1).days()).ok()?;
    let name = json.at("/title").text();
    let name = name.unwrap_or_else(|| format!("Iteration {first}"));
    Some(Iteration {
        starts_at: Moment::On(first).start(settings.zone()),
        ends_at: Moment::On(last).end(settings.zone()),
        url: project.at("/url").text(),
        scope: Some(Scope {
            kind: "project".into(),
            id: scope.to_owned(),
            name: project.at("/title").text(),
        }),
        ..Iteration::sprint(format!("iteration/{id}"), name, at)
    })
}
