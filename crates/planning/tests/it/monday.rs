//! monday.com: the items of Sprints boards.

use crate::fixture::*;
use offshoot_core::iteration::IterationState;
use offshoot_planning::inbound::{self, Parsed, Request};
use offshoot_planning::{Settings, Tool};
use serde_json::{Value, json};

fn monday() -> Settings {
    settings(
        Tool::Monday,
        json!({"boards": "1771812698", "time_zone": "Europe/Berlin"}),
    )
}

fn event(kind: &str, changes: Value) -> Request {
    let event = json!({
        "userId": 9_603_417, "boardId": 1_771_812_698_i64, "pulseId": 1_772_099_344_i64, "pulseName": "Sprint 42",
        "groupId": "topics", "app": "monday", "type": kind, "triggerTime": "2026-03-02T09:07:28.210Z",
        "triggerUuid": "b5ed2e17c530f43668de130142445cba"
    });
    let mut request = request(&[], json!({"event": merged(event, changes)}).to_string());
    request.url = format!("{URL}?token=a%20secret%20of%20the%20team's");
    request
}

#[test]
fn a_challenge_is_echoed() {
    let hello = request(
        &[],
        r#"{"challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"}"#,
    );
    let answer = inbound::handshake(&monday(), &secrets(&[SECRET]), &hello)
        .unwrap()
        .unwrap();
    assert_eq!(
        answer.body,
        br#"{"challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"}"#
    );
    assert_eq!(
        answer.headers,
        [("content-type", "application/json".to_owned())]
    );
    for other in [
        event("create_pulse", json!({})),
        request(&[], json!({"challenge": "x", "event": {}}).to_string()),
        request(&[], json!({"challenge": "x".repeat(1001)}).to_string()),
        request(&[], json!({"challenge": 1}).to_string()),
        request(&[], "{"),
    ] {
        assert!(inbound::handshake(&monday(), &[], &other).is_none());
    }
}

#[test]
fn the_address_or_the_apps_token_proves() {
    proves(&monday(), &event("create_pulse", json!({})));
    let claims = json!({
        "accountId": 1_825_529, "userId": 4_012_689, "aud": URL,
        "exp": now().as_second() + 300, "iat": now().as_second()
    });
    let token = jwt(SECRET, &json!({"alg": "HS256", "typ": "JWT"}), &claims);
    proves(&monday(), &request(&[("Authorization", &token)], "{}"));
}

#[test]
fn events_of_the_boards_mean_look() {
    for kind in [
        "create_pulse",
        "update_column_value",
        "update_name",
        "archive_pulse",
    ] {
        assert!(
            matches!(parse(&monday(), &event(kind, json!({}))), Parsed::Look(_)),
            "{kind}"
        );
    }
    let removed = gone(&monday(), &event("delete_pulse", json!({})));
    assert_eq!(
        (removed.source_id.as_str(), removed.at),
        ("item/1772099344", now())
    );
    let other = parse(&monday(), &event("create_pulse", json!({"boardId": 5})));
    assert_eq!(
        other,
        Parsed::Ignored("it is about none of the integration's boards".into())
    );
    assert_eq!(
        parse(&monday(), &request(&[], "{}")),
        Parsed::Invalid("it has no event/type".into())
    );
}

fn item(id: &str, columns: &[(&str, Value)]) -> Value {
    let columns: Vec<_> = columns
        .iter()
        .map(|(id, value)| json!({"id": id, "type": "x", "text": "x", "value": value.to_string()}))
        .collect();
    json!({
        "id": id, "name": format!("Sprint {id}"), "state": "active", "updated_at": "2026-03-01T08:00:00Z",
        "url": "https://acme.monday.com/boards/1/pulses/2", "column_values": columns
    })
}

#[test]
fn items_are_listed_page_by_page() {
    let timeline = json!({"from": "2026-03-02", "to": "2026-03-15", "changed_at": "x"});
    let ran = run(&monday(), |request| {
        assert_eq!(header(request, "authorization").as_deref(), Some(TOKEN));
        let asked: Value = serde_json::from_str(request.body.as_deref().unwrap()).unwrap();
        if asked["variables"]["cursor"] == "MSw5NzI4" {
            let done = item("3", &[("sprint_completion", json!({"checked": true}))]);
            return ok(&json!({"data": {"next_items_page": {"cursor": null, "items": [done]}}}));
        }
        assert_eq!(asked["variables"], json!({"board": ["1771812698"]}));
        let items = [
            item("1", &[("sprint_timeline", timeline.clone())]),
            item(
                "2",
                &[
                    ("sprint_activation", json!({"checked": "true"})),
                    ("sprint_timeline", Value::Null),
                ],
            ),
        ];
        ok(&json!({"data": {"boards": [{
            "id": "1771812698", "name": "Sprints", "items_page": {"cursor": "MSw5NzI4", "items": items}
        }]}}))
    });
    assert_eq!(ran.names(), ["Sprint 1", "Sprint 2", "Sprint 3"]);
    assert_eq!(
        dates(&ran.found[0]),
        "2026-03-01T23:00:00Z..2026-03-15T23:00:00Z"
    );
    let states: Vec<_> = ran.found.iter().map(|i| i.state).collect();
    assert_eq!(
        states,
        [
            IterationState::Planned,
            IterationState::Started,
            IterationState::Ended
        ]
    );
    assert_eq!(ran.covered(), ["item/* of 1771812698: ended"]);
}

#[test]
fn dates_may_be_in_columns_of_their_own() {
    let settings = settings(
        Tool::Monday,
        json!({"boards": "7", "start_column": "date4", "end_column": "date5", "ended_column": "check"}),
    );
    let columns = [
        ("date4", json!({"date": "2026-03-02"})),
        ("date5", json!({"date": "2026-03-15", "time": ""})),
    ];
    let body = json!({"data": {"boards": [{"items_page": {"cursor": null, "items": [item("1", &columns)]}}]}});
    let ran = run(&settings, |_| ok(&body));
    assert_eq!(
        dates(&ran.found[0]),
        "2026-03-02T00:00:00Z..2026-03-16T00:00:00Z"
    );
}

#[test]
fn refusals_are_told_apart() {
    let limited = json!({"error_code": "ComplexityException", "error_message": "Complexity budget exhausted"});
    let ran = run(&monday(), |_| ok(&limited));
    assert!(!ran.failure().permanent);
    let refused =
        json!({"errors": [{"message": "Not Authenticated", "extensions": {"code": "X"}}]});
    let ran = run(&monday(), |_| ok(&refused));
    assert!(ran.failure().permanent);
    assert!(ran.failure().reason.ends_with("Not Authenticated"));
    let ran = run(&monday(), |_| ok(&json!({"data": {"boards": []}})));
    assert!(ran.failure().reason.contains("there is no such board"));
}
