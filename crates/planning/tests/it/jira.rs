//! Jira: the sprints of its boards.

use crate::fixture::*;
use offshoot_core::iteration::IterationState;
use offshoot_planning::inbound::{self, Parsed, Request};
use offshoot_planning::{Settings, Tool};
use serde_json::{Value, json};

fn cloud() -> Settings {
    settings(
        Tool::JiraCloud,
        json!({"url": "https://acme.atlassian.net", "boards": [68], "email": "nora@acme.example"}),
    )
}

fn data_center() -> Settings {
    settings(
        Tool::JiraDataCenter,
        json!({"url": "https://jira.acme.example/jira"}),
    )
}

fn sprint(changes: Value) -> Value {
    let sprint = json!({
        "id": 31, "self": "https://acme.atlassian.net/rest/agile/1.0/sprint/31", "state": "future",
        "name": "Sprint 42", "originBoardId": 68, "goal": "ship"
    });
    merged(sprint, changes)
}

fn event(name: &str, changes: Value) -> Request {
    let body = json!({"timestamp": 1_772_442_000_000_i64, "webhookEvent": name, "sprint": sprint(changes)});
    let headers = [
        ("Content-Type", "application/json; charset=UTF-8"),
        (
            "X-Atlassian-Webhook-Identifier",
            "0dbfee6f-4b9b-4a4a-8a52-d1b0a4b7e1c2",
        ),
    ];
    signed(
        request(&headers, body.to_string()),
        "X-Hub-Signature",
        |key, body| format!("sha256={}", hex(&sha256(key, body))),
    )
}

#[test]
fn each_way_in_which_jira_signs_proves() {
    let good = event("sprint_created", json!({}));
    proves_body(&cloud(), &good);
    proves_body(&data_center(), &good);
    assert_eq!(
        inbound::delivery_key(&cloud(), &good),
        "id:0dbfee6f-4b9b-4a4a-8a52-d1b0a4b7e1c2"
    );
    // Webhooks of OAuth apps.
    let claims = json!({"iss": "app", "exp": now().as_second() + 180, "iat": now().as_second()});
    let token = format!(
        "Bearer {}",
        jwt(SECRET, &json!({"alg": "HS256", "typ": "JWT"}), &claims)
    );
    let by_token = request(&[("Authorization", &token)], "{}");
    proves(&cloud(), &by_token);
    inbound::verify(&data_center(), &secrets(&[SECRET]), &by_token, now()).unwrap_err();
    // Where it does not sign.
    let mut by_url = request(&[], "{}");
    by_url.url = format!("{URL}?token=a%20secret%20of%20the%20team's");
    proves(&data_center(), &by_url);
    // A method that is not known.
    let mut other = good;
    other.headers.retain(|(name, _)| name != "X-Hub-Signature");
    other
        .headers
        .push(("X-Hub-Signature".into(), "md5=00".into()));
    let why = inbound::verify(&cloud(), &secrets(&[SECRET]), &other, now()).unwrap_err();
    assert_eq!(
        why.to_string(),
        "x-hub-signature is not what this tool sends: it names another method"
    );
}

#[test]
fn a_sprint_lives() {
    let created = seen(&cloud(), &event("sprint_created", json!({})));
    assert_eq!(created.source_id, "sprint/31");
    assert_eq!(
        (created.name.as_str(), dates(&created).as_str()),
        ("Sprint 42", "-..-")
    );
    assert_eq!(created.state, IterationState::Planned);
    assert_eq!(created.updated_at, at("2026-03-02T09:00:00Z"));
    assert_eq!(created.scope.as_ref().unwrap().id, "68");
    let started = json!({
        "state": "active", "startDate": "2026-03-02T09:00:00.000Z", "endDate": "2026-03-09T09:00:00.000+0100"
    });
    let started = seen(&cloud(), &event("sprint_started", started));
    assert_eq!(
        dates(&started),
        "2026-03-02T09:00:00Z..2026-03-09T08:00:00Z"
    );
    // Its end has passed, and it goes on until Jira says otherwise.
    assert_eq!(started.state_at(now()), IterationState::Started);
    let renamed = seen(
        &cloud(),
        &event("sprint_updated", json!({"name": "Sprint 42b"})),
    );
    assert_eq!(renamed.name, "Sprint 42b");
    let closed = json!({"state": "closed", "completeDate": "2026-03-09T10:00:00.000Z"});
    let closed = seen(&cloud(), &event("sprint_closed", closed));
    assert_eq!(closed.state, IterationState::Ended);
    let removed = gone(&cloud(), &event("sprint_deleted", json!({})));
    assert_eq!(removed.last.unwrap().name, "Sprint 42");
}

#[test]
fn others_are_ignored_or_invalid() {
    let table = [
        (
            "jira:issue_updated",
            json!({}),
            "the event \"jira:issue_updated\" is not about sprints",
        ),
        (
            "sprint_created",
            json!({"originBoardId": 7}),
            "board 7 is none of the integration's boards",
        ),
    ];
    for (name, changes, why) in table {
        assert_eq!(
            parse(&cloud(), &event(name, changes)),
            Parsed::Ignored(why.into())
        );
    }
    // Without boards in the settings all count.
    assert_eq!(
        seen(
            &data_center(),
            &event("sprint_created", json!({"originBoardId": 7}))
        )
        .name,
        "Sprint 42"
    );
    let table = [
        (json!({"id": null}), "its sprint has no id"),
        (
            json!({"state": "paused"}),
            "its sprint has a state that is not known",
        ),
        (json!({"state": null}), "its sprint has no state"),
    ];
    for (changes, why) in table {
        assert_eq!(
            parse(&cloud(), &event("sprint_updated", changes)),
            Parsed::Invalid(why.into())
        );
    }
}

fn page(start: u64, values: Vec<Value>, last: bool) -> Value {
    json!({"maxResults": 50, "startAt": start, "isLast": last, "values": values})
}

#[test]
fn sprints_of_a_board_are_listed_page_by_page() {
    let ran = run(&cloud(), |request| {
        assert!(
            request
                .url
                .starts_with("https://acme.atlassian.net/rest/agile/1.0/board/68/sprint?")
        );
        let start: u64 = query(request, "startAt").unwrap().parse().unwrap();
        let values = match start {
            0 => (0..50).map(|n| sprint(json!({"id": n}))).collect(),
            50 => vec![
                sprint(json!({"id": 50})),
                sprint(json!({"id": 51, "originBoardId": 9})),
            ],
            other => panic!("{other}"),
        };
        ok(&page(start, values, start == 50))
    });
    // The one of board 9 only has issues here.
    assert_eq!(ran.found.len(), 51);
    assert_eq!(ran.covered(), ["sprint/* of 68: deleted"]);
    // The same as the event's.
    assert_eq!(
        ran.found[0].scope,
        seen(&cloud(), &event("sprint_created", json!({}))).scope
    );
}

#[test]
fn without_boards_all_are_found() {
    let ran = run(&data_center(), |request| {
        let board = |id: i64, kind: &str| json!({"id": id, "name": "B", "type": kind});
        if request.url.contains("/board?") {
            assert!(
                request
                    .url
                    .starts_with("https://jira.acme.example/jira/rest/agile/1.0/board?")
            );
            return match query(request, "startAt").as_deref() {
                Some("0") => ok(&page(0, vec![board(1, "scrum"), board(2, "kanban")], false)),
                _ => ok(&page(2, vec![board(3, "simple")], true)),
            };
        }
        match request.url.contains("/board/3/") {
            true => reply(
                400,
                &[],
                &json!({"errorMessages": ["The board does not support sprints"]}),
            ),
            false => ok(&page(0, vec![sprint(json!({"originBoardId": 1}))], true)),
        }
    });
    assert_eq!(ran.names(), ["Sprint 42"]);
    assert_eq!(ran.covered(), ["sprint/* of 1: deleted"]);
    assert_eq!(ran.requests.len(), 4);
}
