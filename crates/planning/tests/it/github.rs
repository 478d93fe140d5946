//! GitHub: milestones, pull requests, iterations of projects.

use crate::fixture::*;
use offshoot_core::iteration::{IterationKind, IterationState};
use offshoot_planning::inbound::{Look, Parsed, Request};
use offshoot_planning::poll::What;
use offshoot_planning::{Settings, Tool, inbound};
use serde_json::{Value, json};

fn shop() -> Settings {
    settings(
        Tool::Github,
        json!({"repositories": ["acme/shop"], "time_zone": "Europe/Berlin"}),
    )
}

fn event(event: &str, body: &Value) -> Request {
    let headers = [
        ("Content-Type", "application/json"),
        ("User-Agent", "GitHub-Hookshot/044aadd"),
        ("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
        ("X-GitHub-Event", event),
        ("X-GitHub-Hook-ID", "292430182"),
    ];
    let request = request(&headers, body.to_string());
    signed(request, "X-Hub-Signature-256", |key, body| {
        format!("sha256={}", hex(&sha256(key, body)))
    })
}

fn milestone() -> Value {
    json!({
        "url": "https://api.github.com/repos/acme/shop/milestones/1",
        "html_url": "https://github.com/acme/shop/milestone/1",
        "id": 4_317_517, "node_id": "MDk6TWlsZXN0b25lNDMxNzUxNw==", "number": 1,
        "title": "Sprint 42", "description": null, "creator": {"login": "nora", "id": 21},
        "open_issues": 1, "closed_issues": 0, "state": "open",
        "created_at": "2026-03-01T15:20:17Z", "updated_at": "2026-03-01T15:20:18Z",
        "due_on": "2026-03-15T07:00:00Z", "closed_at": null
    })
}

fn milestone_event(action: &str, milestone: Value) -> Request {
    let body = json!({
        "action": action, "milestone": milestone,
        "repository": {"id": 186_853_002, "name": "shop", "full_name": "acme/shop", "private": true},
        "organization": {"login": "acme"}, "sender": {"login": "nora"}
    });
    event("milestone", &body)
}

fn pull_request() -> Value {
    json!({
        "id": 279_147_437, "number": 2, "state": "open", "title": "Add a column", "draft": false,
        "html_url": "https://github.com/acme/shop/pull/2", "user": {"login": "ben"},
        "created_at": "2026-03-02T08:00:00Z", "updated_at": "2026-03-02T08:00:00Z",
        "closed_at": null, "merged_at": null, "merged": false,
        "head": {"ref": "add-column", "sha": "ec26c3e", "repo": {"full_name": "acme/shop", "fork": false}},
        "base": {"ref": "main", "sha": "f95f852", "repo": {"full_name": "acme/shop", "fork": false}}
    })
}

fn pull_request_event(action: &str, pull_request: Value) -> Request {
    let body = json!({
        "action": action, "number": 2, "pull_request": pull_request,
        "repository": {"id": 186_853_002, "full_name": "acme/shop"}, "sender": {"login": "ben"}
    });
    event("pull_request", &body)
}

#[test]
fn a_signed_event_is_proved() {
    let request = milestone_event("created", milestone());
    proves_body(&shop(), &request);
    let id = inbound::delivery_key(&shop(), &request);
    assert_eq!(id, "id:72d3162e-cc78-11e3-81ab-4c9367dc0958");
    // The older SHA-1 beside it is not enough.
    let mut old = request.clone();
    old.headers
        .retain(|(name, _)| name != "X-Hub-Signature-256");
    let tag = format!("sha1={}", hex(&sha1(SECRET, &old.body)));
    old.headers.push(("X-Hub-Signature".into(), tag));
    inbound::verify(&shop(), &secrets(&[SECRET]), &old, now()).unwrap_err();
}

#[test]
fn a_milestone_lives() {
    let found = seen(&shop(), &milestone_event("created", milestone()));
    assert_eq!(found.kind, IterationKind::Sprint);
    assert_eq!(found.source_id, "milestone/4317517");
    assert_eq!((found.name.as_str(), found.number), ("Sprint 42", Some(1)));
    assert_eq!(found.state, IterationState::Started);
    // The whole 15th counts, in Berlin.
    assert_eq!(dates(&found), "-..2026-03-15T23:00:00Z");
    assert_eq!(
        found.url.as_deref(),
        Some("https://github.com/acme/shop/milestone/1")
    );
    assert_eq!(found.scope.unwrap().id, "acme/shop");
    assert_eq!(found.updated_at, at("2026-03-01T15:20:18Z"));

    let edited =
        json!({"title": "Sprint 42b", "updated_at": "2026-03-02T00:00:00Z", "due_on": null});
    let found = seen(
        &shop(),
        &milestone_event("edited", merged(milestone(), edited)),
    );
    assert_eq!(
        (found.name.as_str(), dates(&found).as_str()),
        ("Sprint 42b", "-..-")
    );

    let closed = json!({"state": "closed", "closed_at": "2026-03-09T00:00:00Z"});
    let found = seen(
        &shop(),
        &milestone_event("closed", merged(milestone(), closed)),
    );
    assert_eq!(found.state, IterationState::Ended);

    let gone = gone(&shop(), &milestone_event("deleted", milestone()));
    assert_eq!(
        (gone.source_id.as_str(), gone.at),
        ("milestone/4317517", now())
    );
    assert_eq!(gone.last.unwrap().name, "Sprint 42");
}

#[test]
fn a_milestone_begins_before_it_is_due_where_the_settings_say_so() {
    let settings = settings(
        Tool::Github,
        json!({"repositories": "Acme/Shop", "duration_days": 14, "time_zone": "America/New_York"}),
    );
    let found = seen(&settings, &milestone_event("created", milestone()));
    // The clocks change in the night to 8 March.
    assert_eq!(dates(&found), "2026-03-02T05:00:00Z..2026-03-16T04:00:00Z");
    assert_eq!(found.state, IterationState::Planned);
    assert_eq!(found.state_at(now()), IterationState::Started);
    assert_eq!(found.scope.unwrap().id, "Acme/Shop");
}

#[test]
fn a_pull_request_lives() {
    let found = seen(&shop(), &pull_request_event("opened", pull_request()));
    assert_eq!(found.kind, IterationKind::PullRequest);
    assert_eq!(found.source_id, "pull_request/279147437");
    assert_eq!(
        (found.name.as_str(), found.number),
        ("Add a column", Some(2))
    );
    assert_eq!(found.state, IterationState::Started);
    let details = found.pull_request.unwrap();
    assert_eq!(details.head.as_deref(), Some("add-column"));
    assert_eq!(details.base.as_deref(), Some("main"));
    assert_eq!(details.author.as_deref(), Some("ben"));
    assert!(!details.fork && !details.merged && !details.draft);

    let changes = json!({
        "state": "closed", "merged": true, "closed_at": "2026-03-03T00:00:00Z",
        "merged_at": "2026-03-03T00:00:00Z", "updated_at": "2026-03-03T00:00:00Z"
    });
    let found = seen(
        &shop(),
        &pull_request_event("closed", merged(pull_request(), changes)),
    );
    assert_eq!(found.state, IterationState::Ended);
    assert!(found.pull_request.unwrap().merged);
}

#[test]
fn a_stranger_is_known_by_his_fork() {
    let forks = [
        json!({"head": {"ref": "x", "repo": {"full_name": "eve/shop", "fork": true}}}),
        json!({"head": {"ref": "x", "repo": null}}),
        json!({"head": {"ref": "x"}}),
        json!({"head": null}),
    ];
    for fork in forks {
        let found = seen(
            &shop(),
            &pull_request_event("opened", merged(pull_request(), fork.clone())),
        );
        assert!(found.pull_request.unwrap().fork, "{fork}");
    }
}

#[test]
fn other_events_are_ignored_with_the_reason() {
    let table = [
        (
            event("ping", &json!({"zen": "Design for failure.", "hook_id": 1})),
            "GitHub's ping",
        ),
        (
            event("push", &json!({"ref": "refs/heads/main"})),
            "the event \"push\" is not about",
        ),
        (
            event(
                "milestone",
                &json!({
                    "action": "created", "milestone": milestone(), "repository": {"full_name": "acme/blog"}
                }),
            ),
            "acme/blog is none of the integration's repositories",
        ),
        (
            event("projects_v2_item", &json!({"action": "edited"})),
            "the integration does not watch",
        ),
    ];
    for (request, expected) in table {
        match parse(&shop(), &request) {
            Parsed::Ignored(why) => assert!(why.starts_with(expected), "{why}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn broken_events_are_invalid_with_the_reason() {
    let mut truncated = milestone_event("created", milestone());
    truncated.body.truncate(60);
    let mut nameless = milestone_event("created", milestone());
    nameless
        .headers
        .retain(|(name, _)| name != "X-GitHub-Event");
    let table = [
        (truncated, "the body is not JSON: EOF while parsing"),
        (nameless, "it has no header X-GitHub-Event"),
        (
            event("milestone", &json!({})),
            "it has no repository/full_name",
        ),
        (
            milestone_event("created", json!({"title": "x"})),
            "its milestone has no id",
        ),
        (
            milestone_event("created", json!({"id": 1})),
            "its milestone has no updated_at",
        ),
        (
            pull_request_event("opened", json!({"id": 1})),
            "its pull request has no state",
        ),
    ];
    for (request, expected) in table {
        match parse(&shop(), &request) {
            Parsed::Invalid(why) => assert!(why.starts_with(expected), "{why}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_form_is_read_as_the_document_in_it() {
    let document = String::from_utf8(milestone_event("created", milestone()).body).unwrap();
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("payload", &document)
        .finish();
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("x-github-event", "milestone"),
    ];
    let request = signed(
        request(&headers, form),
        "x-hub-signature-256",
        |key, body| format!("sha256={}", hex(&sha256(key, body))),
    );
    proves_body(&shop(), &request);
    assert_eq!(seen(&shop(), &request).name, "Sprint 42");
}

#[test]
fn an_item_that_changes_its_iteration_means_look() {
    let settings = settings(
        Tool::Github,
        json!({"watch": "project_iterations", "projects": "acme/5"}),
    );
    let body = |kind: &str| {
        json!({
            "action": "edited", "projects_v2_item": {"id": 1},
            "changes": {"field_value": {"field_node_id": "PVTIF_1", "field_type": kind}}
        })
    };
    let look = Parsed::Look(Look {
        what: What::Everything,
        reason: "projects_v2_item edited".into(),
    });
    assert_eq!(
        parse(&settings, &event("projects_v2_item", &body("iteration"))),
        look
    );
    let status = parse(
        &settings,
        &event("projects_v2_item", &body("single_select")),
    );
    assert!(matches!(status, Parsed::Ignored(_)), "{status:?}");
}

#[test]
fn milestones_and_pull_requests_are_listed_page_by_page() {
    let ran = run(&shop(), |request| {
        let page: u64 = query(request, "page").unwrap().parse().unwrap();
        assert_eq!(query(request, "per_page").as_deref(), Some("100"));
        if request.url.contains("/pulls") {
            assert_eq!(query(request, "state").as_deref(), Some("open"));
            return ok(&json!([pull_request()]));
        }
        let count = if page < 3 { 100 } else { 1 };
        let all: Vec<_> = (0..count)
            .map(|n| {
                merged(
                    milestone(),
                    json!({"id": page * 1000 + n, "title": format!("S{page}.{n}")}),
                )
            })
            .collect();
        ok(&Value::from(all))
    });
    assert_eq!(ran.found.len(), 202);
    assert_eq!(
        ran.covered(),
        [
            "milestone/* of acme/shop: deleted",
            "pull_request/* of acme/shop: ended"
        ]
    );
    let first = "https://api.github.com/repos/acme/shop/milestones?state=all&per_page=100&page=1";
    assert_eq!(ran.paths()[0], first);
    // Three pages twice, and one.
    assert_eq!(ran.requests.len(), 7);
    // Seen when the poll began, whenever it was changed.
    assert_eq!(ran.found[0].updated_at, at("2026-03-01T15:20:18Z"));
    assert_eq!(ran.found[0].seen_at, now());
}

fn projects() -> Settings {
    settings(
        Tool::Github,
        json!({
            "watch": "project_iterations", "projects": "acme/5", "time_zone": "Europe/Berlin",
            "api_url": "https://ghe.acme.example/api/v3"
        }),
    )
}

#[test]
fn iterations_of_a_project_are_listed() {
    let iteration = |id: &str, title: &str, start: &str| json!({"id": id, "title": title, "startDate": start, "duration": 14});
    let field = json!({
        "name": "Sprint",
        "configuration": {
            "iterations": [iteration("cfc16e4d", "Sprint 2", "2026-03-02")],
            "completedIterations": [iteration("a1b2c3d4", "Sprint 1", "2026-02-16")]
        }
    });
    let body = json!({"data": {"repositoryOwner": {"projectV2": {
        "title": "Roadmap", "url": "https://ghe.acme.example/orgs/acme/projects/5",
        "fields": {"nodes": [{}, field, {}]}
    }}}});
    let ran = run(&projects(), |request| {
        assert_eq!(request.url, "https://ghe.acme.example/api/graphql");
        let asked: Value = serde_json::from_str(request.body.as_deref().unwrap()).unwrap();
        assert_eq!(asked["variables"], json!({"owner": "acme", "number": 5}));
        ok(&body)
    });
    assert_eq!(ran.names(), ["Sprint 2", "Sprint 1"]);
    assert_eq!(ran.found[0].source_id, "iteration/cfc16e4d");
    assert_eq!(
        dates(&ran.found[0]),
        "2026-03-01T23:00:00Z..2026-03-15T23:00:00Z"
    );
    let states: Vec<_> = ran.found.iter().map(|i| i.state_at(now())).collect();
    assert_eq!(states, [IterationState::Started, IterationState::Ended]);
    assert_eq!(ran.covered(), ["iteration/* of acme/5: deleted"]);
}

#[test]
fn refusals_of_graphql_are_told_apart() {
    let not_found = json!({"data": {"repositoryOwner": {"projectV2": null}}, "errors": [
        {"type": "NOT_FOUND", "message": "Could not resolve to a ProjectV2 with the number 5."}
    ]});
    let ran = run(&projects(), |_| ok(&not_found));
    assert!(ran.failure().permanent);
    assert_eq!(
        ran.failure().reason,
        "GitHub, asked for project_iterations of acme/5: Could not resolve to a ProjectV2 with the number 5."
    );
    let limited =
        json!({"errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}]});
    let ran = run(&projects(), |_| ok(&limited));
    assert!(!ran.failure().permanent);
    assert_eq!(ran.waits.len(), 4);
}
