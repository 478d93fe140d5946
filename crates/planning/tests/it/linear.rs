//! Linear: the cycles of teams.

use crate::fixture::*;
use offshoot_core::iteration::IterationState;
use offshoot_planning::inbound::{self, Parsed, Request};
use offshoot_planning::{Settings, Tool};
use serde_json::{Value, json};

const TEAM: &str = "72b2a2dc-6f4f-4423-9d34-24b5bd10634a";

fn linear() -> Settings {
    settings(Tool::Linear, json!({"teams": TEAM}))
}

fn cycle(changes: Value) -> Value {
    let cycle = json!({
        "id": "33b06b8c-6d4a-4d4c-8ab2-3d5c6b0a1e50", "number": 7, "name": null, "description": null,
        "teamId": TEAM, "startsAt": "2026-03-02T00:00:00.000Z", "endsAt": "2026-03-16T00:00:00.000Z",
        "completedAt": null, "createdAt": "2026-02-01T00:00:00.000Z", "updatedAt": "2026-02-01T00:00:00.000Z",
        "scopeHistory": [], "uncompletedIssuesUponCloseIds": []
    });
    merged(cycle, changes)
}

fn event(action: &str, changes: Value) -> Request {
    let body = json!({
        "action": action, "type": "Cycle", "actor": {"id": "x", "type": "user"},
        "createdAt": "2026-02-01T00:00:00.000Z", "data": cycle(changes),
        "url": "https://linear.app/acme/team/SHOP/cycle/7", "organizationId": "o", "webhookId": "w",
        "webhookTimestamp": 1_772_000_000_000_i64
    });
    let headers = [
        ("Content-Type", "application/json; charset=utf-8"),
        ("Linear-Delivery", "234d1a4e-b617-4388-90fe-adc3633d6b72"),
        ("Linear-Event", "Cycle"),
    ];
    signed(
        request(&headers, body.to_string()),
        "Linear-Signature",
        |key, body| hex(&sha256(key, body)),
    )
}

#[test]
fn a_late_delivery_is_proved_and_told_apart() {
    // Its timestamp is days old.
    let event = event("create", json!({}));
    proves_body(&linear(), &event);
    assert_eq!(
        inbound::delivery_key(&linear(), &event),
        "id:234d1a4e-b617-4388-90fe-adc3633d6b72"
    );
}

#[test]
fn a_cycle_lives() {
    let created = seen(&linear(), &event("create", json!({})));
    assert_eq!(
        (created.name.as_str(), created.number),
        ("Cycle 7", Some(7))
    );
    assert_eq!(
        dates(&created),
        "2026-03-02T00:00:00Z..2026-03-16T00:00:00Z"
    );
    let states = [
        "2026-03-01T00:00:00Z",
        "2026-03-02T00:00:00Z",
        "2026-03-16T00:00:00Z",
    ];
    let states = states.map(|t| created.state_at(at(t)));
    assert_eq!(
        states,
        [
            IterationState::Planned,
            IterationState::Started,
            IterationState::Ended
        ]
    );
    assert_eq!(
        created.url.as_deref(),
        Some("https://linear.app/acme/team/SHOP/cycle/7")
    );
    let named = json!({"name": "Checkout", "updatedAt": "2026-02-02T00:00:00.000Z"});
    assert_eq!(seen(&linear(), &event("update", named)).name, "Checkout");
    let completed = json!({"completedAt": "2026-03-09T00:00:00.000Z"});
    assert_eq!(
        seen(&linear(), &event("update", completed)).state,
        IterationState::Ended
    );
    assert_eq!(gone(&linear(), &event("remove", json!({}))).at, now());
}

#[test]
fn others_are_ignored_or_invalid() {
    let other = parse(&linear(), &event("create", json!({"teamId": "t"})));
    assert_eq!(
        other,
        Parsed::Ignored("team t is none of the integration's teams".into())
    );
    let issue = request(
        &[],
        json!({"type": "Issue", "action": "create"}).to_string(),
    );
    let parsed = parse(&linear(), &issue);
    assert_eq!(
        parsed,
        Parsed::Ignored("an event of \"Issue\" is not about cycles".into())
    );
    let empty = request(&[], json!({"type": "Cycle"}).to_string());
    assert_eq!(
        parse(&linear(), &empty),
        Parsed::Invalid("its cycle has no id".into())
    );
}

#[test]
fn cycles_are_listed_page_by_page() {
    let node = |id: &str| {
        merged(
            cycle(json!({"id": id})),
            json!({"team": {"id": TEAM, "name": "Shop"}}),
        )
    };
    let ran = run(&linear(), |request| {
        assert_eq!(request.url, "https://api.linear.app/graphql");
        let asked: Value = serde_json::from_str(request.body.as_deref().unwrap()).unwrap();
        assert_eq!(
            asked["variables"]["filter"],
            json!({"team": {"id": {"eq": TEAM}}})
        );
        let (nodes, info) = match asked["variables"]["after"].as_str() {
            None => (
                json!([node("a"), node("b")]),
                json!({"hasNextPage": true, "endCursor": "b"}),
            ),
            Some("b") => (
                json!([node("c")]),
                json!({"hasNextPage": false, "endCursor": "c"}),
            ),
            Some(other) => panic!("{other}"),
        };
        ok(&json!({"data": {"cycles": {"nodes": nodes, "pageInfo": info}}}))
    });
    let ids: Vec<_> = ran.found.iter().map(|i| i.source_id.as_str()).collect();
    assert_eq!(ids, ["cycle/a", "cycle/b", "cycle/c"]);
    assert_eq!(ran.covered(), [format!("cycle/* of {TEAM}: deleted")]);
    let all = settings(Tool::Linear, json!({}));
    let none = json!({"data": {"cycles": {"nodes": [], "pageInfo": {"hasNextPage": false}}}});
    assert_eq!(
        run(&all, |_| ok(&none)).covered(),
        ["cycle/* of any: deleted"]
    );
}

#[test]
fn refusals_of_graphql_are_told_apart() {
    let error = |code: &str| {
        json!({"errors": [{
            "message": "no", "extensions": {"code": code, "userPresentableMessage": "You are out of it."}
        }]})
    };
    let ran = run(&linear(), |_| {
        reply(400, &[("retry-after", "3")], &error("RATELIMITED"))
    });
    assert!(!ran.failure().permanent);
    assert_eq!(ran.waits, [std::time::Duration::from_secs(3); 4]);
    let ran = run(&linear(), |_| {
        reply(400, &[], &error("AUTHENTICATION_ERROR"))
    });
    assert!(ran.failure().permanent);
    assert!(ran.failure().reason.ends_with("You are out of it."));
}
