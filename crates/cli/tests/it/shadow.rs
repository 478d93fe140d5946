//! `branch shadow` against canned answers.

use crate::canned::Canned;
use crate::commands::{exited, with_token};
use serde_json::{Value, json};

const SHADOW: &str = "/v1/organizations/default/databases/shop/branches/main/shadow";

fn shadow(state: &str) -> Value {
    let made = matches!(state, "catching_up" | "following");
    json!({"branch_id": "br0123456789", "branch": "main", "state": state,
        "failure": (state == "broken").then_some("the archive has a gap"),
        "every_seconds": 900, "running": made,
        "lag_seconds": made.then_some(4), "lag_bytes": made.then_some(24_678),
        "position": {"gtid_set": "0-1-57", "file": "binlog.000002", "offset": 4711},
        "made_of": made.then_some("frozen"), "backup_id": null,
        "made_at": made.then_some("2026-11-23T11:55:00Z"), "retry_at": null, "copies": 12,
        "last_copied_at": "2026-11-23T11:59:00Z",
        "passed_over_at": "2026-11-23T11:54:00Z", "passed_over_reason": "the shadow is making",
        "actor": null, "created_at": "2026-11-23T11:50:00Z", "updated_at": "2026-11-23T11:50:00Z"})
}

#[tokio::test]
async fn a_shadow_is_made_waited_for_shown_and_taken_away() {
    let (make, look) = (format!("POST {SHADOW}"), format!("GET {SHADOW}"));
    let (change, remove) = (format!("PATCH {SHADOW}"), format!("DELETE {SHADOW}"));
    let server = Canned::start(&[
        (&make, 201, shadow("making").to_string()),
        (&look, 200, shadow("following").to_string()),
        (&change, 200, shadow("following").to_string()),
        (&remove, 204, String::new()),
    ])
    .await;
    let run = async |line: &[&str]| {
        let mut all = vec!["branch", "shadow"];
        all.extend(line);
        let ended = with_token(&server.url, &all).await;
        assert_eq!(ended.code, exited(0), "{line:?}: {}", ended.err);
        ended.out
    };
    let line = ["create", "shop", "main", "--every", "15m", "--wait"];
    let said = run(&line).await;
    assert!(said.contains("follows every 15 minutes"), "{said}");
    assert!(server.asked()[0].ends_with(r#"{"every_seconds":900}"#));
    insta::assert_snapshot!("shadow", run(&["show", "shop", "main"]).await);
    run(&["update", "shop", "main", "--continuously"]).await;
    let asked = server.asked().last().unwrap().clone();
    assert!(asked.ends_with(r#"{"every_seconds":null}"#), "{asked}");
    let said = run(&["delete", "shop", "main", "--force"]).await;
    assert!(said.contains("has no shadow any more"), "{said}");
}

#[tokio::test]
async fn one_that_breaks_is_a_failure_for_whoever_waits() {
    let (make, look) = (format!("POST {SHADOW}"), format!("GET {SHADOW}"));
    let server = Canned::start(&[
        (&make, 201, shadow("making").to_string()),
        (&look, 200, shadow("broken").to_string()),
    ])
    .await;
    let line = ["branch", "shadow", "create", "shop", "main", "--wait"];
    let ended = with_token(&server.url, &line).await;
    assert_eq!((ended.code, ended.out.as_str()), (exited(2), ""));
    assert!(ended.err.contains("the archive has a gap"), "{}", ended.err);
    let mut json = vec!["-f", "json"];
    json.extend(line);
    let ended = with_token(&server.url, &json).await;
    assert_eq!(ended.code, exited(2));
    let printed: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(printed["state"], "broken");
}
