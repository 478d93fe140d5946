//! The generic tool: any JSON, by the user's own mapping.

use crate::fixture::*;
use offshoot_core::iteration::{IterationState, Observation};
use offshoot_planning::inbound::{self, Parsed, Request};
use offshoot_planning::{Settings, Tool};
use serde_json::{Value, json};

fn generic(signature: Value) -> Settings {
    settings(
        Tool::Generic,
        json!({
            "time_zone": "Europe/Berlin",
            "mapping": {
                "iterations": "/payload/sprints",
                "fields": {
                    "id": ["/uuid", "/key"], "name": "/title", "number": "/no", "state": "/phase",
                    "starts_at": "/from", "ends_at": "/to", "url": "/link", "scope": "body:/payload/team",
                    "updated_at": "body:/sent"
                },
                "states": {"started": ["RUNNING"], "ended": "done", "deleted": ["removed"], "ignored": "draft"},
                "date_formats": ["%d.%m.%Y"],
                "signature": signature,
                "delivery_header": "X-Delivery"
            }
        }),
    )
}

fn plain() -> Settings {
    generic(json!({"scheme": "hmac-sha256-hex", "header": "X-Sig", "prefix": "v0="}))
}

fn body(sprints: Value) -> Value {
    json!({"sent": "2026-03-09T10:00:00Z", "payload": {"team": "Payments", "sprints": sprints}})
}

fn event(sprints: Value) -> Request {
    request(&[("x-delivery", "d-1")], body(sprints).to_string())
}

#[test]
fn fields_are_read_where_the_mapping_says() {
    let sprint = json!({
        "key": 7, "title": "Sprint 7", "no": "7", "phase": "Running",
        "from": "02.03.2026", "to": "15.03.2026", "link": "https://tool.example/7"
    });
    // One, or an array.
    for sprints in [sprint.clone(), json!([sprint])] {
        let found = seen(&plain(), &event(sprints));
        assert_eq!(
            (found.source_id.as_str(), found.number),
            ("iteration/7", Some(7))
        );
        assert_eq!(found.state, IterationState::Started);
        assert_eq!(dates(&found), "2026-03-01T23:00:00Z..2026-03-15T23:00:00Z");
        assert_eq!(found.scope.unwrap().id, "Payments");
        assert_eq!(found.updated_at, at("2026-03-09T10:00:00Z"));
        // It has words for both.
        assert!(found.announces_start && found.announces_end);
    }
    let removed = gone(&plain(), &event(json!({"uuid": "a-b", "phase": "removed"})));
    assert_eq!(removed.source_id, "iteration/a-b");
    assert_eq!(removed.at, at("2026-03-09T10:00:00Z"));
}

#[test]
fn several_are_told_in_one_body() {
    let sprints = json!([
        {"uuid": "a", "title": "A"}, {"uuid": "b", "title": "B", "phase": "draft"},
        {"uuid": "c", "title": "C", "phase": "done"}, {"uuid": "d", "phase": "removed"}
    ]);
    match parse(&plain(), &event(sprints)) {
        Parsed::Observed(all) => {
            let ids: Vec<_> = all.iter().map(Observation::source_id).collect();
            assert_eq!(ids, ["iteration/a", "iteration/c", "iteration/d"]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_does_not_fit_the_mapping_is_said_with_its_place() {
    let table = [
        (json!({"title": "x"}), "it has no id at /uuid, /key"),
        (
            json!([{"uuid": "a", "title": "x"}, {"uuid": 2}]),
            "entry 1: it has no name at /title",
        ),
        (
            json!({"uuid": "a", "title": "x", "phase": "paused"}),
            "mapping/states does not say what the state \"paused\" stands for",
        ),
        (
            json!({"uuid": "a", "title": "x", "to": "soon"}),
            "its ends_at is no date that is understood; mapping/date_formats may have its format",
        ),
    ];
    for (sprints, expected) in table {
        assert_eq!(
            parse(&plain(), &event(sprints)),
            Parsed::Invalid(expected.into())
        );
    }
    let ignored = [
        (
            json!({"uuid": "a", "title": "x", "phase": "draft"}),
            "the mapping ignores the state \"draft\"",
        ),
        (json!([]), "it has no iterations"),
        (
            json!(null),
            "it has nothing at \"/payload/sprints\" (mapping/iterations)",
        ),
    ];
    for (sprints, expected) in ignored {
        assert_eq!(
            parse(&plain(), &event(sprints)),
            Parsed::Ignored(expected.into())
        );
    }
    let many: Vec<_> = (0..501).map(|n| json!({"uuid": n, "title": "x"})).collect();
    let parsed = parse(&plain(), &event(many.into()));
    assert_eq!(
        parsed,
        Parsed::Invalid("it has 501 iterations; up to 500 are read".into())
    );
}

#[test]
fn every_way_of_signing_is_proved() {
    let text = body(json!({"uuid": "a", "title": "x"})).to_string();
    let bytes = text.as_bytes();
    let table: Vec<(Value, &str, String)> = vec![
        (
            json!({"scheme": "hmac-sha256-hex", "header": "X-Sig", "prefix": "v0="}),
            "x-sig",
            format!("v0={}", hex(&sha256(SECRET, bytes))),
        ),
        (
            json!({}),
            "x-signature",
            hex(&sha256(SECRET, bytes)).to_uppercase(),
        ),
        (
            json!({"scheme": "hmac-sha256-base64"}),
            "x-signature",
            base64(&sha256(SECRET, bytes)),
        ),
        (
            json!({"scheme": "hmac-sha1-hex"}),
            "x-signature",
            hex(&sha1(SECRET, bytes)),
        ),
        (
            json!({"scheme": "hmac-sha1-base64"}),
            "x-signature",
            base64(&sha1(SECRET, bytes)),
        ),
    ];
    for (signature, header, value) in table {
        proves_body(&generic(signature), &request(&[(header, &value)], bytes));
    }
    let basic = format!("Basic {}", base64(format!("offshoot:{SECRET}").as_bytes()));
    let bearer = format!("Bearer {SECRET}");
    let tokens = [
        (json!({"scheme": "token"}), "x-webhook-token", SECRET),
        (
            json!({"scheme": "token", "header": "X-Mine"}),
            "X-MINE",
            SECRET,
        ),
        (json!({"scheme": "authorization"}), "authorization", &bearer),
        (json!({"scheme": "authorization"}), "authorization", &basic),
    ];
    for (signature, header, value) in tokens {
        proves(&generic(signature), &request(&[(header, value)], bytes));
    }
    let mut by_url = request(&[], bytes);
    by_url.url = format!("{URL}?a=1&token=a+secret%20of+the+team%27s");
    proves(&generic(json!({"scheme": "url-token"})), &by_url);
    assert!(!format!("{by_url:?}").contains("secret"));
}

#[test]
fn a_delivery_is_told_apart_by_the_header_or_the_body() {
    let event = event(json!({}));
    assert_eq!(inbound::delivery_key(&plain(), &event), "id:d-1");
    let mut bare = event.clone();
    bare.headers.clear();
    let key = inbound::delivery_key(&plain(), &bare);
    assert!(key.starts_with("sha256:") && key.len() == 71, "{key}");
    bare.body.push(b' ');
    assert_ne!(inbound::delivery_key(&plain(), &bare), key);
    bare.headers.push(("X-Delivery".into(), "x".repeat(10_000)));
    assert_eq!(inbound::delivery_key(&plain(), &bare).len(), 74);
}
