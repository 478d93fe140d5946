//! Seed rules over HTTP: documents, versions, conditions, tests, and who may do what.

use crate::access::{status, token};
use crate::server::{Server, server};
use offshoot_testkit::fake::World;
use serde_json::{Value, json};

const SHOP: &str = "/v1/organizations/default/databases/shop";
const RULES: &str = "/v1/organizations/default/databases/shop/seed-rules";
const TESTS: &str = "/v1/organizations/default/databases/shop/branches/main/seed-rules/tests";

/// A server with a table `orders` on `main`.
async fn shop() -> Server {
    let server = server().await;
    server.shop().await;
    let world: &World = &server.world;
    let main = world.running()[0];
    world.put_table(main, "shop", "orders", "CREATE TABLE orders (id INT)");
    server
}

fn masking() -> Value {
    json!({"rules": {"tables": {"orders": {"where": "id < 3", "columns": {"email": "fake_email"}}}}})
}

#[tokio::test]
async fn rules_live() {
    let server = shop().await;
    let none = server.call(&format!("GET {RULES}"), None).await.expect(200);
    assert_eq!(
        none,
        json!({"version": null, "rules": null, "actor": null, "created_at": null, "required": false})
    );
    let set = server.call(&format!("PUT {RULES}"), Some(masking())).await;
    let tag = set.headers["etag"].to_str().unwrap().to_owned();
    let set = set.expect(200);
    assert_eq!(
        (&set["version"], &set["rules"]),
        (&json!(1), &masking()["rules"])
    );
    let shown = server.call(&format!("GET {RULES}"), None).await;
    assert_eq!(shown.headers["etag"].to_str().unwrap(), tag);
    assert_eq!(shown.expect(200), set);

    let empty = json!({"rules": {"tables": {"orders": "empty"}}});
    let what = format!("PUT {RULES}");
    let changed = server.call(&what, Some(empty.clone())).await;
    assert_eq!(changed.expect(200)["version"], 2);
    let headers = [("authorization", &*server.root), ("if-match", &*tag)];
    for method in ["PUT", "DELETE"] {
        let what = format!("{method} {RULES}");
        let late = server.send(&what, &headers, &empty.to_string()).await;
        assert_eq!(late.expect(412)["error_code"], "OFS-1109", "{what}");
    }
    let what = format!("DELETE {RULES}");
    let gone = server.call(&what, None).await;
    assert_eq!((gone.status, &*gone.text), (204, ""));
    let shown = server.call(&format!("GET {RULES}"), None).await.expect(200);
    assert_eq!(
        (&shown["version"], &shown["rules"]),
        (&json!(3), &Value::Null)
    );

    let what = format!("GET {RULES}/versions?per_page=2");
    let list = server.call(&what, None).await.expect(200);
    assert_eq!(
        (&list["total_count"], &list["next_page"]),
        (&json!(3), &json!(2))
    );
    let told = |n: usize, field: &str| list["data"][n][field].clone();
    assert_eq!(
        (told(0, "version"), told(0, "removed"), told(1, "tables")),
        (json!(3), json!(true), json!(1))
    );
    assert_eq!(
        told(1, "rules"),
        Value::Null,
        "documents are read one by one"
    );
    let what = format!("GET {RULES}?version=1");
    let old = server.call(&what, None).await.expect(200);
    assert_eq!(old["rules"], masking()["rules"]);
    let what = format!("GET {RULES}?version=9");
    server.call(&what, None).await.expect(404);

    let log = "GET /v1/organizations/default/audit-log";
    let log = server.call(log, None).await.expect(200);
    let actions: Vec<&str> = log["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|e| e["audit_action"].as_str())
        .filter(|a| a.starts_with("seed_rules."))
        .collect();
    assert_eq!(
        actions,
        ["seed_rules.removed", "seed_rules.set", "seed_rules.set"]
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_document_is_named_with_its_place() {
    let server = shop().await;
    let what = format!("PUT {RULES}");
    for (rules, field, part) in [
        (json!({"tabels": {}}), "rules", "unknown field"),
        (
            json!({"tables": {"orders": {"columns": {"email": "fake"}}}}),
            "rules.tables.orders.columns.email",
            "fake_email",
        ),
        (
            json!({"tables": {"orders": {"where": "1; DROP TABLE orders"}}}),
            "rules.tables.orders.where",
            "semicolon",
        ),
        (
            json!({"tables": {"users": "empty"}}),
            "rules",
            "tables.users: table shop.users is not there",
        ),
    ] {
        let body = json!({"rules": rules});
        let refused = server.call(&what, Some(body)).await.expect(422);
        let message = refused["message"].as_str().unwrap();
        assert!(message.contains(part), "{refused}");
        let named = refused["field"].as_str().unwrap();
        assert!(named.starts_with(field), "{refused}");
    }
    server.call(&what, Some(json!({}))).await.expect(422);
    let shown = server.call(&format!("GET {RULES}"), None).await.expect(200);
    assert_eq!(shown["version"], Value::Null);
}

#[tokio::test]
async fn a_branch_says_which_rules_its_data_passed() {
    let server = shop().await;
    server
        .call(&format!("PUT {RULES}"), Some(masking()))
        .await
        .expect(200);
    let headers = [("authorization", &*server.root), ("prefer", "wait=20")];
    let what = format!("POST {SHOP}/branches");
    let live = server
        .send(&what, &headers, r#"{"name":"a","seed":"live"}"#)
        .await
        .expect(201);
    assert_eq!(
        (&live["ready"], &live["seed_rules_version"]),
        (&json!(true), &json!(1))
    );
    assert_eq!(live["seeded"], json!({"rows_removed": 1, "rows_masked": 2}));
    let schema = server
        .send(&what, &headers, r#"{"name":"b"}"#)
        .await
        .expect(201);
    assert_eq!(
        (&schema["seed_rules_version"], &schema["seeded"]),
        (&Value::Null, &Value::Null)
    );

    // A rule that fails: no branch, and the table's name.
    let body = json!({"rules": {"tables": {"orders": {"where": "FAILS"}}}});
    server
        .call(&format!("PUT {RULES}"), Some(body))
        .await
        .expect(200);
    let failed = server
        .send(&what, &headers, r#"{"name":"c","seed":"live"}"#)
        .await
        .expect(422);
    assert_eq!(failed["error_code"], "OFS-1121");
    assert!(failed["message"].as_str().unwrap().contains("shop.orders"));
    let gone = server.call(&format!("GET {SHOP}/branches/c"), None).await;
    gone.expect(404);
}

#[tokio::test]
async fn a_database_demands_rules() {
    let server = shop().await;
    let body = json!({"require_seed_rules": true});
    let changed = server.call(&format!("PATCH {SHOP}"), Some(body)).await;
    assert_eq!(changed.expect(200)["require_seed_rules"], true);
    let shown = server.call(&format!("GET {RULES}"), None).await.expect(200);
    assert_eq!(shown["required"], true);
    let body = json!({"name": "a", "seed": "live"});
    let refused = server
        .call(&format!("POST {SHOP}/branches"), Some(body))
        .await
        .expect(422);
    assert_eq!(refused["error_code"], "OFS-1122");
    assert!(refused["hint"].as_str().unwrap().contains("seed-rules set"));
}

#[tokio::test]
async fn rules_are_tested() {
    let server = shop().await;
    let headers = [("authorization", &*server.root), ("prefer", "wait=20")];
    let what = format!("POST {TESTS}");
    let none = server.send(&what, &headers, "").await.expect(422);
    assert!(
        none["hint"].as_str().unwrap().contains("--file FILE"),
        "{none}"
    );
    let test = server
        .send(&what, &headers, &masking().to_string())
        .await
        .expect(201);
    assert_eq!(
        (&test["state"], &test["version"]),
        (&json!("passed"), &Value::Null)
    );
    assert_eq!(
        test["tables"],
        json!([{"table": "shop.orders", "rows": 3, "kept": 2, "removed": 1, "masked": 2,
            "columns": [{"name": "email", "mask": "fake_email"}]}])
    );
    let at = format!("GET {TESTS}/{}", test["id"].as_str().unwrap());
    assert_eq!(server.call(&at, None).await.expect(200), test);
    let body = r#"{"rules": {"tables": {"users": "empty"}}}"#;
    let failed = server.send(&what, &headers, body).await.expect(201);
    assert_eq!(failed["state"], "failed");
    assert_eq!(
        failed["problems"],
        json!([{"at": "tables.users", "message": "table shop.users is not there"}])
    );
    let unknown = format!("GET {TESTS}/abcdefghijkl");
    server.call(&unknown, None).await.expect(404);
}

#[tokio::test]
async fn who_may_set_and_test_rules() {
    let server = shop().await;
    let put = format!("PUT {RULES}");
    let body = masking().to_string();
    let get = format!("GET {RULES}");
    let test = format!("POST {TESTS}");
    for (access, what, body, expected) in [
        ("read_branch", &put, &*body, 403),
        ("create_branch", &put, &body, 403),
        ("write_database", &put, &body, 200),
        ("read_branch", &get, "", 200),
        ("connect_branch", &get, "", 403),
        ("read_branch", &test, "", 403),
        // A draft is a question about the rows.
        ("restore_production_branch_backup", &test, &body, 403),
        ("restore_backup", &test, "", 403),
        ("restore_production_branch_backup", &test, "", 201),
    ] {
        let token = token(&server, Some("shop"), &[access]).await;
        let found = status(&server, &token, what, body).await;
        assert_eq!(found, expected, "{access}: {what} {body}");
    }
}
