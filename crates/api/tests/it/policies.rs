//! Backup policies: their fields, statuses, conditions, replays and who may do what.

use crate::server::{Server, server};
use serde_json::{Value, json};

const POLICIES: &str = "/v1/organizations/default/databases/shop/backup-policies";

async fn required(server: &Server) -> Value {
    let list = server.call(&format!("GET {POLICIES}"), None).await;
    let list = list.expect(200);
    assert_eq!(
        (&list["type"], &list["total_count"]),
        (&json!("list"), &json!(1))
    );
    list["data"][0].clone()
}

#[tokio::test]
async fn a_policy_lives() {
    let server = server().await;
    server.shop().await;
    let preset = required(&server).await;
    assert_eq!(preset["required"], true);
    assert_eq!(
        (
            &preset["target"],
            &preset["schedule_time"],
            &preset["schedule_day"]
        ),
        (&json!("production"), &json!("03:00"), &Value::Null)
    );
    assert_eq!(preset["drill_frequency_unit"], "week");
    // As Terraform makes one.
    let body = json!({
        "name": "nightly", "target": "development", "retention_value": 7, "retention_unit": "day",
        "frequency_value": 1, "frequency_unit": "day", "schedule_time": "04:00",
    });
    let made = server
        .call(&format!("POST {POLICIES}"), Some(body.clone()))
        .await;
    let made = made.expect(201);
    for (field, value) in body.as_object().unwrap() {
        assert_eq!(&made[field], value, "{field}");
    }
    assert_eq!(made["display_name"], "nightly");
    assert_eq!(made["last_ran_at"], Value::Null);
    assert!(made["next_run_at"].as_str().unwrap().contains("T04:00:00"));
    let at = format!("{POLICIES}/{}", made["id"].as_str().unwrap());
    let shown = server.call(&format!("GET {at}"), None).await;
    let tag = shown.headers["etag"].to_str().unwrap().to_owned();
    assert_eq!(shown.expect(200), made);

    let body =
        json!({"frequency_unit": "month", "schedule_day": 6, "schedule_week": 3, "unknown": 1});
    let changed = server
        .call(&format!("PATCH {at}"), Some(body))
        .await
        .expect(200);
    assert_eq!(
        (
            &changed["schedule_day"],
            &changed["schedule_week"],
            &changed["name"]
        ),
        (&json!(6), &json!(3), &json!("nightly"))
    );
    let headers = [("authorization", &*server.root), ("if-match", &*tag)];
    for what in [format!("PATCH {at}"), format!("DELETE {at}")] {
        let late = server.send(&what, &headers, "{}").await;
        assert_eq!(late.expect(412)["error_code"], "OFS-1109", "{what}");
    }
    let gone = server.call(&format!("DELETE {at}"), None).await;
    assert_eq!((gone.status, &*gone.text), (204, ""));
    server.call(&format!("GET {at}"), None).await.expect(404);

    let at = format!("{POLICIES}/{}", preset["id"].as_str().unwrap());
    let refused = server.call(&format!("DELETE {at}"), None).await.expect(422);
    assert!(refused["hint"].as_str().unwrap().contains("instead"));
}

#[tokio::test]
async fn what_is_wrong_with_a_policy_is_named() {
    let server = server().await;
    server.shop().await;
    for (body, field) in [
        (json!({"target": "all"}), "target"),
        (json!({"frequency_unit": "year"}), "frequency_unit"),
        (json!({"frequency_unit": "fortnight"}), "frequency_unit"),
        (json!({"frequency_value": 0}), "frequency_value"),
        (json!({"schedule_time": "4am"}), "schedule_time"),
        (json!({"schedule_day": 1}), "schedule_day"),
        (
            json!({"frequency_unit": "week", "schedule_day": 7}),
            "schedule_day",
        ),
        (json!({"retention_value": 1001}), "retention_value"),
        (json!({"retention_unit": "never"}), "retention_unit"),
        (
            json!({"drill_frequency_unit": "year"}),
            "drill_frequency_unit",
        ),
        (json!({"drill_frequency_value": 2}), "drill_frequency_unit"),
    ] {
        let refused = server.call(&format!("POST {POLICIES}"), Some(body)).await;
        assert_eq!(refused.expect(422)["field"], field);
    }
    required(&server).await;
}

#[tokio::test]
async fn a_policy_is_made_once() {
    let server = server().await;
    server.shop().await;
    let headers = [("authorization", &*server.root), ("idempotency-key", "k")];
    let what = format!("POST {POLICIES}");
    let made = server.send(&what, &headers, "{}").await.expect(201);
    assert_eq!(server.send(&what, &headers, "{}").await.expect(201), made);
    let other = server.send(&what, &headers, r#"{"name":"x"}"#).await;
    assert_eq!(other.expect(422)["error_code"], "OFS-1107");
    let list = server
        .call(&format!("GET {POLICIES}?per_page=1"), None)
        .await
        .expect(200);
    assert_eq!(
        (&list["total_count"], &list["next_page"]),
        (&json!(2), &json!(2))
    );
}

#[tokio::test]
async fn a_policy_of_another_database_is_not_there() {
    let server = server().await;
    server.shop().await;
    let body = json!({"name": "other"});
    let databases = "POST /v1/organizations/default/databases";
    server.call(databases, Some(body)).await.expect(201);
    let id = required(&server).await["id"].as_str().unwrap().to_owned();
    let other = "/v1/organizations/default/databases/other/backup-policies";
    for method in ["GET", "PATCH", "DELETE"] {
        let what = format!("{method} {other}/{id}");
        assert_eq!(
            server.call(&what, None).await.expect(404)["error_code"],
            "OFS-1001"
        );
    }
}
