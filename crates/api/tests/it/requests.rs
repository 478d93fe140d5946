//! What all requests have in common: tokens, malformed input, ids of requests, limits.

use crate::server::server;
use serde_json::json;

const DATABASES: &str = "/v1/organizations/default/databases";

#[tokio::test]
async fn a_missing_and_a_wrong_token_are_401_and_tell_nothing() {
    let server = server().await;
    let (id, _) = server.root.split_once(':').unwrap();
    for token in [
        None,
        Some("x".to_owned()),
        Some(format!("{id}:pscale_tkn_wrong")),
        Some("unknownunkno:pscale_tkn_x".to_owned()),
        Some(format!("Basic {}", server.root)),
    ] {
        let headers: Vec<(&str, &str)> = token.iter().map(|t| ("authorization", &**t)).collect();
        let what = format!("GET {DATABASES}");
        let body = server.send(&what, &headers, "").await.expect(401);
        assert_eq!(body["code"], "unauthorized", "{token:?}");
        assert_eq!(body["error_code"], "OFS-1002");
    }
    let bearer = format!("Bearer {}", server.root);
    let headers = [("authorization", &*bearer)];
    server
        .send("GET /v1/organizations", &headers, "")
        .await
        .expect(200);
}

#[tokio::test]
async fn malformed_input_is_422_with_its_field_and_leaves_no_trace() {
    let server = server().await;
    server.shop().await;
    let root = [("authorization", &*server.root)];
    let branches = format!("POST {DATABASES}/shop/branches");
    let passwords = format!("POST {DATABASES}/shop/branches/main/passwords");
    let databases = format!("POST {DATABASES}");
    let tokens = "POST /v1/organizations/default/service-tokens".to_owned();
    let long = format!("{{\"name\":\"{}\"}}", "x".repeat(64));
    for (what, body, field) in [
        (&branches, "{", "body"),
        (&branches, "[1]", "body"),
        (&branches, "{}", "name"),
        (&branches, r#"{"name":"A b"}"#, "name"),
        (&branches, long.as_str(), "name"),
        (&branches, r#"{"name":7}"#, "name"),
        (&branches, r#"{"name":"a","ttl":"1d"}"#, "ttl"),
        (&branches, r#"{"name":"a","ttl":-5}"#, "ttl"),
        (&branches, r#"{"name":"a","ttl":99999999999999}"#, "ttl"),
        (
            &branches,
            r#"{"name":"a","expires_at":"tomorrow"}"#,
            "expires_at",
        ),
        (&branches, r#"{"name":"a","labels":["x"]}"#, "labels"),
        (
            &branches,
            r#"{"name":"a","password":{"role":"root"}}"#,
            "password.role",
        ),
        (&branches, r#"{"name":"a","backup_id":"b"}"#, "backup_id"),
        (&passwords, r#"{"role":"root"}"#, "role"),
        (&passwords, r#"{"cidrs":["10.0.0.0/99"]}"#, "cidrs"),
        (&databases, r#"{"name":"mysql"}"#, "name"),
        (&databases, r#"{"name":"a","kind":"postgresql"}"#, "kind"),
        (&databases, r#"{"name":"a","engine":"oracle"}"#, "engine"),
        (&tokens, r#"{"ttl":-1}"#, "ttl"),
    ] {
        let body = server.send(what, &root, body).await.expect(422);
        assert_eq!(body["code"], "invalid_params", "{body}");
        assert_eq!(body["field"], field, "{body}");
    }
    for query in ["page=x", "per_page=-1"] {
        let what = format!("GET {DATABASES}?{query}");
        server.call(&what, None).await.expect(422);
    }
    let list = server
        .call(&format!("GET {DATABASES}/shop/branches"), None)
        .await;
    assert_eq!(list.expect(200)["total_count"], 1);
    let list = server.call(&format!("GET {DATABASES}"), None).await;
    assert_eq!(list.expect(200)["total_count"], 1);
}

#[tokio::test]
async fn a_body_without_end_is_not_read() {
    let server = server().await;
    let body = format!("{{\"name\":\"{}\"}}", "x".repeat(offshoot_api::MAX_BODY));
    let root = [("authorization", &*server.root)];
    let what = format!("POST {DATABASES}");
    assert_eq!(server.send(&what, &root, &body).await.status, 413);
}

#[tokio::test]
async fn what_is_not_there_is_404_and_wrong_methods_are_405() {
    let server = server().await;
    server.shop().await;
    for path in [
        "/v1/nothing",
        "/",
        "/v1/organizations/other",
        "/v1/organizations/default/databases/none",
        "/v1/organizations/default/databases/shop/branches/none",
        "/v1/organizations/default/databases/shop/branches/%00",
        "/v1/organizations/default/databases/shop/branches/%ff",
        "/v1/organizations/default/databases/shop/branches/main/passwords/none",
        "/v1/organizations/default/service-tokens/none",
    ] {
        let body = server.call(&format!("GET {path}"), None).await.expect(404);
        assert_eq!(body["code"], "not_found", "{path}");
    }
    let body = server.call("PUT /v1/organizations", None).await.expect(405);
    assert!(body["message"].is_string());
}

#[tokio::test]
async fn every_answer_has_a_request_id_and_is_not_cached() {
    let server = server().await;
    let good = server.call("GET /v1/organizations", None).await;
    let bad = server.call("GET /v1/nothing", None).await;
    let id = |a: &crate::server::Answer| a.headers["x-request-id"].to_str().unwrap().to_owned();
    assert_ne!(id(&good), id(&bad));
    assert_eq!(bad.json()["request_id"], json!(id(&bad)));
    for answer in [good, bad] {
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_eq!(answer.headers["content-type"], "application/json");
    }
}

#[tokio::test]
async fn double_slashes_are_one() {
    let server = server().await;
    server
        .call("GET //v1//organizations?page=1", None)
        .await
        .expect(200);
}

#[tokio::test]
async fn supervisors_and_collectors_need_no_token() {
    let server = server().await;
    for (path, text) in [
        ("/healthz", "ok\n"),
        ("/readyz", "ready\n"),
        ("/metrics", "offshoot_up 1\n"),
    ] {
        let answer = server.send(&format!("GET {path}"), &[], "").await;
        assert_eq!((answer.status, answer.text.as_str()), (200, text));
    }
    let answer = server.send("GET /openapi.json", &[], "").await;
    assert_eq!(answer.expect(200)["info"]["title"], "Offshoot");
    server.send("GET /v1/regions", &[], "").await.expect(200);
}
