//! Taiga: the milestones of projects.

use crate::fixture::*;
use offshoot_core::iteration::IterationState;
use offshoot_planning::inbound::{Parsed, Request};
use offshoot_planning::{Settings, Tool};
use serde_json::{Value, json};

fn taiga() -> Settings {
    settings(
        Tool::Taiga,
        json!({"projects": [1], "url": "https://taiga.acme.example", "time_zone": "Europe/Berlin"}),
    )
}

fn event(action: &str, changes: Value) -> Request {
    let milestone = json!({
        "id": 5, "name": "Sprint 42", "slug": "sprint-42", "estimated_start": "2026-03-02",
        "estimated_finish": "2026-03-15", "created_date": "2026-03-01T08:00:00+0000",
        "modified_date": "2026-03-01T08:00:00+0000", "closed": false, "disponibility": 0.0,
        "permalink": "https://taiga.acme.example/project/shop/taskboard/sprint-42",
        "project": {"id": 1, "name": "Shop", "permalink": "x"}, "owner": {"id": 6}
    });
    let body = json!({
        "action": action, "type": "milestone", "by": {"id": 6}, "date": "2026-03-01T08:00:01.000Z",
        "data": merged(milestone, changes)
    });
    let request = request(&[("Content-Type", "application/json")], body.to_string());
    signed(request, "X-TAIGA-WEBHOOK-SIGNATURE", |key, body| {
        hex(&sha1(key, body))
    })
}

#[test]
fn a_signed_event_is_proved() {
    proves_body(&taiga(), &event("create", json!({})));
}

#[test]
fn a_milestone_lives() {
    let created = seen(&taiga(), &event("create", json!({})));
    assert_eq!(
        (created.source_id.as_str(), created.name.as_str()),
        ("milestone/5", "Sprint 42")
    );
    assert_eq!(
        dates(&created),
        "2026-03-01T23:00:00Z..2026-03-15T23:00:00Z"
    );
    assert_eq!(created.updated_at, at("2026-03-01T08:00:00Z"));
    let changed = json!({"name": "Sprint 42b", "modified_date": "2026-03-02T08:00:00+0000"});
    assert_eq!(seen(&taiga(), &event("change", changed)).name, "Sprint 42b");
    let closed = seen(&taiga(), &event("change", json!({"closed": true})));
    assert_eq!(closed.state, IterationState::Ended);
    assert_eq!(
        gone(&taiga(), &event("delete", json!({}))).source_id,
        "milestone/5"
    );
}

#[test]
fn others_are_ignored_or_invalid() {
    let parsed = parse(&taiga(), &event("create", json!({"project": {"id": 2}})));
    assert_eq!(
        parsed,
        Parsed::Ignored("project 2 is none of the integration's projects".into())
    );
    for (body, expected) in [
        (
            json!({"type": "test"}),
            Parsed::Ignored("Taiga's test: the webhook arrives".into()),
        ),
        (
            json!({"type": "userstory"}),
            Parsed::Ignored("an event of \"userstory\" is not about milestones".into()),
        ),
        (
            json!({"type": "milestone"}),
            Parsed::Invalid("its milestone has no project/id".into()),
        ),
        (json!({}), Parsed::Invalid("it has no type".into())),
    ] {
        assert_eq!(parse(&taiga(), &request(&[], body.to_string())), expected);
    }
}

#[test]
fn milestones_are_listed_at_once() {
    let ran = run(&taiga(), |request| {
        assert_eq!(
            request.url,
            "https://taiga.acme.example/api/v1/milestones?project=1"
        );
        assert_eq!(
            header(request, "x-disable-pagination").as_deref(),
            Some("True")
        );
        assert_eq!(
            header(request, "authorization"),
            Some(format!("Application {TOKEN}"))
        );
        ok(&json!([{
            "id": 5, "name": "Sprint 42", "estimated_start": "2026-03-02", "estimated_finish": "2026-03-15",
            "modified_date": "2026-03-01T08:00:00.123Z", "closed": false, "project": 1,
            "project_extra_info": {"name": "Shop", "slug": "shop"}
        }]))
    });
    assert_eq!(ran.names(), ["Sprint 42"]);
    assert_eq!(ran.covered(), ["milestone/* of 1: deleted"]);
    assert_eq!(
        ran.found[0].scope,
        seen(&taiga(), &event("create", json!({}))).scope
    );
}
