//! What service tokens may do, and what they may not even know of.

use crate::server::{Server, server};
use serde_json::{Value, json};

const ORG: &str = "/v1/organizations/default";
const SHOP: &str = "/v1/organizations/default/databases/shop";

/// `id:token` of a new token with these accesses.
pub(crate) async fn token(server: &Server, database: Option<&str>, access: &[&str]) -> String {
    let tokens = format!("{ORG}/service-tokens");
    let body = json!({"name": "test"});
    let made = server
        .call(&format!("POST {tokens}"), Some(body))
        .await
        .expect(200);
    let id = made["id"].as_str().unwrap();
    if !access.is_empty() {
        let body = json!({"database": database, "access": access});
        let what = format!("POST {tokens}/{id}/access");
        server.call(&what, Some(body)).await.expect(200);
    }
    format!("{id}:{}", made["token"].as_str().unwrap())
}

pub(crate) async fn status(server: &Server, token: &str, what: &str, body: &str) -> u16 {
    let headers = [("authorization", token)];
    server.send(what, &headers, body).await.status
}

#[tokio::test]
async fn a_token_does_what_it_was_granted_and_no_more() {
    let server = server().await;
    server.shop().await;
    let reader = token(&server, Some("shop"), &["read_branch"]).await;
    let branches = format!("{SHOP}/branches");
    for (what, body, expected) in [
        (format!("GET {SHOP}"), "", 200),
        (format!("GET {branches}"), "", 200),
        (format!("GET {branches}/main"), "", 200),
        (format!("POST {branches}"), r#"{"name":"a"}"#, 403),
        (format!("DELETE {branches}/main"), "", 403),
        (format!("PATCH {SHOP}"), r#"{"new_name":"x"}"#, 403),
        (format!("DELETE {SHOP}"), "", 403),
        (format!("POST {branches}/main/passwords"), "{}", 403),
        (format!("POST {branches}/main/demote"), "", 403),
        (format!("GET {branches}/main/shadow"), "", 404),
        (format!("POST {branches}/main/shadow"), "{}", 403),
        (format!("PATCH {branches}/main/shadow"), "{}", 403),
        (format!("DELETE {branches}/main/shadow"), "", 403),
        (format!("POST {ORG}/databases"), r#"{"name":"x"}"#, 403),
        (format!("POST {ORG}/service-tokens"), "{}", 403),
        (format!("GET {ORG}/service-tokens"), "", 403),
        (format!("GET {ORG}/audit-log"), "", 403),
        (format!("GET {branches}/main/backups"), "", 403),
        (format!("POST {branches}/main/backups"), "{}", 403),
        (format!("GET {SHOP}/backup-policies"), "", 403),
        (format!("POST {SHOP}/backup-policies"), "{}", 403),
    ] {
        assert_eq!(
            status(&server, &reader, &what, body).await,
            expected,
            "{what}"
        );
    }
    let headers = [("authorization", &*reader)];
    let what = format!("DELETE {SHOP}");
    let body = server.send(&what, &headers, "").await.expect(403);
    assert_eq!(body["error_code"], "OFS-1003");
    assert!(body["hint"].as_str().unwrap().contains("delete_database"));
}

#[tokio::test]
async fn another_database_is_not_there() {
    let server = server().await;
    server.shop().await;
    let body = json!({"name": "other"});
    server
        .call(&format!("POST {ORG}/databases"), Some(body))
        .await
        .expect(201);
    let reader = token(&server, Some("other"), &["read_branch", "read_database"]).await;
    let nobody = token(&server, None, &[]).await;
    for token in [&reader, &nobody] {
        for path in [
            SHOP.to_owned(),
            format!("{SHOP}/branches"),
            format!("{SHOP}/branches/main"),
        ] {
            let what = format!("GET {path}");
            assert_eq!(status(&server, token, &what, "").await, 404, "{path}");
        }
    }
    let headers = [("authorization", &*reader)];
    let list = server
        .send(&format!("GET {ORG}/databases"), &headers, "")
        .await
        .expect(200);
    assert_eq!(list["total_count"], 1);
    assert_eq!(list["data"][0]["name"], "other");
}

#[tokio::test]
async fn production_needs_accesses_of_its_own() {
    let server = server().await;
    server.shop().await;
    let accesses = ["create_branch", "connect_branch", "delete_branch"];
    let developer = token(&server, Some("shop"), &accesses).await;
    let branches = format!("{SHOP}/branches");
    let body = r#"{"name":"a","password":{}}"#;
    let made = status(&server, &developer, &format!("POST {branches}"), body).await;
    assert_eq!(made, 201);
    let main = format!("POST {branches}/main/passwords");
    assert_eq!(status(&server, &developer, &main, "{}").await, 403);
    let production = token(
        &server,
        Some("shop"),
        &["connect_production_read_only_branch"],
    )
    .await;
    let reader = r#"{"role":"reader"}"#;
    assert_eq!(status(&server, &production, &main, reader).await, 201);
    assert_eq!(status(&server, &production, &main, "{}").await, 403);
}

#[tokio::test]
async fn data_of_production_needs_an_access_of_its_own() {
    let server = server().await;
    server.shop().await;
    let branches = format!("POST {SHOP}/branches");
    let backups = format!("{branches}/main/backups");
    let headers = [("authorization", &*server.root), ("prefer", "wait=60")];
    let made = server.send(&backups, &headers, "{}").await.expect(201);
    let id = made["id"].as_str().unwrap();
    let by_id = format!(r#"{{"name":"a","backup_id":"{id}"}}"#);
    let developer = ["create_branch", "delete_branch", "restore_backup"];
    let developer = token(&server, Some("shop"), &developer).await;
    let restorer = ["restore_production_branch_backup"];
    let restorer = token(&server, Some("shop"), &restorer).await;
    for body in [
        &*by_id,
        r#"{"name":"b","seed_data":"last_successful_backup"}"#,
        r#"{"name":"c","seed":"live"}"#,
    ] {
        assert_eq!(
            status(&server, &developer, &branches, body).await,
            403,
            "{body}"
        );
        assert_eq!(
            status(&server, &restorer, &branches, body).await,
            201,
            "{body}"
        );
    }
    let schema = r#"{"name":"d"}"#;
    assert_eq!(status(&server, &restorer, &branches, schema).await, 403);
    let headers = [("authorization", &*developer), ("prefer", "wait=60")];
    server.send(&branches, &headers, schema).await.expect(201);
    let reset = format!("{branches}/d/reset");
    let live = r#"{"seed":"live"}"#;
    assert_eq!(status(&server, &developer, &reset, live).await, 403);
    assert_eq!(status(&server, &developer, &reset, "{}").await, 200);

    let backup = format!("{SHOP}/branches/main/backups/{id}");
    for (access, what, body, expected) in [
        ("read_backups", format!("GET {backup}"), "", 200),
        ("read_backups", format!("PATCH {backup}"), "{}", 403),
        ("read_backups", format!("GET {backup}/drills"), "", 200),
        ("read_backups", format!("GET {SHOP}/drills"), "", 200),
        ("read_backups", format!("POST {backup}/drills"), "{}", 403),
        ("write_backups", format!("PATCH {backup}"), "{}", 200),
        ("write_backups", format!("DELETE {backup}"), "", 403),
        ("delete_backups", format!("DELETE {backup}"), "", 403),
        // The last good one: it may, and is refused for another reason.
        (
            "delete_production_branch_backups",
            format!("DELETE {backup}"),
            "",
            422,
        ),
        ("write_backups", format!("POST {backup}/drills"), "{}", 201),
    ] {
        let token = token(&server, Some("shop"), &[access]).await;
        assert_eq!(
            status(&server, &token, &what, body).await,
            expected,
            "{access}: {what}"
        );
    }
}

#[tokio::test]
async fn a_service_token_lives() {
    let server = server().await;
    server.shop().await;
    let secret = token(&server, Some("shop"), &["read_branch"]).await;
    let id = secret.split(':').next().unwrap();
    assert_eq!(id.len(), 12);
    assert!(secret.split(':').nth(1).unwrap().starts_with("pscale_tkn_"));
    let tokens = format!("{ORG}/service-tokens");
    let list = server
        .call(&format!("GET {tokens}"), None)
        .await
        .expect(200);
    assert_eq!(list["total_count"], 1);
    assert!(list["data"][0].get("token").is_none());
    let access = server
        .call(&format!("GET {tokens}/{id}/access"), None)
        .await
        .expect(200);
    assert_eq!(access["data"][0]["resource"]["name"], "shop");
    let grants = server
        .call(&format!("GET {tokens}/{id}/grants"), None)
        .await
        .expect(200);
    assert_eq!(grants["data"][0]["resource_type"], "Database");
    assert_eq!(grants["data"][0]["accesses"][0]["access"], "read_branch");
    let body = json!({"database": "", "access": ["fly"]});
    let refused = server
        .call(&format!("POST {tokens}/{id}/access"), Some(body))
        .await;
    assert_eq!(refused.expect(422)["field"], "access");
    let body = json!({"database": "shop", "access": ["read_branch"]});
    let what = format!("DELETE {tokens}/{id}/access");
    server.call(&what, Some(body)).await.expect(204);
    let grants = server
        .call(&format!("GET {tokens}/{id}/grants"), None)
        .await
        .expect(200);
    assert_eq!(grants["data"], Value::Array(Vec::new()));
    server
        .call(&format!("DELETE {tokens}/{id}"), None)
        .await
        .expect(204);
    assert_eq!(
        status(&server, &secret, "GET /v1/organizations", "").await,
        401
    );
}

#[tokio::test]
async fn a_token_that_asks_too_often_is_told_when_to_come_back() {
    let server = server().await;
    let busy = token(&server, None, &["read_organization"]).await;
    let headers = [("authorization", &*busy)];
    let what = format!("GET {ORG}");
    for _ in 0..600 {
        server.send(&what, &headers, "").await.expect(200);
    }
    let refused = server.send(&what, &headers, "").await;
    let wait: u32 = refused.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=60).contains(&wait));
    assert_eq!(refused.expect(429)["error_code"], "OFS-1302");
    server.call(&what, None).await.expect(200);
}
