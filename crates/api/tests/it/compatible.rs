//! Addresses that PlanetScale's clients call: what answers, and what says why it does not.

use crate::server::server;
use serde_json::json;

const ORG: &str = "/v1/organizations/default";
const SHOP: &str = "/v1/organizations/default/databases/shop";
const MAIN: &str = "/v1/organizations/default/databases/shop/branches/main";

#[tokio::test]
async fn what_clients_ask_for_has_its_shape() {
    let server = server().await;
    server.shop().await;
    for (path, first) in [
        (format!("{ORG}/cluster-size-skus"), "PS_DEV"),
        (format!("{MAIN}/cluster-size-skus"), "PS_MACHINE"),
    ] {
        let sizes = server.call(&format!("GET {path}"), None).await.expect(200);
        assert_eq!(sizes[0]["name"], first, "{path}");
        assert_eq!(sizes[1]["production"], true, "{path}");
        assert!(sizes[1]["rate"].is_i64(), "{path}");
    }
    let user = server.call("GET /v1/user", None).await.expect(200);
    assert_eq!(user["default_organization"]["name"], "default");
    let get = |path: String| {
        let server = &server;
        async move { server.call(&format!("GET {path}"), None).await.expect(200) }
    };
    let regions = get(format!("{SHOP}/regions")).await;
    let region = json!(["office", "The office", "The office"]);
    let named = |r: &serde_json::Value| json!([r["slug"], r["display_name"], r["location"]]);
    assert_eq!(named(&regions["data"][0]), region);
    let public = server.send("GET /v1/regions", &[], "").await.expect(200);
    assert_eq!(named(&public["data"][0]), region);
    assert_eq!(named(&get(MAIN.to_owned()).await["region"]), region);
    assert_eq!(named(&get(SHOP.to_owned()).await["region"]), region);
    let none = get(format!("{SHOP}/read-only-regions")).await;
    assert_eq!(none["data"], json!([]));
    let lint = get(format!("{MAIN}/schema/lint")).await;
    assert_eq!(lint["data"], json!([]));
    let infrastructure = get(format!("{MAIN}/infrastructure")).await;
    assert_eq!(infrastructure["pods"][0]["status"], "Running");
    let filtered = get(format!("{SHOP}/branches?safe_migrations=true")).await;
    assert_eq!(filtered["total_count"], 0);
    let filtered = get(format!("{SHOP}/branches?safe_migrations=false")).await;
    assert_eq!(filtered["total_count"], 1);
    let fresh = format!("POST {MAIN}/refresh-schema");
    server.call(&fresh, None).await.expect(204);
}

#[tokio::test]
async fn safe_migrations_are_switched_as_every_client_does_it() {
    let server = server().await;
    server.shop().await;
    let (on, off) = (
        format!("POST {MAIN}/safe-migrations"),
        format!("DELETE {MAIN}/safe-migrations"),
    );
    for _ in 0..2 {
        let branch = server.call(&on, None).await.expect(200);
        assert_eq!(
            (&branch["name"], &branch["safe_migrations"]),
            (&json!("main"), &json!(true))
        );
    }
    for (wanted, n) in [(true, 1), (false, 0)] {
        let list = format!("GET {SHOP}/branches?safe_migrations={wanted}");
        let found = server.call(&list, None).await.expect(200);
        assert_eq!(found["total_count"], n);
    }
    // What would change its kind is refused, and says so.
    let refused = server.call(&format!("POST {MAIN}/demote"), None).await;
    let refused = refused.expect(422);
    assert_eq!(refused["code"], "unprocessable");
    let branch = server.call(&off, None).await.expect(200);
    assert_eq!(branch["safe_migrations"], false);
    // As Terraform does it.
    let put = format!("PUT {MAIN}/safe-migrations");
    for wanted in [true, true, false] {
        let body = json!({ "safe_migrations": wanted });
        let branch = server.call(&put, Some(body)).await.expect(200);
        assert_eq!(branch["safe_migrations"], wanted);
    }
    let missing = server.call(&put, Some(json!({}))).await.expect(422);
    assert_eq!(missing["field"], "safe_migrations");
    // A development branch has none.
    let made = format!("POST {SHOP}/branches");
    server
        .call(&made, Some(json!({"name": "dev"})))
        .await
        .expect(201);
    let dev = format!("{SHOP}/branches/dev/safe-migrations");
    let refused = server.call(&format!("POST {dev}"), None).await.expect(422);
    assert_eq!(refused["code"], "unprocessable");
    let branch = server
        .call(&format!("DELETE {dev}"), None)
        .await
        .expect(200);
    assert_eq!(branch["safe_migrations"], false);
    // Not for whoever has not read what it is now.
    let headers = [("authorization", &*server.root), ("if-match", "\"x\"")];
    assert_eq!(server.send(&on, &headers, "").await.status, 412);
}

#[tokio::test]
async fn sessions_are_shown_and_ended() {
    let server = server().await;
    server.shop().await;
    let list = format!("GET {MAIN}/processlist");
    let none = server.call(&list, None).await.expect(200);
    assert_eq!(none["data"]["processes"], json!([]));
    server.world.set_busy(true);
    let one = server.call(&list, None).await.expect(200);
    assert_eq!(one["data"]["processes"][0]["id"], 7);
    let rows = server
        .call(&format!("GET {MAIN}/connections"), None)
        .await
        .expect(200);
    assert_eq!(rows["database_kind"], "mysql");
    assert_eq!(rows["data"][0]["pid"], 7);
    let kill = format!("POST {MAIN}/processlist/kill");
    let wrong = server.call(&kill, Some(json!({"kind": "query"}))).await;
    assert_eq!(wrong.expect(422)["field"], "id");
    let killed = server.call(&kill, Some(json!({"id": 7}))).await.expect(200);
    assert_eq!(killed["data"]["success"], true);
    server.world.set_busy(true);
    let gone = format!("DELETE {MAIN}/connections/query/8");
    server.call(&gone, None).await.expect(404);
    server.world.set_busy(true);
    let killed = format!("DELETE {MAIN}/connections/transaction/7");
    assert_eq!(
        server.call(&killed, None).await.expect(200)["kind"],
        "transaction"
    );
}

#[tokio::test]
async fn what_is_not_there_says_why() {
    let server = server().await;
    server.shop().await;
    for what in [
        format!("GET {SHOP}/deploy-requests"),
        format!("GET {SHOP}/throttler"),
        format!("POST {MAIN}/keyspaces/shop/move"),
        format!("GET {MAIN}/vtctld/workflows"),
        format!("GET {ORG}/teams/x/members"),
    ] {
        let refused = server.call(&what, None).await.expect(422);
        assert_eq!(refused["code"], "unprocessable", "{what}");
        assert!(refused["message"].as_str().unwrap().len() > 20, "{what}");
        let strange = server.send(&what, &[], "").await;
        assert_eq!(strange.status, 401, "{what}");
    }
    let what = format!("PATCH {ORG}");
    server.call(&what, Some(json!({}))).await.expect(200);
    let refused = server
        .call(&what, Some(json!({"billing_email": "a@b.c"})))
        .await;
    assert_eq!(refused.expect(422)["field"], "billing_email");
}

#[tokio::test]
async fn a_branch_can_bring_its_database() {
    let server = server().await;
    let what = format!("POST {SHOP}/branches");
    let body = json!({"name": "prod"});
    server.call(&what, Some(body)).await.expect(404);
    let body = json!({"name": "prod", "kind": "mysql", "create_database_if_missing": true});
    let made = server.call(&what, Some(body)).await.expect(201);
    assert_eq!(
        (&made["production"], &made["default"]),
        (&json!(true), &json!(true))
    );
    let database = server.call(&format!("GET {SHOP}"), None).await.expect(200);
    assert_eq!(database["default_branch"], "prod");
}
