//! Keyspaces: the MySQL schemas of a branch, in the shapes that PlanetScale's clients read.

use crate::access::{status, token};
use crate::server::server;
use serde_json::json;

const SHOP: &str = "/v1/organizations/default/databases/shop";
const MAIN: &str = "/v1/organizations/default/databases/shop/branches/main";
const KEYSPACES: &str = "/v1/organizations/default/databases/shop/branches/main/keyspaces";

#[tokio::test]
async fn a_keyspace_is_made_shown_and_dropped() {
    let server = server().await;
    server.shop().await;
    let list = server.call(&format!("GET {KEYSPACES}"), None).await;
    let list = list.expect(200);
    let own = &list["data"][0];
    assert_eq!(
        (&own["name"], &own["default"]),
        (&json!("shop"), &json!(true))
    );
    assert_eq!(
        (&own["shards"], &own["sharded"]),
        (&json!(1), &json!(false))
    );
    assert_eq!(own["ready"], true);

    let body = json!({"name": "carts", "cluster_size": "", "shards": 1, "extra_replicas": 0});
    let make = format!("POST {KEYSPACES}");
    let made = server.call(&make, Some(body.clone())).await.expect(200);
    assert_eq!(
        (&made["name"], &made["default"]),
        (&json!("carts"), &json!(false))
    );
    let again = server.call(&make, Some(body)).await.expect(409);
    assert!(
        again["message"].as_str().unwrap().contains("carts"),
        "{again}"
    );
    let id = made["id"].as_str().unwrap();
    for name in ["carts", id] {
        let shown = server
            .call(&format!("GET {KEYSPACES}/{name}?full=true"), None)
            .await
            .expect(200);
        assert_eq!(shown, made, "{name}");
    }
    let list = server.call(&format!("GET {KEYSPACES}"), None).await;
    assert_eq!(list.expect(200)["data"].as_array().unwrap().len(), 2);
    let log = "GET /v1/organizations/default/audit-log?filters[]=audit_action:keyspace.created";
    let log = server.call(log, None).await.expect(200);
    assert_eq!(log["data"][0]["auditable_id"], id);

    let remove = format!("DELETE {KEYSPACES}/{id}");
    server.call(&remove, None).await.expect(204);
    server.call(&remove, None).await.expect(404);
    let own = server.call(&format!("DELETE {KEYSPACES}/shop"), None).await;
    assert_eq!(own.expect(422)["code"], "unprocessable");
}

#[tokio::test]
async fn what_vitess_alone_has_is_constant_or_refused() {
    let server = server().await;
    server.shop().await;
    let get = |path: &'static str| {
        let server = &server;
        async move {
            let what = format!("GET {KEYSPACES}/shop/{path}");
            server.call(&what, None).await.expect(200)
        }
    };
    let rollout = get("rollout-status").await;
    assert_eq!(rollout["state"], "complete");
    assert_eq!(rollout["shards"][0]["name"], "-");
    let raw = get("vschema").await["raw"].as_str().unwrap().to_owned();
    let read: serde_json::Value = serde_json::from_str(&raw).unwrap();
    assert_eq!(read, json!({"sharded": false, "tables": {}}));

    let settings = |flag| {
        json!({
            "replication_durability_constraints": {"strategy": "available"},
            "vreplication_flags": {"optimize_inserts": flag},
        })
    };
    let change = format!("PATCH {KEYSPACES}/shop");
    server
        .call(&change, Some(settings(false)))
        .await
        .expect(200);
    server.call(&change, None).await.expect(200);
    let put = format!("PUT {KEYSPACES}/shop/read-only-regions");
    let none = server
        .call(&put, Some(json!({"read_only_regions": []})))
        .await;
    assert_eq!(none.expect(200), json!([]));
    let region = json!({"read_only_regions": [{"region": "us-east"}]});
    let named = |extra: serde_json::Value| {
        let mut body = json!({"name": "x"});
        body.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        body
    };
    let make = format!("POST {KEYSPACES}");
    for (what, body) in [
        (&change, settings(true)),
        (&put, region),
        (&make, named(json!({"shards": 4}))),
        (&make, named(json!({"extra_replicas": 1}))),
        (&make, named(json!({"cluster_size": "PS_2560"}))),
        (
            &format!("PATCH {KEYSPACES}/shop/vschema"),
            json!({"vschema": "{}"}),
        ),
    ] {
        let refused = server.call(what, Some(body.clone())).await.expect(422);
        assert_eq!(refused["code"], "unprocessable", "{body}");
        assert!(refused["message"].as_str().unwrap().len() > 20, "{refused}");
    }
    for wrong in [json!({}), json!({"name": "mysql"}), json!({"name": "a`b"})] {
        let refused = server.call(&make, Some(wrong.clone())).await.expect(422);
        assert_eq!(refused["field"], "name", "{wrong}");
    }
    let list = server.call(&format!("GET {KEYSPACES}"), None).await;
    assert_eq!(list.expect(200)["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_creating_request_is_sent_again_without_harm() {
    let server = server().await;
    server.shop().await;
    let headers = [("authorization", &*server.root), ("idempotency-key", "k-1")];
    let make = format!("POST {KEYSPACES}");
    let first = server.send(&make, &headers, r#"{"name":"carts"}"#).await;
    let again = server.send(&make, &headers, r#"{"name":"carts"}"#).await;
    assert_eq!(first.expect(200), again.expect(200));
}

#[tokio::test]
async fn accesses_say_who_may_what() {
    let server = server().await;
    server.shop().await;
    let prefer = [("authorization", &*server.root), ("prefer", "wait=20")];
    let branch = format!("POST {SHOP}/branches");
    server
        .send(&branch, &prefer, r#"{"name":"dev"}"#)
        .await
        .expect(201);
    let dev = format!("{SHOP}/branches/dev/keyspaces");
    let reader = token(&server, Some("shop"), &["read_branch"]).await;
    let maker = token(&server, Some("shop"), &["create_branch", "delete_branch"]).await;
    let body = r#"{"name":"carts"}"#;
    for (who, what, expected) in [
        (&reader, format!("GET {dev}"), 200),
        (&reader, format!("POST {dev}"), 403),
        (&reader, format!("DELETE {dev}/carts"), 403),
        (&maker, format!("POST {dev}"), 200),
        // In production it takes as much as a password of role admin.
        (&maker, format!("POST {KEYSPACES}"), 403),
        (&maker, format!("DELETE {KEYSPACES}/carts"), 403),
        (&maker, format!("DELETE {dev}/carts"), 204),
    ] {
        assert_eq!(status(&server, who, &what, body).await, expected, "{what}");
    }
    let accesses = ["create_branch", "connect_production_branch"];
    let maker = token(&server, Some("shop"), &accesses).await;
    let what = format!("POST {KEYSPACES}");
    assert_eq!(status(&server, &maker, &what, body).await, 200);
    let protect = format!("PATCH {MAIN}");
    let body = json!({"deletion_protected": true});
    server.call(&protect, Some(body)).await.expect(200);
    let refused = server
        .call(&format!("DELETE {KEYSPACES}/carts"), None)
        .await;
    assert_eq!(refused.expect(422)["error_code"], "OFS-1102");
}
