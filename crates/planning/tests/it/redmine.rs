//! Redmine: the versions of projects.

use crate::fixture::*;
use offshoot_core::iteration::IterationState;
use offshoot_planning::inbound::Parsed;
use offshoot_planning::{Settings, Tool};
use serde_json::{Value, json};

fn redmine(more: Value) -> Settings {
    let given = json!({
        "url": "https://redmine.acme.example/redmine/", "projects": ["shop"], "time_zone": "Europe/Berlin"
    });
    settings(Tool::Redmine, merged(given, more))
}

fn version(id: i64, changes: Value) -> Value {
    let version = json!({
        "id": id, "project": {"id": 1, "name": "Shop"}, "name": format!("Sprint {id}"), "description": "",
        "status": "open", "due_date": "2026-03-15", "sharing": "none", "wiki_page_title": null,
        "created_on": "2026-03-01T08:00:00Z", "updated_on": "2026-03-01T09:00:00Z"
    });
    merged(version, changes)
}

fn poll(settings: &Settings, versions: Value) -> Ran {
    run(settings, |request| {
        assert_eq!(header(request, "x-redmine-api-key").as_deref(), Some(TOKEN));
        match request
            .url
            .strip_prefix("https://redmine.acme.example/redmine/projects/")
        {
            Some("shop.json") => ok(&json!({"project": {"id": 1, "identifier": "shop"}})),
            Some("shop/versions.json") => ok(&json!({"versions": versions, "total_count": 3})),
            _ => panic!("{}", request.url),
        }
    })
}

#[test]
fn versions_are_listed() {
    let shared = json!({"project": {"id": 2, "name": "Other"}, "sharing": "system"});
    let versions = json!([
        version(1, json!({})),
        version(2, json!({"status": "closed"})),
        version(3, shared)
    ]);
    let ran = poll(&redmine(json!({})), versions);
    assert_eq!(ran.names(), ["Sprint 1", "Sprint 2"]);
    assert_eq!(ran.covered(), ["version/* of shop: deleted"]);
    let states: Vec<_> = ran.found.iter().map(|i| i.state).collect();
    assert_eq!(states, [IterationState::Started, IterationState::Ended]);
    assert_eq!(dates(&ran.found[0]), "-..2026-03-15T23:00:00Z");
    assert_eq!(ran.found[0].updated_at, at("2026-03-01T09:00:00Z"));
    let page = "https://redmine.acme.example/redmine/versions/1";
    assert_eq!(ran.found[0].url.as_deref(), Some(page));
}

#[test]
fn a_version_begins_before_it_is_due_where_the_settings_say_so() {
    let versions = json!([version(1, json!({})), version(2, json!({"due_date": null}))]);
    let ran = poll(&redmine(json!({"duration_days": 14})), versions);
    assert_eq!(
        dates(&ran.found[0]),
        "2026-03-01T23:00:00Z..2026-03-15T23:00:00Z"
    );
    assert_eq!(ran.found[0].state, IterationState::Planned);
    // Without a date it is under way.
    assert_eq!(ran.found[1].state, IterationState::Started);
}

#[test]
fn a_request_with_the_secret_means_look() {
    let bearer = format!("Bearer {SECRET}");
    for (name, value) in [
        ("Authorization", bearer.as_str()),
        ("X-Webhook-Token", SECRET),
    ] {
        let request = request(&[(name, value)], "");
        proves(&redmine(json!({})), &request);
        assert!(matches!(
            parse(&redmine(json!({})), &request),
            Parsed::Look(_)
        ));
    }
}
