//! Each resource from its creation to its end.

use crate::server::{Server, server};
use serde_json::{Value, json};

const ORG: &str = "/v1/organizations/default";
const SHOP: &str = "/v1/organizations/default/databases/shop";

async fn branch(server: &Server, body: Value) -> Value {
    let headers = [("authorization", &*server.root), ("prefer", "wait=60")];
    let what = format!("POST {SHOP}/branches");
    server
        .send(&what, &headers, &body.to_string())
        .await
        .expect(201)
}

#[tokio::test]
async fn a_database_lives() {
    let server = server().await;
    server.shop().await;
    let shown = server.call(&format!("GET {SHOP}"), None).await.expect(200);
    assert_eq!(shown["state"], "ready");
    assert_eq!(shown["kind"], "mysql");
    assert_eq!(shown["default_branch"], "main");
    assert_eq!(shown["engine"], "mysql-9.7.4");
    assert_eq!(shown["production_branches_count"], 1);
    let id = shown["id"].as_str().unwrap();
    let by_id = format!("GET {ORG}/databases/{id}");
    server.call(&by_id, None).await.expect(200);

    let again = json!({"name": "shop"});
    let refused = server
        .call(&format!("POST {ORG}/databases"), Some(again))
        .await;
    assert_eq!(refused.expect(409)["code"], "conflict");

    let renamed = json!({"new_name": "store", "unknown": {"x": 1}});
    let renamed = server
        .call(&format!("PATCH {SHOP}"), Some(renamed))
        .await
        .expect(200);
    assert_eq!(
        (&renamed["name"], &renamed["schema_name"]),
        (&json!("store"), &json!("shop"))
    );
    server
        .call(&format!("DELETE {ORG}/databases/store"), None)
        .await
        .expect(204);
    server.call(&by_id, None).await.expect(404);
}

#[tokio::test]
async fn an_import_lives() {
    let server = server().await;
    server.shop().await;
    let at = format!("{SHOP}/branches/main/imports");
    let open = || async {
        let headers = [("authorization", &*server.root), ("prefer", "wait=60")];
        let made = server
            .send(&format!("POST {at}"), &headers, r#"{"ttl": 60}"#)
            .await
            .expect(201);
        assert_eq!(
            (&made["state"], &made["ttl_seconds"], &made["branch"]),
            (&json!("open"), &json!(60), &json!("main"))
        );
        format!("{at}/{}", made["id"].as_str().unwrap())
    };
    let first = open().await;
    let refused = server.call(&format!("POST {at}"), None).await;
    assert_eq!(refused.expect(409)["error_code"], "OFS-1110");
    let demote = format!("POST {SHOP}/branches/main/demote");
    assert_eq!(
        server.call(&demote, None).await.json()["error_code"],
        "OFS-1110"
    );
    let renewed = server.call(&format!("POST {first}/renew"), None).await;
    assert_eq!(renewed.expect(200)["state"], "open");
    let headers = [("authorization", &*server.root), ("prefer", "wait=60")];
    let reverted = server
        .send(&format!("POST {first}/revert"), &headers, "")
        .await
        .expect(200);
    assert_eq!(reverted["state"], "reverted");
    let late = server.call(&format!("POST {first}/complete"), None).await;
    assert_eq!(late.expect(409)["error_code"], "OFS-1110");

    let second = open().await;
    for _ in 0..2 {
        let done = server.call(&format!("POST {second}/complete"), None).await;
        assert_eq!(done.expect(200)["state"], "completed");
    }
    let shown = server
        .call(&format!("GET {second}"), None)
        .await
        .expect(200);
    assert_eq!(shown["state"], "completed");
    let listed = server.call(&format!("GET {at}?per_page=1"), None).await;
    let listed = listed.expect(200);
    assert_eq!(
        (&listed["total_count"], &listed["data"][0]),
        (&json!(2), &shown)
    );
    let headers = [
        ("authorization", &*server.root),
        ("idempotency-key", "k"),
        ("prefer", "wait=60"),
    ];
    let what = format!("POST {at}");
    let third = server.send(&what, &headers, "{}").await.expect(201);
    let again = server.send(&what, &headers, "{}").await.expect(201);
    assert_eq!((&third["state"], &third), (&json!("open"), &again));
    let other = server.send(&what, &headers, r#"{"ttl": 9}"#).await;
    assert_eq!(other.expect(422)["error_code"], "OFS-1107");
    let long = server
        .call(&format!("POST {at}"), Some(json!({"ttl": 3601})))
        .await;
    assert_eq!(long.expect(422)["field"], "ttl");
    let missing = format!("GET {at}/{}", "x".repeat(12));
    server.call(&missing, None).await.expect(404);
}

#[tokio::test]
async fn a_branch_lives() {
    let server = server().await;
    server.shop().await;
    let made = branch(
        &server,
        json!({"name": "sprint-42", "parent_branch": "", "ttl": 3600, "labels": {"team": "a"},
            "password": {"role": "readwriter", "ttl": 60}}),
    )
    .await;
    assert_eq!(
        (&made["state"], &made["ready"]),
        (&json!("ready"), &json!(true))
    );
    assert_eq!(made["parent_branch"], "main");
    assert_eq!(made["labels"], json!({"team": "a"}));
    assert!(made["expires_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(
        made["connection"],
        json!({"host": "db.example.com", "port": 7306})
    );
    let password = &made["password"];
    assert_eq!(password["role"], "readwriter");
    assert_eq!(password["ttl_seconds"], 60);
    assert_eq!(password["connection"]["database"], "shop");
    assert!(password["plain_text"].as_str().unwrap().len() > 20);

    let at = format!("{SHOP}/branches/sprint-42");
    let shown = server.call(&format!("GET {at}"), None).await.expect(200);
    assert!(shown.get("password").is_none());
    assert_eq!(shown["actor"]["display_name"], "root");
    for (name, value) in shown.as_object().unwrap() {
        assert!(name != "sleep_after_seconds" || value.is_null());
    }

    let change = json!({"expires_at": null, "labels": {}, "deletion_protected": true});
    let changed = server
        .call(&format!("PATCH {at}"), Some(change))
        .await
        .expect(200);
    assert_eq!(
        (&changed["expires_at"], &changed["labels"]),
        (&Value::Null, &json!({}))
    );
    let refused = server.call(&format!("DELETE {at}"), None).await;
    assert_eq!(refused.json()["error_code"], "OFS-1102");
    let change = json!({"deletion_protected": false, "new_name": "s42"});
    server
        .call(&format!("PATCH {at}"), Some(change))
        .await
        .expect(200);
    let at = format!("{SHOP}/branches/s42");

    for verb in ["schema", "diff"] {
        let texts = server
            .call(&format!("GET {at}/{verb}"), None)
            .await
            .expect(200);
        assert!(texts["data"].is_array());
    }
    let logs = server
        .call(&format!("GET {at}/logs?lines=2"), None)
        .await
        .expect(200);
    assert_eq!(logs["lines"].as_array().unwrap().len(), 1);
    let slept = server
        .call(&format!("POST {at}/sleep"), None)
        .await
        .expect(200);
    assert_eq!(slept["ready"], false);
    let awake = server
        .call(&format!("POST {at}/wake"), Some(json!({})))
        .await
        .expect(200);
    assert_eq!(awake["state"], "ready");
    server.call(&format!("DELETE {at}"), None).await.expect(204);
    server.call(&format!("GET {at}"), None).await.expect(404);
}

#[tokio::test]
async fn a_branch_with_descendants_goes_only_when_asked() {
    let server = server().await;
    server.shop().await;
    branch(&server, json!({"name": "a"})).await;
    branch(&server, json!({"name": "b", "parent_branch": "a"})).await;
    let refused = server
        .call(&format!("DELETE {SHOP}/branches/a"), None)
        .await;
    assert_eq!(refused.status, 422);
    assert_eq!(refused.json()["error_code"], "OFS-1101");
    let what = format!("DELETE {SHOP}/branches/a?delete_descendants=true");
    server.call(&what, None).await.expect(204);
    server
        .call(&format!("GET {SHOP}/branches/b"), None)
        .await
        .expect(404);
}

#[tokio::test]
async fn lists_have_pages_that_lead_to_each_other() {
    let server = server().await;
    server.shop().await;
    branch(&server, json!({"name": "a", "labels": {"pr": "7"}})).await;
    branch(&server, json!({"name": "b"})).await;
    let what = format!("GET {SHOP}/branches?per_page=2");
    let first = server.call(&what, None).await.expect(200);
    assert_eq!(first["type"], "list");
    assert_eq!(
        (&first["total_count"], &first["total_pages"]),
        (&json!(3), &json!(2))
    );
    let next = first["next_page_url"].as_str().unwrap();
    let next = next.strip_prefix("http://api.example.com").unwrap();
    let second = server.call(&format!("GET {next}"), None).await.expect(200);
    assert_eq!(second["current_page"], 2);
    assert_eq!(second["next_page"], Value::Null);
    assert_eq!(second["data"].as_array().unwrap().len(), 1);
    let what = format!("GET {SHOP}/branches?label=pr=7");
    let labelled = server.call(&what, None).await.expect(200);
    assert_eq!(labelled["data"][0]["name"], "a");
    assert_eq!(labelled["total_count"], 1);
}

#[tokio::test]
async fn a_password_lives() {
    let server = server().await;
    server.shop().await;
    let all = format!("{SHOP}/branches/main/passwords");
    let body = json!({"name": "ci", "role": "", "ttl": 0, "cidrs": ["10.1.0.0/16"]});
    let made = server
        .call(&format!("POST {all}"), Some(body))
        .await
        .expect(201);
    assert_eq!(
        (&made["role"], &made["expires_at"]),
        (&json!("admin"), &Value::Null)
    );
    assert_eq!(made["cidrs"], json!(["10.1.0.0/16"]));
    assert!(made["plain_text"].is_string());
    let id = made["id"].as_str().unwrap();
    let shown = server
        .call(&format!("GET {all}/{id}"), None)
        .await
        .expect(200);
    assert_eq!(shown["plain_text"], Value::Null);
    let renewed = server.call(&format!("POST {all}/{id}/renew"), None).await;
    assert_eq!(renewed.expect(422)["code"], "unprocessable");
    let change = json!({"cidrs": []});
    let changed = server
        .call(&format!("PATCH {all}/{id}"), Some(change))
        .await
        .expect(200);
    assert_eq!(changed["cidrs"], Value::Null);
    for list in [
        format!("{all}?q=ci&status=active"),
        format!("{SHOP}/passwords"),
    ] {
        let listed = server.call(&format!("GET {list}"), None).await.expect(200);
        assert_eq!(listed["total_count"], 1, "{list}");
        assert_eq!(listed["data"][0]["plain_text"], Value::Null);
    }
    server
        .call(&format!("DELETE {all}/{id}"), None)
        .await
        .expect(204);
    server
        .call(&format!("DELETE {all}/{id}"), None)
        .await
        .expect(404);
}

#[tokio::test]
async fn the_audit_log_has_a_cursor() {
    let server = server().await;
    server.shop().await;
    branch(&server, json!({"name": "a"})).await;
    let what = format!("GET {ORG}/audit-log?limit=1");
    let first = server.call(&what, None).await.expect(200);
    assert_eq!(
        (&first["has_next"], &first["has_prev"]),
        (&json!(true), &json!(false))
    );
    let cursor = first["cursor_end"].as_str().unwrap();
    let what = format!("GET {ORG}/audit-log?starting_after={cursor}");
    let rest = server.call(&what, None).await.expect(200);
    assert!(!rest["data"].as_array().unwrap().is_empty());
    let what = format!("GET {ORG}/audit-log?filters[]=audit_action:branch.created");
    let created = server.call(&what, None).await.expect(200);
    let entries = created["data"].as_array().unwrap();
    assert!(!entries.is_empty());
    assert!(entries.iter().all(|e| e["action"] == "created"));
}

#[tokio::test]
async fn the_machine_is_shown() {
    let server = server().await;
    server.shop().await;
    let engines = server.call("GET /v1/engines", None).await.expect(200);
    assert_eq!(engines["data"][0]["name"], "mysql-9.7.4");
    let pool = server.call("GET /v1/pool", None).await.expect(200);
    assert_eq!(
        (&pool["driver"], &pool["free_bytes"]),
        (&json!("btrfs"), &json!(1 << 30))
    );
    let usage = server.call("GET /v1/pool/branches", None).await.expect(200);
    assert_eq!(usage["data"][0]["branch"], "main");
    assert!(usage["data"][0]["unique_bytes"].is_u64());
    let regions = server
        .call(&format!("GET {ORG}/regions"), None)
        .await
        .expect(200);
    assert_eq!(regions["data"][0]["mysql_supported"], true);
}

#[tokio::test]
async fn a_wait_ends_with_the_branch_as_it_is_by_then() {
    let server = server().await;
    server.shop().await;
    server.world.breaks("instances.start");
    let headers = [("authorization", &*server.root), ("prefer", "wait=1")];
    let what = format!("POST {SHOP}/branches");
    let made = server
        .send(&what, &headers, r#"{"name":"a","password":{}}"#)
        .await
        .expect(201);
    assert_eq!(
        (&made["state"], &made["ready"]),
        (&json!("pending"), &json!(false))
    );
    assert!(made["password"]["plain_text"].is_string());
    server.world.mend();
}
