//! ClickUp: lists in sprint folders.

use crate::fixture::*;
use offshoot_core::iteration::IterationState;
use offshoot_planning::inbound::{Look, Parsed, Request};
use offshoot_planning::poll::What;
use offshoot_planning::{Settings, Tool};
use serde_json::{Value, json};

fn clickup() -> Settings {
    settings(
        Tool::Clickup,
        json!({"folders": [90], "time_zone": "Europe/Berlin"}),
    )
}

fn event(name: &str) -> Request {
    let body = json!({"event": name, "list_id": "901", "webhook_id": "4b67ac88-e506-4a29-9d42-26e504e3435e"});
    let request = request(&[("Content-Type", "application/json")], body.to_string());
    signed(request, "X-Signature", |key, body| hex(&sha256(key, body)))
}

fn list(id: &str, changes: Value) -> Value {
    // 2 March 4 o'clock and 15 March 23:59, in Berlin.
    let list = json!({
        "id": id, "name": format!("Sprint {id}"), "archived": false, "start_date": "1772420400000",
        "start_date_time": false, "due_date": "1773615540000", "due_date_time": false,
        "folder": {"id": "90", "name": "Sprints"}, "space": {"id": "7"}
    });
    merged(list, changes)
}

#[test]
fn events_name_the_list_to_look_at() {
    proves_body(&clickup(), &event("listCreated"));
    for name in ["listCreated", "listUpdated", "listDeleted"] {
        let look = Look {
            what: What::One("list/901".into()),
            reason: name.into(),
        };
        assert_eq!(parse(&clickup(), &event(name)), Parsed::Look(look));
    }
    assert!(matches!(
        parse(&clickup(), &event("folderDeleted")),
        Parsed::Look(_)
    ));
    assert!(matches!(
        parse(&clickup(), &event("taskCreated")),
        Parsed::Ignored(_)
    ));
    let bare = request(&[], json!({"event": "listCreated"}).to_string());
    assert_eq!(
        parse(&clickup(), &bare),
        Parsed::Invalid("it has no list_id".into())
    );
}

#[test]
fn lists_of_a_folder_are_found_with_the_archived_ones() {
    let ran = run(&clickup(), |request| {
        assert!(
            request
                .url
                .starts_with("https://api.clickup.com/api/v2/folder/90/list?archived=")
        );
        let archived = query(request, "archived").unwrap() == "true";
        let timed = json!({"start_date_time": true, "due_date": null});
        ok(&match archived {
            false => json!({"lists": [list("1", json!({})), list("2", timed)]}),
            true => json!({"lists": [list("3", json!({"archived": true}))]}),
        })
    });
    assert_eq!(ran.names(), ["Sprint 1", "Sprint 2", "Sprint 3"]);
    assert_eq!(
        dates(&ran.found[0]),
        "2026-03-01T23:00:00Z..2026-03-15T23:00:00Z"
    );
    assert_eq!(dates(&ran.found[1]), "2026-03-02T03:00:00Z..-");
    assert_eq!(ran.found[2].state, IterationState::Ended);
    assert_eq!(ran.covered(), ["list/* of 90: deleted"]);
}

#[test]
fn one_list_is_looked_at() {
    let one = What::One("list/901".into());
    let ran = run_of(&clickup(), &one, |request| {
        assert_eq!(request.url, "https://api.clickup.com/api/v2/list/901");
        ok(&list("901", json!({})))
    });
    assert_eq!(ran.names(), ["Sprint 901"]);
    assert_eq!(ran.covered(), Vec::<String>::new());
    let elsewhere = list("901", json!({"folder": {"id": "91"}}));
    assert_eq!(run_of(&clickup(), &one, |_| ok(&elsewhere)).found, []);
    let ran = run_of(&clickup(), &one, |_| {
        reply(404, &[], &json!({"err": "List not found"}))
    });
    assert_eq!(ran.gone, ["list/901"]);
}
