//! Shortcut: iterations.

use crate::fixture::*;
use offshoot_planning::inbound::{Parsed, Request};
use offshoot_planning::{Settings, Tool};
use serde_json::{Value, json};

fn shortcut(given: Value) -> Settings {
    settings(Tool::Shortcut, given)
}

fn event(action: Value) -> Request {
    let body = json!({
        "id": "595285dc-9c43-4b9c-a1e6-0cd9aff5b084", "changed_at": "2026-03-02T16:18:56Z", "primary_id": 16927,
        "member_id": "x", "version": "v1", "actions": [action]
    });
    let request = request(&[("Content-Type", "application/json")], body.to_string());
    signed(request, "Payload-Signature", |key, body| {
        hex(&sha256(key, body))
    })
}

#[test]
fn what_is_about_iterations_means_look() {
    let story = |changes: Value| {
        event(json!({
            "id": 16927, "entity_type": "story", "action": "update", "name": "x", "changes": changes
        }))
    };
    let moved = story(json!({"iteration_id": {"new": 42, "old": null}}));
    let itself = event(json!({"id": 42, "entity_type": "iteration", "action": "create"}));
    proves_body(&shortcut(json!({})), &moved);
    for event in [moved, itself] {
        assert!(matches!(
            parse(&shortcut(json!({})), &event),
            Parsed::Look(_)
        ));
    }
    let started = story(json!({"started": {"new": true, "old": false}}));
    assert!(matches!(
        parse(&shortcut(json!({})), &started),
        Parsed::Ignored(_)
    ));
    let bare = request(&[], "{}");
    assert_eq!(
        parse(&shortcut(json!({})), &bare),
        Parsed::Invalid("it has no actions".into())
    );
}

fn iterations() -> Value {
    let iteration = |id: i64, team: Value| {
        json!({
            "id": id, "name": format!("Sprint {id}"), "status": "started", "entity_type": "iteration",
            "start_date": "2026-03-02", "end_date": "2026-03-15", "group_ids": team,
            "updated_at": "2026-03-01T08:00:00Z", "app_url": format!("https://app.shortcut.com/acme/iteration/{id}")
        })
    };
    json!([iteration(1, json!(["team-a"])), iteration(2, json!([]))])
}

#[test]
fn iterations_are_listed_at_once() {
    let ran = run(&shortcut(json!({"time_zone": "Asia/Tokyo"})), |request| {
        assert_eq!(
            request.url,
            "https://api.app.shortcut.com/api/v3/iterations"
        );
        assert_eq!(header(request, "shortcut-token").as_deref(), Some(TOKEN));
        ok(&iterations())
    });
    assert_eq!(ran.names(), ["Sprint 1", "Sprint 2"]);
    assert_eq!(
        dates(&ran.found[0]),
        "2026-03-01T15:00:00Z..2026-03-15T15:00:00Z"
    );
    assert_eq!(ran.covered(), ["iteration/* of any: deleted"]);
    let ran = run(&shortcut(json!({"teams": "team-a"})), |_| ok(&iterations()));
    assert_eq!(ran.names(), ["Sprint 1"]);
}
