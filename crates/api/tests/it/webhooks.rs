//! Webhooks: shapes, statuses, and who may do what.

use crate::access::{status, token};
use crate::server::{Server, server};
use serde_json::{Value, json};
use std::time::Duration;

const SHOP: &str = "/v1/organizations/default/databases/shop";
const WEBHOOKS: &str = "/v1/organizations/default/databases/shop/webhooks";
const URL: &str = "https://hooks.example.com/x";

async fn made(server: &Server, body: Value) -> Value {
    server.shop().await;
    server
        .call(&format!("POST {WEBHOOKS}"), Some(body))
        .await
        .expect(201)
}

#[tokio::test]
async fn a_webhook_lives() {
    let server = server().await;
    server.world.answers(&[(204, "")]);
    let webhook = made(
        &server,
        json!({"url": URL, "events": ["branch.ready", "deploy_request.opened"]}),
    )
    .await;
    let secret = webhook["secret"].as_str().unwrap();
    assert!(secret.starts_with("ofs_whk_"), "{webhook}");
    assert_eq!(webhook["enabled"], true);
    assert_eq!(
        webhook["events"],
        json!(["branch.ready", "deploy_request.opened"])
    );
    assert_eq!(webhook["last_sent_at"], Value::Null);
    let at = format!("{WEBHOOKS}/{}", webhook["id"].as_str().unwrap());
    let shown = server.call(&format!("GET {at}"), None).await;
    let tag = shown.headers["etag"].to_str().unwrap().to_owned();
    assert_eq!(shown.expect(200)["secret"], webhook["secret"]);

    // It has fallen silent, and is tested all the same.
    let off = json!({"enabled": false, "url": "", "events": [""]});
    let changed = server.call(&format!("PATCH {at}"), Some(off)).await;
    let changed = changed.expect(200);
    assert_eq!(
        (&changed["enabled"], &changed["url"]),
        (&json!(false), &json!(URL))
    );
    assert!(
        changed["events"].as_array().unwrap().len() > 20,
        "all of them"
    );
    let headers = [("authorization", &*server.root), ("prefer", "wait=30")];
    let tested = server.send(&format!("POST {at}/test"), &headers, "").await;
    assert_eq!((tested.status, &*tested.text), (204, ""));
    let what = format!("GET {at}/deliveries?event=webhook.test");
    let listed = server.call(&what, None).await.expect(200);
    assert_eq!(listed["total_count"], 1);
    let sent = &listed["data"][0];
    assert_eq!(
        (&sent["state"], &sent["status_code"]),
        (&json!("delivered"), &json!(204))
    );
    assert!(
        sent["duration_ms"].is_i64() && sent.get("payload").is_none(),
        "{sent}"
    );
    let one = format!("{at}/deliveries/{}", sent["id"].as_str().unwrap());
    let whole = server.call(&format!("GET {one}"), None).await.expect(200);
    assert_eq!(whole["payload"]["event"], "webhook.test");
    assert_eq!(whole["payload"]["resource"]["name"], "shop");
    let again = server.call(&format!("POST {one}/replay"), None).await;
    again.expect(200);
    for _ in 0..500 {
        if server.world.sent().len() > 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let sent = server.world.sent();
    assert_eq!(
        sent[0].header("x-offshoot-delivery"),
        sent[1].header("x-offshoot-delivery")
    );
    assert_eq!(sent[0].body, sent[1].body);

    // Who read it before it was changed does not delete it.
    let headers = [("authorization", &*server.root), ("if-match", &*tag)];
    let late = server.send(&format!("DELETE {at}"), &headers, "").await;
    assert_eq!(late.expect(412)["error_code"], "OFS-1109");
    let gone = server.call(&format!("DELETE {at}"), None).await;
    assert_eq!(gone.status, 204);
    let gone = server.call(&format!("GET {at}"), None).await;
    assert_eq!(gone.expect(404)["error_code"], "OFS-1001");
}

#[tokio::test]
async fn what_happens_is_told_in_the_apis_shape() {
    let server = server().await;
    server.world.answers(&[(200, "")]);
    made(&server, json!({"url": URL, "events": ["branch.ready"]})).await;
    let branches = format!("{SHOP}/branches");
    let headers = [("authorization", &*server.root), ("prefer", "wait=60")];
    let body = r#"{"name": "one", "password": {"role": "admin"}}"#;
    let made = server
        .send(&format!("POST {branches}"), &headers, body)
        .await;
    made.expect(201);
    for _ in 0..500 {
        if !server.world.sent().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let sent = server.world.sent();
    let told: Value = serde_json::from_str(&sent[0].body).unwrap();
    let mut shown = server
        .call(&format!("GET {branches}/one"), None)
        .await
        .expect(200);
    shown["type"] = "Branch".into();
    let mut resource = told["resource"].clone();
    for moving in ["updated_at", "schema_last_updated_at", "disk_used_bytes"] {
        shown[moving] = Value::Null;
        resource[moving] = Value::Null;
    }
    assert_eq!(resource, shown);
    assert!(!sent[0].body.contains("plain_text"), "{}", sent[0].body);
}

#[tokio::test]
async fn webhooks_are_for_those_who_may_change_the_database() {
    let server = server().await;
    let webhook = made(&server, json!({"url": URL})).await;
    let at = format!("{WEBHOOKS}/{}", webhook["id"].as_str().unwrap());
    let reader = token(&server, Some("shop"), &["read_database"]).await;
    let brancher = token(&server, Some("shop"), &["create_branch"]).await;
    for (what, body, by_reader, by_brancher) in [
        (format!("GET {WEBHOOKS}"), "", 200, 403),
        (format!("GET {at}"), "", 200, 403),
        (format!("GET {at}/deliveries"), "", 200, 403),
        (
            format!("POST {WEBHOOKS}"),
            r#"{"url": "https://x.example.com"}"#,
            403,
            403,
        ),
        (format!("PATCH {at}"), "{}", 403, 403),
        (format!("POST {at}/test"), "", 403, 403),
        (format!("DELETE {at}"), "", 403, 403),
    ] {
        assert_eq!(
            status(&server, &reader, &what, body).await,
            by_reader,
            "{what}"
        );
        assert_eq!(
            status(&server, &brancher, &what, body).await,
            by_brancher,
            "{what}"
        );
    }
    let headers = [("authorization", &*reader)];
    let shown = server.send(&format!("GET {at}"), &headers, "").await;
    assert_eq!(shown.expect(200)["secret"], Value::Null);
    for (body, field) in [
        (json!({}), "url"),
        (json!({"url": "hooks.example.com"}), "url"),
        (json!({"url": URL, "events": ["branch.redy"]}), "events"),
    ] {
        let refused = server.call(&format!("POST {WEBHOOKS}"), Some(body)).await;
        assert_eq!(refused.expect(422)["field"], field);
    }
}
