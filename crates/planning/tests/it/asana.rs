//! Asana: sections of projects, projects of teams.

use crate::fixture::*;
use offshoot_core::iteration::IterationState;
use offshoot_planning::inbound::{self, Parsed, Request, Unverified};
use offshoot_planning::{Settings, Tool};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

const MADE: &str = "b537207f20cbfa02357cf448134da559";

fn asana() -> Settings {
    settings(
        Tool::Asana,
        json!({"projects": "12", "teams": "13", "time_zone": "Europe/Berlin"}),
    )
}

fn event(events: Value) -> Request {
    let body = json!({"events": events}).to_string();
    let request = request(&[("Content-Type", "application/json")], body);
    signed(request, "X-Hook-Signature", |key, body| {
        hex(&sha256(key, body))
    })
}

#[test]
fn the_first_secret_is_kept_and_echoed() {
    let hello = request(&[("X-Hook-Secret", MADE)], "");
    let answer = inbound::handshake(&asana(), &[], &hello).unwrap().unwrap();
    assert_eq!(
        (answer.status, answer.headers),
        (200, vec![("x-hook-secret", MADE.to_owned())])
    );
    assert_eq!(answer.keep.unwrap().expose_secret(), MADE);
    // The same again, which Asana never had an answer to.
    inbound::handshake(&asana(), &secrets(&[MADE]), &hello)
        .unwrap()
        .unwrap();
    // Somebody else, later.
    let refused = inbound::handshake(&asana(), &secrets(&[SECRET]), &hello)
        .unwrap()
        .unwrap_err();
    assert!(matches!(refused, Unverified::Missing(_)), "{refused}");
    let mut stranger = hello.clone();
    stranger.url = format!("{URL}?token=guess");
    let refused = inbound::handshake(&asana(), &secrets(&[SECRET]), &stranger)
        .unwrap()
        .unwrap_err();
    assert!(matches!(refused, Unverified::Mismatch(_)), "{refused}");
    // A further webhook, made by who knows a secret.
    let mut further = hello;
    further.url = format!("{URL}?token=a%20secret%20of%20the%20team's");
    inbound::handshake(&asana(), &secrets(&[SECRET]), &further)
        .unwrap()
        .unwrap();
    for bad in ["", "short", "with a space in it and long", &"x".repeat(201)] {
        let hello = request(&[("X-Hook-Secret", bad)], "");
        let refused = inbound::handshake(&asana(), &[], &hello)
            .unwrap()
            .unwrap_err();
        assert!(matches!(refused, Unverified::Malformed(..)), "{bad}");
    }
    // An event is no handshake.
    assert!(inbound::handshake(&asana(), &[], &event(json!([]))).is_none());
}

#[test]
fn sections_and_projects_mean_look() {
    let of = |kind: &str| {
        json!([{
            "action": "added", "resource": {"gid": "77", "resource_type": kind},
            "parent": {"gid": "12", "resource_type": "project"}, "created_at": "2026-03-02T08:00:00.000Z"
        }])
    };
    proves_body(&asana(), &event(of("section")));
    for kind in ["section", "project"] {
        assert!(matches!(parse(&asana(), &event(of(kind))), Parsed::Look(_)));
    }
    let task = parse(&asana(), &event(of("task")));
    assert_eq!(
        task,
        Parsed::Ignored("it is not about sections or projects".into())
    );
    let heartbeat = parse(&asana(), &event(json!([])));
    assert_eq!(
        heartbeat,
        Parsed::Ignored("Asana's heartbeat: the webhook arrives".into())
    );
    assert_eq!(
        parse(&asana(), &request(&[], "{}")),
        Parsed::Invalid("it has no events".into())
    );
}

#[test]
fn sections_and_projects_are_listed_page_by_page() {
    let ran = run(&asana(), |request| {
        assert_eq!(
            header(request, "authorization"),
            Some(format!("Bearer {TOKEN}"))
        );
        let offset = query(request, "offset");
        if request
            .url
            .starts_with("https://app.asana.com/api/1.0/projects/12/sections?")
        {
            let (gid, next) = match offset {
                None => (
                    "1",
                    json!({"offset": "eyJ0e", "path": "/x", "uri": "https://evil.example"}),
                ),
                Some(_) => ("2", Value::Null),
            };
            let data =
                json!([{"gid": gid, "name": format!("Sprint {gid}"), "project": {"name": "Shop"}}]);
            return ok(&json!({"data": data, "next_page": next}));
        }
        assert!(
            request
                .url
                .starts_with("https://app.asana.com/api/1.0/teams/13/projects?")
        );
        ok(&json!({"data": [{
            "gid": "9", "name": "March", "start_on": "2026-03-02", "due_on": "2026-03-15", "archived": false,
            "completed": false, "modified_at": "2026-03-01T08:00:00.000Z", "permalink_url": "https://x.example"
        }], "next_page": null}))
    });
    assert_eq!(ran.names(), ["Sprint 1", "Sprint 2", "March"]);
    assert_eq!(
        ran.covered(),
        ["section/* of 12: deleted", "project/* of 13: deleted"]
    );
    assert_eq!(ran.found[0].state, IterationState::Started);
    assert_eq!(
        dates(&ran.found[2]),
        "2026-03-01T23:00:00Z..2026-03-15T23:00:00Z"
    );
    assert_eq!(ran.found[2].state_at(now()), IterationState::Started);
}
