//! What GitLab's API is asked, and how its answers are read.

use super::{Home, ITERATIONS, MERGE_REQUESTS, MILESTONES, merge_request, milestone};
use crate::json::{self, Json};
use crate::poll::{Ask, Page, Problem, Reply, all_of, observed, open_of};
use crate::settings::Settings;
use jiff::Timestamp;
use offshoot_core::iteration::{Iteration, IterationState};

/// The most that GitLab gives.
const PAGE: usize = 100;

pub(super) fn ask(settings: &Settings) -> Vec<Ask> {
    let base = settings.text("url").unwrap_or_default();
    let mut asks = Vec::new();
    let mut list = |what: &'static str, homes: &str, path: &str, more: Option<(&str, &str)>| {
        let mut query = vec![("per_page", "100"), ("page", "1")];
        query.extend(more);
        let path = ["api", "v4", homes, path, what];
        // The scope may be a group and a project of the same name: the mark says which.
        let ask = Ask::get(what, base, &path, &query).map(|ask| ask.of(path[3]).marked(homes));
        asks.extend(ask);
    };
    for project in settings.list("projects") {
        if settings.lists("watch", MILESTONES) {
            list(MILESTONES, "projects", project, None);
        }
        if settings.lists("watch", MERGE_REQUESTS) {
            list(
                MERGE_REQUESTS,
                "projects",
                project,
                Some(("state", "opened")),
            );
        }
    }
    for group in settings.list("groups") {
        if settings.lists("watch", MILESTONES) {
            list(MILESTONES, "groups", group, None);
        }
        if settings.lists("watch", ITERATIONS) {
            list(
                ITERATIONS,
                "groups",
                group,
                Some(("include_ancestors", "false")),
            );
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
    let entries = reply.entries("")?;
    let last = entries.len() < PAGE;
    let home = match ask.mark.as_str() {
        "projects" => Home::Project(&ask.scope),
        _ => Home::Group(&ask.scope),
    };
    let found = observed(entries, at, |entry| {
        match ask.name {
            MILESTONES => milestone(settings, entry, home),
            MERGE_REQUESTS => merge_request(settings, entry, home, at),
            _ => iteration(settings, entry, home),
        }
        .map(Some)
    })?;
    let covered = match ask.name {
        MILESTONES => all_of("milestone/", &ask.scope),
        MERGE_REQUESTS => open_of("merge_request/", &ask.scope),
        _ => all_of("iteration/", &ask.scope),
    };
    let (next, whole) = ask.turn_page(last);
    Ok(Page {
        found,
        next,
        covered: whole.then_some(covered),
    })
}

fn iteration(settings: &Settings, json: Json<'_>, home: Home<'_>) -> Result<Iteration, String> {
    /// The number that GitLab writes for the state.
    const CLOSED: i64 = 3;
    let id = json.at("/id").text().ok_or("has no id")?;
    let updated_at = json.at("/updated_at").start(settings);
    let updated_at = updated_at.ok_or("has no updated_at")?;
    // Those of an automatic cadence have no title; the sequence counts within it.
    let number = json.at("/sequence").integer().or(json.at("/iid").integer());
    let name = json::named(json.at("/title").text(), "Iteration", number, &id);
    Ok(Iteration {
        number,
        state: match json.at("/state").integer() {
            Some(CLOSED) => IterationState::Ended,
            _ => IterationState::Planned,
        },
        starts_at: json.at("/start_date").start(settings),
        ends_at: json.at("/due_date").end(settings),
        url: json.at("/web_url").text(),
        scope: Some(home.scope()),
        ..Iteration::sprint(format!("iteration/{id}"), name, updated_at)
    })
}
