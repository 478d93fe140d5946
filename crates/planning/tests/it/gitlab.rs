//! GitLab: milestones, merge requests, iterations of groups.

use crate::fixture::*;
use offshoot_core::iteration::{IterationKind, IterationState};
use offshoot_planning::inbound::{self, Parsed, Request};
use offshoot_planning::{Settings, Tool};
use serde_json::{Value, json};

fn shop() -> Settings {
    settings(
        Tool::Gitlab,
        json!({
            "projects": "acme/shop", "groups": "acme", "url": "https://gitlab.acme.example/",
            "watch": "milestones,merge_requests,iterations", "time_zone": "Europe/Berlin"
        }),
    )
}

fn event(name: &str, body: &Value) -> Request {
    let headers = [
        ("Content-Type", "application/json"),
        ("X-Gitlab-Event", name),
        ("X-Gitlab-Token", SECRET),
        ("Idempotency-Key", "f5e5f430-f57b-4e6e-9fac-d9128cd7232f"),
    ];
    request(&headers, body.to_string())
}

fn milestone(changes: Value) -> Value {
    let milestone = json!({
        "id": 61, "iid": 10, "title": "Sprint 42", "description": "x", "state": "active",
        "created_at": "2026-03-01 14:10:57 UTC", "updated_at": "2026-03-01 14:10:57 UTC",
        "due_date": "2026-03-15", "start_date": "2026-03-02", "group_id": null, "project_id": 24
    });
    merged(milestone, changes)
}

fn milestone_event(action: &str, changes: Value) -> Request {
    let body = json!({
        "object_kind": "milestone", "event_type": "milestone", "action": action,
        "project": {"id": 24, "name": "Shop", "path_with_namespace": "acme/shop"},
        "object_attributes": milestone(changes)
    });
    event("Milestone Hook", &body)
}

fn merge_request(changes: Value) -> Value {
    let merge_request = json!({
        "id": 99, "iid": 5, "title": "Add a column", "state": "opened", "draft": false,
        "source_branch": "add-column", "target_branch": "main", "source_project_id": 24, "target_project_id": 24,
        "author_id": 51, "created_at": "2026-03-02 08:00:00 UTC", "updated_at": "2026-03-02 08:00:00 UTC",
        "url": "https://gitlab.acme.example/acme/shop/-/merge_requests/5"
    });
    merged(merge_request, changes)
}

fn merge_request_event(changes: Value) -> Request {
    let body = json!({
        "object_kind": "merge_request", "event_type": "merge_request", "user": {"username": "ben"},
        "project": {"id": 24, "path_with_namespace": "acme/shop"}, "object_attributes": merge_request(changes)
    });
    event("Merge Request Hook", &body)
}

#[test]
fn the_token_or_the_signature_proves() {
    let event = milestone_event("create", json!({}));
    proves(&shop(), &event);
    assert_eq!(
        inbound::delivery_key(&shop(), &event),
        "id:f5e5f430-f57b-4e6e-9fac-d9128cd7232f"
    );
    // GitLab signs; a wrong signature is not made good by the token beside it.
    let mut signed = event.clone();
    let time = now().as_second().to_string();
    let text = String::from_utf8(signed.body.clone()).unwrap();
    let tag = sha256(SECRET, format!("msg_1.{time}.{text}").as_bytes());
    let mut push = |name: &str, value: String| signed.headers.push((name.into(), value));
    push("webhook-id", "msg_1".into());
    push("webhook-timestamp", time);
    push("webhook-signature", format!("v1,{}", base64(&tag)));
    inbound::verify(&shop(), &secrets(&[SECRET]), &signed, now()).unwrap();
    signed.body.push(b' ');
    inbound::verify(&shop(), &secrets(&[SECRET]), &signed, now()).unwrap_err();
}

#[test]
fn a_milestone_lives() {
    let found = seen(&shop(), &milestone_event("create", json!({})));
    assert_eq!(found.source_id, "milestone/61");
    assert_eq!((found.name.as_str(), found.number), ("Sprint 42", Some(10)));
    assert_eq!(dates(&found), "2026-03-01T23:00:00Z..2026-03-15T23:00:00Z");
    assert_eq!(found.state, IterationState::Planned);
    assert_eq!(found.state_at(now()), IterationState::Started);
    assert_eq!(found.updated_at, at("2026-03-01T14:10:57Z"));
    let page = "https://gitlab.acme.example/acme/shop/-/milestones/10";
    assert_eq!(found.url.as_deref(), Some(page));
    let found = seen(
        &shop(),
        &milestone_event("update", json!({"title": "Sprint 42b", "start_date": null})),
    );
    assert_eq!(found.name, "Sprint 42b");
    assert_eq!(found.state, IterationState::Started);
    let found = seen(
        &shop(),
        &milestone_event("close", json!({"state": "closed"})),
    );
    assert_eq!(found.state, IterationState::Ended);
    let removed = gone(&shop(), &milestone_event("delete", json!({})));
    assert_eq!(
        (removed.source_id.as_str(), removed.at),
        ("milestone/61", now())
    );
    // The action where the documents have it.
    let body = json!({
        "object_kind": "milestone", "project": null, "group": {"full_path": "acme", "group_name": "Acme"},
        "object_attributes": milestone(json!({"action": "delete", "group_id": 3}))
    });
    let removed = gone(&shop(), &event("Milestone Hook", &body));
    assert_eq!(removed.last.unwrap().scope.unwrap().kind, "group");
}

#[test]
fn a_merge_request_lives() {
    let found = seen(&shop(), &merge_request_event(json!({})));
    assert_eq!(found.kind, IterationKind::PullRequest);
    assert_eq!(found.source_id, "merge_request/99");
    assert_eq!(found.state, IterationState::Started);
    let details = found.pull_request.unwrap();
    assert_eq!(details.head.as_deref(), Some("add-column"));
    assert!(!details.fork && !details.merged);
    let found = seen(
        &shop(),
        &merge_request_event(json!({"state": "merged", "action": "merge"})),
    );
    assert_eq!(found.state, IterationState::Ended);
    assert!(found.pull_request.unwrap().merged);
    for fork in [
        json!({"source_project_id": 77}),
        json!({"source_project_id": null}),
    ] {
        let found = seen(&shop(), &merge_request_event(fork));
        assert!(found.pull_request.unwrap().fork);
    }
}

#[test]
fn others_are_ignored_or_invalid() {
    let of = |project: &str| json!({"project": {"path_with_namespace": project}});
    let push = event("Push Hook", &json!({"object_kind": "push"}));
    let other = event(
        "Milestone Hook",
        &merged(json!({"object_kind": "milestone"}), of("acme/blog")),
    );
    for request in [push, other] {
        let parsed = parse(&shop(), &request);
        assert!(matches!(parsed, Parsed::Ignored(_)), "{parsed:?}");
    }
    let bare = event("Milestone Hook", &json!({"object_kind": "milestone"}));
    let empty = event(
        "Milestone Hook",
        &merged(json!({"object_kind": "milestone"}), of("Acme/Shop")),
    );
    for (request, why) in [
        (
            bare,
            "it has neither project/path_with_namespace nor group/full_path",
        ),
        (empty, "its milestone has no id"),
        (event("x", &json!([])), "it has no object_kind"),
    ] {
        assert_eq!(parse(&shop(), &request), Parsed::Invalid(why.into()));
    }
}

#[test]
fn everything_is_listed_page_by_page() {
    let ran = run(&shop(), |request| {
        assert_eq!(query(request, "per_page").as_deref(), Some("100"));
        let page = query(request, "page").unwrap();
        if request.url.contains("/groups/acme/iterations") {
            assert_eq!(
                query(request, "include_ancestors").as_deref(),
                Some("false")
            );
            return ok(&json!([{
                "id": 53, "iid": 13, "sequence": 7, "group_id": 5, "title": null, "state": 2,
                "start_date": "2026-03-09", "due_date": "2026-03-22", "updated_at": "2026-02-27T03:14:52.804Z",
                "web_url": "https://gitlab.acme.example/groups/acme/-/iterations/13"
            }]));
        }
        if request.url.contains("/merge_requests") {
            return ok(&json!([merge_request(
                json!({"updated_at": "2026-03-02T08:00:00.000Z"})
            )]));
        }
        if request.url.contains("/groups/") {
            return ok(&nothing());
        }
        assert!(
            request
                .url
                .starts_with("https://gitlab.acme.example/api/v4/projects/acme%2Fshop/milestones?")
        );
        let count = if page == "1" { 100 } else { 3 };
        let all: Vec<_> = (0..count)
            .map(|n| milestone(json!({"id": format!("{page}{n:03}"), "updated_at": "2026-03-01T00:00:00.000Z"})))
            .collect();
        ok(&all.into())
    });
    assert_eq!(ran.found.len(), 105);
    assert_eq!(
        ran.covered(),
        [
            "milestone/* of acme/shop: deleted",
            "merge_request/* of acme/shop: ended",
            "milestone/* of acme: deleted",
            "iteration/* of acme: deleted"
        ]
    );
    let iteration = ran.found.last().unwrap();
    assert_eq!(
        (iteration.name.as_str(), iteration.source_id.as_str()),
        ("Iteration 7", "iteration/53")
    );
    assert_eq!(
        dates(iteration),
        "2026-03-08T23:00:00Z..2026-03-22T22:00:00Z".replace("22T22", "22T23")
    );
}
