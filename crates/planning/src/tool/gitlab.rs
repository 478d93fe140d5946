//! GitLab: milestones, merge requests, and the iterations of groups.
//!
//! Milestones have a start and an end, iterations too, and GitLab says of neither when it comes: dates
//! decide. Iterations have no events at all and are only polled.

mod note;
mod poll;

use super::{Adapter, Description, Setting, SettingKind, Token, Webhook};
use crate::inbound::{Parsed, Request};
use crate::json::{self, Json};
use crate::poll::{Ask, Page, Problem, Reply, What};
use crate::settings::{Fault, Settings};
use crate::signature::{Place, Scheme};
use jiff::Timestamp;
use offshoot_core::iteration::{
    Gone, Iteration, IterationKind, IterationState, Observation, PullRequest, Scope,
};
use std::borrow::Cow;

pub(super) struct Gitlab;

const MILESTONES: &str = "milestones";
const MERGE_REQUESTS: &str = "merge_requests";
const ITERATIONS: &str = "iterations";

const DESCRIPTION: Description = Description {
    name: "gitlab",
    title: "GitLab",
    settings: &[
        Setting {
            name: "url",
            purpose: "where GitLab is",
            kind: SettingKind::Url,
            required: false,
            default: Some("https://gitlab.com"),
        },
        Setting {
            name: "projects",
            purpose: "whose milestones and merge requests count, as acme/shop",
            kind: SettingKind::Slugs,
            required: false,
            default: None,
        },
        Setting {
            name: "groups",
            purpose: "whose own milestones and iterations count, as acme or acme/web",
            kind: SettingKind::List,
            required: false,
            default: None,
        },
        Setting {
            name: "watch",
            purpose: "what counts: milestones, merge_requests, iterations",
            kind: SettingKind::Words(&[MILESTONES, MERGE_REQUESTS, ITERATIONS]),
            required: false,
            default: Some("milestones,merge_requests"),
        },
    ],
    webhook: Some(Webhook {
        events: "Milestone events and Merge request events of the project or group",
        signature: "webhook-signature (Standard Webhooks) where GitLab signs, else the secret itself in X-Gitlab-Token",
        secret: "one that you choose, typed into Secret token; or the signing token that GitLab makes",
    }),
    token: Some(Token {
        permissions: "a project or group access token with the role Reporter and the scope read_api",
        required: false,
    }),
    page: "gitlab.md",
};

impl Adapter for Gitlab {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn check(&self, settings: &Settings) -> Vec<Fault> {
        let mut faults = Vec::new();
        let (projects, groups) = (settings.list("projects"), settings.list("groups"));
        if projects.is_empty() && groups.is_empty() {
            faults.push(Fault::new(
                "projects",
                "is missing: there are neither projects nor groups",
            ));
        }
        if settings.lists("watch", ITERATIONS) && groups.is_empty() {
            let problem = "is missing: iterations are watched, and they belong to groups";
            faults.push(Fault::new("groups", problem));
        }
        faults
    }

    fn scheme(&self, _settings: &Settings) -> Scheme {
        let token = Place::Header(Cow::Borrowed("x-gitlab-token"));
        Scheme::FirstOf(vec![Scheme::StandardWebhooks, Scheme::Token(token)])
    }

    fn delivery_header<'a>(&self, _settings: &'a Settings) -> Option<&'a str> {
        Some("idempotency-key")
    }

    fn event_headers(&self) -> &'static [&'static str] {
        &["x-gitlab-event", "idempotency-key"]
    }

    fn parse(&self, settings: &Settings, request: &Request, received_at: Timestamp) -> Parsed {
        let body = match json::parse(&request.body) {
            Ok(body) => body,
            Err(why) => return Parsed::Invalid(why),
        };
        let body = Json::new(&body);
        match body.at("/object_kind").word() {
            Some("milestone") => milestone_event(settings, body, received_at),
            Some("merge_request") => merge_request_event(settings, body, received_at),
            Some(kind) => Parsed::Ignored(format!("an event of {kind:?} is not about iterations")),
            None => Parsed::Invalid("it has no object_kind".into()),
        }
    }

    fn authorize(&self, _settings: &Settings, token: &str) -> Vec<(&'static str, String)> {
        vec![("private-token", token.to_owned())]
    }

    fn ask(&self, settings: &Settings, _what: &What) -> Vec<Ask> {
        poll::ask(settings)
    }

    fn note(&self, settings: &Settings, iteration: &Iteration) -> Option<Ask> {
        note::ask(settings, iteration)
    }

    fn read(
        &self,
        settings: &Settings,
        ask: &Ask,
        reply: &Reply,
        at: Timestamp,
    ) -> Result<Page, Problem> {
        match ask.name {
            crate::note::READ | crate::note::WRITTEN => note::read(ask, reply),
            _ => poll::read(settings, ask, reply, at),
        }
    }
}

/// Where something lives: a project or a group, by its path as the settings write it.
#[derive(Clone, Copy)]
enum Home<'a> {
    Project(&'a str),
    Group(&'a str),
}

impl Home<'_> {
    fn scope(self) -> Scope {
        let (kind, path) = match self {
            Home::Project(path) => ("project", path),
            Home::Group(path) => ("group", path),
        };
        Scope {
            kind: kind.into(),
            id: path.to_owned(),
            name: Some(path.to_owned()),
        }
    }

    /// The page of a thing of it.
    fn page(self, settings: &Settings, of: &str, number: Option<i64>) -> Option<String> {
        let base = settings.text("url")?;
        let number = number?;
        Some(match self {
            Home::Project(path) => format!("{base}/{path}/-/{of}/{number}"),
            Home::Group(path) => format!("{base}/groups/{path}/-/{of}/{number}"),
        })
    }
}

/// The home of an event, when it is one of the integration's.
fn home<'a>(settings: &'a Settings, body: Json<'_>) -> Result<Home<'a>, Parsed> {
    let find = |list: &str, path: &str| {
        let paths = settings.list(list);
        paths
            .into_iter()
            .find(|known| known.eq_ignore_ascii_case(path))
    };
    if let Some(path) = body.at("/project/path_with_namespace").word() {
        let found = find("projects", path).map(Home::Project);
        let why = format!("{path} is none of the integration's projects");
        return found.ok_or(Parsed::Ignored(why));
    }
    let group = ["/group/full_path", "/group/group_path"];
    let Some(path) = group.iter().find_map(|place| body.at(place).word()) else {
        let why = "it has neither project/path_with_namespace nor group/full_path";
        return Err(Parsed::Invalid(why.into()));
    };
    let found = find("groups", path).map(Home::Group);
    found.ok_or(Parsed::Ignored(format!(
        "{path} is none of the integration's groups"
    )))
}

fn milestone_event(settings: &Settings, body: Json<'_>, received_at: Timestamp) -> Parsed {
    if !settings.lists("watch", MILESTONES) {
        return Parsed::Ignored("the integration does not watch milestones".into());
    }
    let home = match home(settings, body) {
        Ok(home) => home,
        Err(parsed) => return parsed,
    };
    let milestone = match milestone(settings, body.at("/object_attributes"), home) {
        Ok(milestone) => milestone,
        Err(lacks) => return Parsed::Invalid(format!("its milestone {lacks}")),
    };
    let actions = ["/action", "/object_attributes/action"];
    let action = actions.iter().find_map(|place| body.at(place).word());
    if !matches!(action, Some("delete" | "deleted" | "destroy")) {
        return Parsed::Observed(vec![Observation::Seen(milestone)]);
    }
    Parsed::Observed(vec![Observation::Gone(Gone {
        source_id: milestone.source_id.clone(),
        kind: IterationKind::Sprint,
        at: received_at.max(milestone.updated_at),
        last: Some(milestone),
    })])
}

/// A milestone as events and the API have it.
fn milestone(settings: &Settings, json: Json<'_>, home: Home<'_>) -> Result<Iteration, String> {
    let id = json.at("/id").text().ok_or("has no id")?;
    let number = json.at("/iid").integer();
    let updated_at = json.at("/updated_at").start(settings);
    let updated_at = updated_at.ok_or("has no updated_at")?;
    let starts_at = json.at("/start_date").start(settings);
    let name = json::named(json.at("/title").text(), "Milestone", number, &id);
    Ok(Iteration {
        number,
        state: match json.at("/state").word() {
            Some("closed") => IterationState::Ended,
            _ if starts_at.is_some() => IterationState::Planned,
            // Without a start it is under way once it is there.
            _ => IterationState::Started,
        },
        starts_at,
        ends_at: json.at("/due_date").end(settings),
        url: home.page(settings, "milestones", number),
        scope: Some(home.scope()),
        ..Iteration::sprint(format!("milestone/{id}"), name, updated_at)
    })
}

fn merge_request_event(settings: &Settings, body: Json<'_>, received_at: Timestamp) -> Parsed {
    if !settings.lists("watch", MERGE_REQUESTS) {
        return Parsed::Ignored("the integration does not watch merge requests".into());
    }
    let home = match home(settings, body) {
        Ok(home) => home,
        Err(parsed) => return parsed,
    };
    match merge_request(settings, body.at("/object_attributes"), home, received_at) {
        Ok(found) => Parsed::Observed(vec![Observation::Seen(found)]),
        Err(lacks) => Parsed::Invalid(format!("its merge request {lacks}")),
    }
}

/// A merge request as events and the API have it.
fn merge_request(
    settings: &Settings,
    json: Json<'_>,
    home: Home<'_>,
    received_at: Timestamp,
) -> Result<Iteration, String> {
    let id = json.at("/id").text().ok_or("has no id")?;
    let number = json.at("/iid").integer();
    let (state, merged) = match json.at("/state").word() {
        // `locked` lasts as long as the merge takes.
        Some("opened" | "locked") => (IterationState::Started, false),
        Some("closed") => (IterationState::Ended, false),
        Some("merged") => (IterationState::Ended, true),
        _ => return Err("has no state that is known".into()),
    };
    let updated_at = json
        .at("/updated_at")
        .start(settings)
        .unwrap_or(received_at);
    let project = |place| json.at(place).integer();
    let from = project("/source_project_id");
    let to = project("/target_project_id");
    let flag = |place| json.at(place).flag() == Some(true);
    let name = json::named(json.at("/title").text(), "Merge request", number, &id);
    Ok(Iteration {
        kind: IterationKind::PullRequest,
        number,
        state,
        starts_at: json.at("/created_at").start(settings),
        announces_start: true,
        announces_end: true,
        url: home.page(settings, "merge_requests", number),
        scope: Some(home.scope()),
        pull_request: Some(PullRequest {
            head: json.at("/source_branch").text(),
            base: json.at("/target_branch").text(),
            fork: from.is_none() || from != to,
            draft: flag("/draft") || flag("/work_in_progress"),
            merged,
            // Events name whoever did something, not the author.
            author: None,
        }),
        ..Iteration::sprint(format!("merge_request/{id}"), name, updated_at)
    })
}
