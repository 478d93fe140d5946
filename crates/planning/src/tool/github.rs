//! GitHub: milestones, pull requests, and the iterations of projects.
//!
//! A milestone has a day on which it is due, and nobody says when it begins: it is under way once it is
//! there, or so many days before it is due as the settings say. A project's iterations have dates and no
//! events of their own, so an event of a project means: look.

mod note;
mod poll;

pub(in crate::tool) use note::comments;

use super::{Adapter, Description, Setting, SettingKind, Token, Webhook, poked};
use crate::date::days_before;
use crate::inbound::{Parsed, Request};
use crate::json::{self, Json};
use crate::poll::{Ask, Page, Problem, Reply, What};
use crate::settings::{Fault, Settings};
use crate::signature::Scheme;
use jiff::Timestamp;
use offshoot_core::iteration::{
    Gone, Iteration, IterationKind, IterationState, Observation, PullRequest, Scope,
};
use serde_json::Value;

pub(super) struct Github;

const MILESTONES: &str = "milestones";
const PULL_REQUESTS: &str = "pull_requests";
const PROJECTS: &str = "project_iterations";

const DESCRIPTION: Description = Description {
    name: "github",
    title: "GitHub",
    settings: &[
        Setting {
            name: "repositories",
            purpose: "whose milestones and pull requests count, as acme/shop",
            kind: SettingKind::Slugs,
            required: false,
            default: None,
        },
        Setting {
            name: "watch",
            purpose: "what counts: milestones, pull_requests, project_iterations",
            kind: SettingKind::Words(&[MILESTONES, PULL_REQUESTS, PROJECTS]),
            required: false,
            default: Some("milestones,pull_requests"),
        },
        Setting {
            name: "projects",
            purpose: "whose iterations count, as acme/5: the owner and the number in the project's address",
            kind: SettingKind::Slugs,
            required: false,
            default: None,
        },
        Setting {
            name: "duration_days",
            purpose: "how many days before it is due a milestone begins; without it, it begins when it is made",
            kind: SettingKind::Integer {
                least: 1,
                most: 366,
            },
            required: false,
            default: None,
        },
        Setting {
            name: "api_url",
            purpose: "where the API is: https://HOST/api/v3 for GitHub Enterprise Server",
            kind: SettingKind::Url,
            required: false,
            default: Some("https://api.github.com"),
        },
    ],
    webhook: Some(Webhook {
        events: "Milestones and Pull requests of the repository, with content type application/json; for \
                 iterations of projects, Projects v2 and Projects v2 items of the organization",
        signature: "HMAC-SHA256 of the body in X-Hub-Signature-256",
        secret: "one that you choose, typed into the webhook's field Secret",
    }),
    token: Some(Token {
        permissions: "a fine-grained token with read access to Issues and Pull requests of the repositories; for \
                      iterations of projects also read access to Projects of the organization",
        required: false,
    }),
    page: "github.md",
};

impl Adapter for Github {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn check(&self, settings: &Settings) -> Vec<Fault> {
        let mut faults = Vec::new();
        let projects = settings.lists("watch", PROJECTS);
        let of_repositories =
            settings.lists("watch", MILESTONES) || settings.lists("watch", PULL_REQUESTS);
        if of_repositories && settings.list("repositories").is_empty() {
            let problem = "is missing: milestones and pull requests are watched, and it says whose";
            faults.push(Fault::new("repositories", problem));
        }
        let slashes = |slug: &str| slug.matches('/').count() == 1;
        for slug in settings
            .list("repositories")
            .into_iter()
            .filter(|s| !slashes(s))
        {
            faults.push(Fault::new(
                "repositories",
                format!("{slug:?} is not of the form OWNER/NAME"),
            ));
        }
        let listed = settings.list("projects");
        if projects && listed.is_empty() {
            let problem = "is missing: iterations of projects are watched, and it says of which";
            faults.push(Fault::new("projects", problem));
        }
        let number = |slug: &str| {
            slug.split_once('/')
                .is_some_and(|(_, n)| n.parse::<u32>().is_ok())
        };
        for slug in listed.into_iter().filter(|slug| !number(slug)) {
            faults.push(Fault::new(
                "projects",
                format!("{slug:?} is not of the form OWNER/NUMBER"),
            ));
        }
        faults
    }

    fn scheme(&self, _settings: &Settings) -> Scheme {
        Scheme::hex_sha256("x-hub-signature-256", "sha256=")
    }

    fn delivery_header<'a>(&self, _settings: &'a Settings) -> Option<&'a str> {
        Some("x-github-delivery")
    }

    fn event_headers(&self) -> &'static [&'static str] {
        &["x-github-event", "x-github-delivery"]
    }

    fn parse(&self, settings: &Settings, request: &Request, received_at: Timestamp) -> Parsed {
        let body = match body(request) {
            Ok(body) => body,
            Err(why) => return Parsed::Invalid(why),
        };
        let body = Json::new(&body);
        match request.header("x-github-event") {
            Some("milestone") => milestone_event(settings, body, received_at),
            Some("pull_request") => pull_request_event(settings, body, received_at),
            Some(event @ ("projects_v2" | "projects_v2_item")) => {
                project_event(settings, event, body)
            }
            Some("ping") => Parsed::Ignored("GitHub's ping: the webhook arrives".into()),
            Some(event) => Parsed::Ignored(format!("the event {event:?} is not about iterations")),
            None => Parsed::Invalid("it has no header X-GitHub-Event".into()),
        }
    }

    fn authorize(&self, _settings: &Settings, token: &str) -> Vec<(&'static str, String)> {
        vec![
            ("authorization", format!("Bearer {token}")),
            ("accept", "application/vnd.github+json".into()),
            ("x-github-api-version", "2022-11-28".into()),
        ]
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
            crate::note::READ | crate::note::WRITTEN => note::read(settings, ask, reply),
            _ => poll::read(settings, ask, reply, at),
        }
    }
}

/// Webhooks that were left at their default send the document as a field of a form.
fn body(request: &Request) -> Result<Value, String> {
    let form = request
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    if !form {
        return json::parse(&request.body);
    }
    let mut fields = url::form_urlencoded::parse(&request.body);
    match fields.find(|(name, _)| name == "payload") {
        Some((_, payload)) => json::parse(payload.as_bytes()),
        None => Err("the form has no field payload".into()),
    }
}

/// The repository of an event, when it is one of the integration's; else why not.
fn repository(settings: &Settings, body: Json<'_>) -> Result<String, Parsed> {
    let Some(name) = body.at("/repository/full_name").text() else {
        return Err(Parsed::Invalid("it has no repository/full_name".into()));
    };
    // As it is written in the settings, so that events and polls mean the same scope.
    let listed = settings.list("repositories");
    let found = listed.iter().find(|slug| slug.eq_ignore_ascii_case(&name));
    found
        .map(|slug| (*slug).to_owned())
        .ok_or_else(|| Parsed::Ignored(format!("{name} is none of the integration's repositories")))
}

fn milestone_event(settings: &Settings, body: Json<'_>, received_at: Timestamp) -> Parsed {
    if !settings.lists("watch", MILESTONES) {
        return Parsed::Ignored("the integration does not watch milestones".into());
    }
    let repository = match repository(settings, body) {
        Ok(repository) => repository,
        Err(parsed) => return parsed,
    };
    let milestone = match milestone(settings, body.at("/milestone"), &repository) {
        Ok(milestone) => milestone,
        Err(lacks) => return Parsed::Invalid(format!("its milestone {lacks}")),
    };
    if body.at("/action").word() != Some("deleted") {
        return Parsed::Observed(vec![Observation::Seen(milestone)]);
    }
    Parsed::Observed(vec![Observation::Gone(Gone {
        source_id: milestone.source_id.clone(),
        kind: IterationKind::Sprint,
        at: received_at.max(milestone.updated_at),
        last: Some(milestone),
    })])
}

/// A milestone as events and the REST API have it.
fn milestone(settings: &Settings, json: Json<'_>, repository: &str) -> Result<Iteration, String> {
    let id = json.at("/id").text().ok_or("has no id")?;
    let number = json.at("/number").integer();
    let updated_at = json.at("/updated_at").start(settings);
    let updated_at = updated_at.ok_or("has no updated_at")?;
    // The day counts: GitHub keeps it as a moment that says nothing.
    let zone = settings.zone();
    let ends_at = json::day(json.at("/due_on")).and_then(|day| day.end(zone));
    let days = settings.integer("duration_days");
    let starts_at = ends_at
        .zip(days)
        .and_then(|(end, days)| days_before(end, days, zone));
    let state = match json.at("/state").word() {
        Some("closed") => IterationState::Ended,
        _ if starts_at.is_some() => IterationState::Planned,
        _ => IterationState::Started,
    };
    let source_id = format!("milestone/{id}");
    let name = json::named(json.at("/title").text(), "Milestone", number, &id);
    Ok(Iteration {
        number,
        state,
        starts_at,
        ends_at,
        url: json.at("/html_url").text(),
        scope: Some(scope(repository)),
        ..Iteration::sprint(source_id, name, updated_at)
    })
}

fn scope(repository: &str) -> Scope {
    Scope {
        kind: "repository".into(),
        id: repository.to_owned(),
        name: Some(repository.to_owned()),
    }
}

fn pull_request_event(settings: &Settings, body: Json<'_>, received_at: Timestamp) -> Parsed {
    if !settings.lists("watch", PULL_REQUESTS) {
        return Parsed::Ignored("the integration does not watch pull requests".into());
    }
    let repository = match repository(settings, body) {
        Ok(repository) => repository,
        Err(parsed) => return parsed,
    };
    match pull_request(settings, body.at("/pull_request"), &repository, received_at) {
        Ok(found) => Parsed::Observed(vec![Observation::Seen(found)]),
        Err(lacks) => Parsed::Invalid(format!("its pull request {lacks}")),
    }
}

/// A pull request as events and the REST API have it.
fn pull_request(
    settings: &Settings,
    json: Json<'_>,
    repository: &str,
    received_at: Timestamp,
) -> Result<Iteration, String> {
    let id = json.at("/id").text().ok_or("has no id")?;
    let number = json.at("/number").integer();
    let open = match json.at("/state").word() {
        Some("open") => true,
        Some("closed") => false,
        _ => return Err("has no state".into()),
    };
    let updated_at = json
        .at("/updated_at")
        .start(settings)
        .unwrap_or(received_at);
    let from = json.at("/head/repo/full_name").word();
    let to = json.at("/base/repo/full_name").word().unwrap_or(repository);
    let merged = json.at("/merged").flag() == Some(true) || json.at("/merged_at").exists();
    Ok(Iteration {
        kind: IterationKind::PullRequest,
        source_id: format!("pull_request/{id}"),
        name: json::named(json.at("/title").text(), "Pull request", number, &id),
        number,
        state: match open {
            true => IterationState::Started,
            false => IterationState::Ended,
        },
        starts_at: json.at("/created_at").start(settings),
        ends_at: json.at("/closed_at").start(settings),
        announces_start: true,
        announces_end: true,
        url: json.at("/html_url").text(),
        scope: Some(scope(repository)),
        pull_request: Some(PullRequest {
            head: json.at("/head/ref").text(),
            base: json.at("/base/ref").text(),
            // A fork that was deleted has no repository.
            fork: !from.is_some_and(|from| from.eq_ignore_ascii_case(to)),
            draft: json.at("/draft").flag() == Some(true),
            merged,
            author: json.at("/user/login").text(),
        }),
        updated_at,
        seen_at: updated_at,
    })
}

fn project_event(settings: &Settings, event: &str, body: Json<'_>) -> Parsed {
    if !settings.lists("watch", PROJECTS) {
        return Parsed::Ignored("the integration does not watch iterations of projects".into());
    }
    let action = body.at("/action").word().unwrap_or("changed");
    let field = body.at("/changes/field_value/field_type").word();
    if event == "projects_v2_item" && field != Some("iteration") {
        return Parsed::Ignored("an item of a project changed, and not its iteration".into());
    }
    poked(&format!("{event} {action}"))
}
