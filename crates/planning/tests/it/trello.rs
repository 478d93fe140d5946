//! Trello: the lists of boards.

use crate::fixture::*;
use offshoot_core::iteration::IterationState;
use offshoot_planning::inbound::{self, Parsed, Request};
use offshoot_planning::{Settings, Tool};
use serde_json::{Value, json};

const BOARD: &str = "4eea4ffc91e31d1746000046";

fn trello() -> Settings {
    settings(
        Tool::Trello,
        json!({"boards": BOARD, "api_key": "0471642aefef5fa1fa76530ce1ba4c85"}),
    )
}

fn event(kind: &str, data: Value) -> Request {
    let data = merged(
        json!({"board": {"id": BOARD, "name": "Shop", "shortLink": "x"}}),
        data,
    );
    let action = json!({
        "id": "51f9424bcd6e040f3c002412", "type": kind, "date": "2026-03-02T08:00:00.000Z", "data": data,
        "memberCreator": {"id": "m"}
    });
    let request = request(
        &[],
        json!({"action": action, "model": {"id": BOARD}}).to_string(),
    );
    signed(request, "X-Trello-Webhook", |key, body| {
        base64(&sha1(key, &[body, URL.as_bytes()].concat()))
    })
}

#[test]
fn body_and_address_are_signed() {
    let good = event(
        "createList",
        json!({"list": {"id": "l1", "name": "Sprint 42"}}),
    );
    proves_body(&trello(), &good);
    let verify = |settings: &Settings, request: &Request| {
        inbound::verify(settings, &secrets(&[SECRET]), request, now())
    };
    // Behind a proxy the address is another one, and the settings have the one that Trello knows.
    let mut proxied = good;
    proxied.url = "http://127.0.0.1:8306/v1/inbound/abcdefghij09".into();
    verify(&trello(), &proxied).unwrap_err();
    let mut given = trello().to_json();
    given.insert("callback_url".into(), URL.into());
    verify(&Settings::parse(Tool::Trello, &given).unwrap(), &proxied).unwrap();
}

#[test]
fn trello_looks_whether_somebody_is_there() {
    let mut head = request(&[], "");
    head.method = "HEAD".into();
    let answer = inbound::handshake(&trello(), &[], &head).unwrap().unwrap();
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    assert!(answer.keep.is_none());
    assert!(inbound::handshake(&trello(), &[], &event("createList", json!({}))).is_none());
}

#[test]
fn a_list_lives() {
    let created = seen(
        &trello(),
        &event(
            "createList",
            json!({"list": {"id": "l1", "name": "Sprint 42"}}),
        ),
    );
    assert_eq!(
        (created.source_id.as_str(), created.name.as_str()),
        ("list/l1", "Sprint 42")
    );
    assert_eq!(created.state, IterationState::Started);
    assert_eq!(created.updated_at, at("2026-03-02T08:00:00Z"));
    let archived = json!({"list": {"id": "l1", "name": "Sprint 42", "closed": true}, "old": {"closed": false}});
    assert_eq!(
        seen(&trello(), &event("updateList", archived)).state,
        IterationState::Ended
    );
    // Whether it is archived is not said.
    let renamed = json!({"list": {"id": "l1", "name": "Sprint 42b"}, "old": {"name": "Sprint 42"}});
    assert!(matches!(
        parse(&trello(), &event("updateList", renamed)),
        Parsed::Look(_)
    ));
    let moved = json!({"list": {"id": "l1", "name": "Sprint 42", "closed": false}});
    assert!(matches!(
        parse(&trello(), &event("moveListFromBoard", moved)),
        Parsed::Look(_)
    ));
}

#[test]
fn others_are_ignored_or_invalid() {
    let card = parse(&trello(), &event("createCard", json!({})));
    assert_eq!(
        card,
        Parsed::Ignored("an action \"createCard\" is not about lists".into())
    );
    let other = parse(
        &trello(),
        &event("createList", json!({"board": {"id": "x"}})),
    );
    assert_eq!(
        other,
        Parsed::Ignored("it is about none of the integration's boards".into())
    );
    let bare = parse(&trello(), &event("createList", json!({"list": {}})));
    assert_eq!(bare, Parsed::Invalid("its list has no id".into()));
    assert_eq!(
        parse(&trello(), &request(&[], "{}")),
        Parsed::Invalid("it has no action/type".into())
    );
}

#[test]
fn lists_are_found_with_the_archived_ones() {
    let ran = run(&trello(), |request| {
        assert!(request.url.starts_with(&format!(
            "https://api.trello.com/1/boards/{BOARD}/lists?filter=all"
        )));
        let expected = format!(
            "OAuth oauth_consumer_key=\"0471642aefef5fa1fa76530ce1ba4c85\", oauth_token=\"{TOKEN}\""
        );
        assert_eq!(header(request, "authorization"), Some(expected));
        ok(&json!([
            {"id": "l1", "name": "Sprint 42", "closed": false, "idBoard": BOARD},
            {"id": "l0", "name": "Sprint 41", "closed": true, "idBoard": BOARD}
        ]))
    });
    assert_eq!(ran.names(), ["Sprint 42", "Sprint 41"]);
    assert_eq!(ran.found[1].state, IterationState::Ended);
    assert_eq!(ran.covered(), [format!("list/* of {BOARD}: deleted")]);
}
