//! OpenProject: the versions of projects.

use crate::fixture::*;
use offshoot_core::iteration::IterationState;
use offshoot_planning::inbound::{Parsed, Request};
use offshoot_planning::{Settings, Tool};
use serde_json::{Value, json};

fn openproject() -> Settings {
    settings(
        Tool::Openproject,
        json!({"url": "https://op.acme.example", "projects": "shop", "time_zone": "Europe/Berlin"}),
    )
}

fn event(body: &Value) -> Request {
    let request = request(&[("Content-Type", "application/json")], body.to_string());
    signed(request, "X-OP-Signature", |key, body| {
        format!("sha1={}", hex(&sha1(key, body)))
    })
}

#[test]
fn what_may_be_about_versions_means_look() {
    let package = |version: Value| {
        json!({
            "action": "work_package:updated",
            "work_package": {"_type": "WorkPackage", "id": 2, "_links": {"version": {"href": version}}}
        })
    };
    let project = json!({"action": "project:updated", "project": {"id": 1}});
    let versioned = package(json!("/api/v3/versions/7"));
    proves_body(&openproject(), &event(&versioned));
    for body in [project, versioned] {
        assert!(matches!(
            parse(&openproject(), &event(&body)),
            Parsed::Look(_)
        ));
    }
    let time = json!({"action": "time_entry:created"});
    for body in [package(Value::Null), time] {
        assert!(matches!(
            parse(&openproject(), &event(&body)),
            Parsed::Ignored(_)
        ));
    }
    assert_eq!(
        parse(&openproject(), &event(&json!({}))),
        Parsed::Invalid("it has no action".into())
    );
}

fn version(id: i64, changes: Value) -> Value {
    let version = json!({
        "_type": "Version", "id": id, "name": format!("Sprint {id}"), "startDate": "2026-03-02",
        "endDate": "2026-03-15", "status": "open", "sharing": "none", "createdAt": "2026-03-01T08:00:00.000Z",
        "updatedAt": "2026-03-01T09:00:00.000Z",
        "_links": {"definingProject": {"href": "/api/v3/projects/1", "title": "Shop"}}
    });
    merged(version, changes)
}

#[test]
fn versions_are_listed_page_by_page() {
    let ran = run(&openproject(), |request| {
        let basic = format!("Basic {}", base64(format!("apikey:{TOKEN}").as_bytes()));
        assert_eq!(header(request, "authorization"), Some(basic));
        if request.url == "https://op.acme.example/api/v3/projects/shop" {
            return ok(&json!({"_type": "Project", "id": 1, "identifier": "shop"}));
        }
        assert!(
            request
                .url
                .starts_with("https://op.acme.example/api/v3/projects/1/versions?")
        );
        let elements: Vec<_> = match query(request, "offset").unwrap().as_str() {
            "1" => (0..100).map(|n| version(n, json!({}))).collect(),
            "2" => vec![
                version(100, json!({"status": "closed"})),
                version(
                    101,
                    json!({"_links": {"definingProject": {"href": "/api/v3/projects/2"}}}),
                ),
                version(102, json!({"startDate": null})),
            ],
            other => panic!("{other}"),
        };
        let count = elements.len();
        ok(
            &json!({"_type": "Collection", "total": 103, "count": count, "_embedded": {"elements": elements}}),
        )
    });
    assert_eq!(ran.requests.len(), 5);
    // The one of project 2 is only shared.
    assert_eq!(ran.found.len(), 102);
    assert_eq!(ran.covered(), ["version/* of shop: deleted"]);
    assert_eq!(
        dates(&ran.found[0]),
        "2026-03-01T23:00:00Z..2026-03-15T23:00:00Z"
    );
    let states: Vec<_> = ran.found[99..].iter().map(|i| i.state).collect();
    assert_eq!(
        states,
        [
            IterationState::Planned,
            IterationState::Ended,
            IterationState::Started
        ]
    );
}

#[test]
fn versions_that_come_all_at_once_are_not_asked_for_again() {
    let elements: Vec<_> = (0..150).map(|n| version(n, json!({}))).collect();
    let all = json!({"total": 150, "count": 150, "_embedded": {"elements": elements}});
    let ran = run(&openproject(), |request| {
        match request.url.contains("/versions?") {
            true => ok(&all),
            false => ok(&json!({"id": 1})),
        }
    });
    assert_eq!((ran.found.len(), ran.requests.len()), (150, 2));
    assert_eq!(ran.covered(), ["version/* of shop: deleted"]);
}
