//! YouTrack: the sprints of agile boards.

use crate::fixture::*;
use offshoot_core::iteration::IterationState;
use offshoot_planning::inbound::Parsed;
use offshoot_planning::{Settings, Tool};
use serde_json::{Value, json};

fn youtrack() -> Settings {
    settings(
        Tool::Youtrack,
        json!({"url": "https://acme.youtrack.cloud", "boards": "131-4", "time_zone": "America/New_York"}),
    )
}

fn sprint(id: &str, changes: Value) -> Value {
    // 2 March and 15 March, at noon in UTC.
    let sprint = json!({
        "id": id, "name": format!("Sprint {id}"), "start": 1_772_452_800_000_i64, "finish": 1_773_576_000_000_i64,
        "archived": false, "isDefault": false, "agile": {"name": "Shop"}, "$type": "Sprint"
    });
    merged(sprint, changes)
}

#[test]
fn sprints_are_listed_page_by_page() {
    let ran = run(&youtrack(), |request| {
        assert!(
            request
                .url
                .starts_with("https://acme.youtrack.cloud/api/agiles/131-4/sprints?")
        );
        assert_eq!(query(request, "$top").as_deref(), Some("100"));
        assert_eq!(
            header(request, "authorization"),
            Some(format!("Bearer {TOKEN}"))
        );
        let all: Vec<_> = match query(request, "$skip").unwrap().as_str() {
            // Fewer than were asked for.
            "0" => (0..42)
                .map(|n| sprint(&format!("109-{n}"), json!({})))
                .collect(),
            "42" => vec![
                sprint("111-1", json!({"archived": true})),
                sprint("111-2", json!({"start": null, "finish": null})),
            ],
            "44" => Vec::new(),
            other => panic!("{other}"),
        };
        ok(&all.into())
    });
    assert_eq!(ran.found.len(), 44);
    assert_eq!(ran.covered(), ["sprint/* of 131-4: deleted"]);
    assert_eq!(
        dates(&ran.found[0]),
        "2026-03-02T05:00:00Z..2026-03-16T04:00:00Z"
    );
    assert_eq!(
        ran.found[0].url.as_deref(),
        Some("https://acme.youtrack.cloud/agiles/131-4/109-0")
    );
    assert_eq!(ran.found[42].state, IterationState::Ended);
    assert_eq!(dates(&ran.found[43]), "-..-");
}

#[test]
fn a_request_with_the_secret_means_look() {
    let mut by_url = request(&[], "");
    by_url.url = format!("{URL}?token=a%20secret%20of%20the%20team's");
    proves(&youtrack(), &by_url);
    assert!(matches!(parse(&youtrack(), &by_url), Parsed::Look(_)));
}
