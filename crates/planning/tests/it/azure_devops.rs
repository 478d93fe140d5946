//! Azure DevOps: the iterations of teams.

use crate::fixture::*;
use offshoot_core::iteration::IterationState;
use offshoot_planning::inbound::{Parsed, Request};
use offshoot_planning::{Settings, Tool};
use serde_json::{Value, json};

fn azure() -> Settings {
    settings(
        Tool::AzureDevops,
        json!({
            "url": "https://dev.azure.com/acme", "teams": ["Shop/Shop Team"], "time_zone": "America/New_York"
        }),
    )
}

fn event(body: &Value) -> Request {
    let basic = format!("Basic {}", base64(format!("offshoot:{SECRET}").as_bytes()));
    request(&[("Authorization", &basic)], body.to_string())
}

#[test]
fn a_work_item_that_changes_its_iteration_means_look() {
    let fields =
        json!({"System.IterationPath": {"oldValue": "Shop", "newValue": "Shop\\Sprint 42"}});
    let body = json!({"eventType": "workitem.updated", "resource": {"fields": fields}});
    proves(&azure(), &event(&body));
    assert!(matches!(parse(&azure(), &event(&body)), Parsed::Look(_)));
    let state =
        json!({"eventType": "workitem.updated", "resource": {"fields": {"System.State": {}}}});
    let push = json!({"eventType": "git.push"});
    for body in [state, push] {
        assert!(matches!(parse(&azure(), &event(&body)), Parsed::Ignored(_)));
    }
    assert_eq!(
        parse(&azure(), &event(&json!({}))),
        Parsed::Invalid("it has no eventType".into())
    );
}

fn iteration(id: &str, attributes: Value) -> Value {
    json!({"id": id, "name": "Sprint 42", "path": "Shop\\Sprint 42", "attributes": attributes,
        "url": "https://dev.azure.com/acme/_apis/work/teamsettings/iterations/x"})
}

#[test]
fn iterations_of_a_team_are_listed() {
    let ran = run(&azure(), |request| {
        assert_eq!(
            request.url,
            "https://dev.azure.com/acme/Shop/Shop%20Team/_apis/work/teamsettings/iterations?api-version=7.1"
        );
        let dated = json!({
            "startDate": "2026-03-02T00:00:00Z", "finishDate": "2026-03-15T00:00:00Z", "timeFrame": "current"
        });
        let undated = json!({"startDate": null, "finishDate": null, "timeFrame": "future"});
        ok(&json!({"count": 2, "value": [iteration("a", dated), iteration("b", undated)]}))
    });
    assert_eq!(ran.found[0].source_id, "iteration/Shop/Shop Team/a");
    assert_eq!(
        dates(&ran.found[0]),
        "2026-03-02T05:00:00Z..2026-03-16T04:00:00Z"
    );
    assert_eq!(ran.found[0].state_at(now()), IterationState::Started);
    assert_eq!(ran.found[1].state_at(now()), IterationState::Planned);
    assert_eq!(ran.covered(), ["iteration/* of Shop/Shop Team: deleted"]);
}

#[test]
fn a_page_to_sign_in_is_a_refused_token() {
    let ran = run(&azure(), |_| {
        reply(203, &[("content-type", "text/html")], &json!("<html>"))
    });
    assert!(ran.failure().permanent);
    assert!(ran.failure().reason.contains("the token is refused (203)"));
}

#[test]
fn a_team_is_named_with_its_project() {
    let given = json!({"url": "https://dev.azure.com/acme", "teams": "Shop,A/B/C"});
    let faults = Settings::parse(Tool::AzureDevops, given.as_object().unwrap()).unwrap_err();
    let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        faults,
        [
            "teams: \"Shop\" is not of the form PROJECT/TEAM",
            "teams: \"A/B/C\" is not of the form PROJECT/TEAM"
        ]
    );
}
