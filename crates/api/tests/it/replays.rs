//! `Idempotency-Key`: a request that is sent again makes nothing new.

use crate::server::{Answer, Server, server};
use serde_json::Value;

const ORG: &str = "/v1/organizations/default";
const SHOP: &str = "/v1/organizations/default/databases/shop";

async fn keyed(server: &Server, what: &str, key: &str, body: &str) -> Answer {
    let headers = [("authorization", &*server.root), ("idempotency-key", key)];
    server.send(what, &headers, body).await
}

fn text(value: &Value, pointer: &str) -> String {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("{pointer} in {value}"))
        .to_owned()
}

#[tokio::test]
async fn every_creating_request_can_be_sent_again() {
    let server = server().await;
    let cases = [
        (
            format!("POST {ORG}/databases"),
            r#"{"name":"shop","password":{"name":"ci"}}"#,
            201,
            "/password/id",
            "/password/plain_text",
        ),
        (
            format!("POST {SHOP}/branches"),
            r#"{"name":"a","password":{"role":"reader"}}"#,
            201,
            "/password/id",
            "/password/plain_text",
        ),
        (
            format!("POST {SHOP}/branches/main/passwords"),
            r#"{"name":"p"}"#,
            201,
            "/username",
            "/plain_text",
        ),
        (
            format!("POST {ORG}/service-tokens"),
            r#"{"name":"t"}"#,
            200,
            "/name",
            "/token",
        ),
    ];
    for (what, body, status, same, secret) in cases {
        let first = keyed(&server, &what, "k-1", body).await.expect(status);
        let again = keyed(&server, &what, "k-1", body).await.expect(status);
        assert_eq!(text(&first, "/id"), text(&again, "/id"), "{what}");
        assert_eq!(text(&first, same), text(&again, same), "{what}");
        assert_ne!(text(&first, secret), text(&again, secret), "{what}");

        let other = body.replace(r#""name":""#, r#""name":"x"#);
        let refused = keyed(&server, &what, "k-1", &other).await.expect(422);
        assert_eq!(refused["field"], "Idempotency-Key", "{what}");
        assert_eq!(refused["error_code"], "OFS-1107", "{what}");
        // The key of another address, and of another token, is another key.
        let malformed = keyed(&server, &what, "a b", body).await.expect(422);
        assert_eq!(malformed["field"], "Idempotency-Key", "{what}");
    }
    for (path, n) in [
        (format!("{ORG}/databases"), 1),
        (format!("{SHOP}/branches"), 2),
        (format!("{SHOP}/passwords"), 3),
        (format!("{ORG}/service-tokens"), 1),
    ] {
        let list = server.call(&format!("GET {path}"), None).await;
        assert_eq!(list.expect(200)["total_count"], n, "{path}");
    }
}

#[tokio::test]
async fn only_the_token_of_the_last_answer_works() {
    let server = server().await;
    let what = format!("POST {ORG}/service-tokens");
    let bearer = |made: &Value| format!("{}:{}", text(made, "/id"), text(made, "/token"));
    let first = bearer(&keyed(&server, &what, "k", "{}").await.expect(200));
    let headers = [("authorization", &*first)];
    let whoami = "GET /v1/organizations";
    assert_eq!(server.send(whoami, &headers, "").await.status, 200);
    let again = bearer(&keyed(&server, &what, "k", "{}").await.expect(200));
    assert_eq!(server.send(whoami, &headers, "").await.status, 401);
    let headers = [("authorization", &*again)];
    assert_eq!(server.send(whoami, &headers, "").await.status, 200);
}

#[tokio::test]
async fn a_refused_request_and_a_deleted_thing_are_no_hindrance() {
    let server = server().await;
    server.shop().await;
    let what = format!("POST {SHOP}/branches");
    let wrong = r#"{"name":"a","parent_branch":"nowhere"}"#;
    keyed(&server, &what, "k", wrong).await.expect(404);
    let right = r#"{"name":"a"}"#;
    keyed(&server, &what, "k", right).await.expect(201);
    server
        .call(&format!("DELETE {SHOP}/branches/a"), None)
        .await
        .expect(204);
    let gone = keyed(&server, &what, "k", right).await.expect(404);
    assert!(text(&gone, "/hint").contains("another Idempotency-Key"));
    keyed(&server, &what, "k2", right).await.expect(201);
}

#[tokio::test]
async fn a_request_under_way_is_not_overtaken() {
    let server = server().await;
    server.shop().await;
    server.world.breaks("instances.start");
    let what = format!("POST {SHOP}/branches");
    let body = r#"{"name":"a","password":{}}"#;
    let headers = [
        ("authorization", &*server.root),
        ("idempotency-key", "k"),
        ("prefer", "wait=60"),
    ];
    let first = server.send(&what, &headers, body);
    let second = async {
        // The first one has made its branch, and waits for it.
        while server
            .call(&format!("GET {SHOP}/branches/a"), None)
            .await
            .status
            != 200
        {
            tokio::task::yield_now().await;
        }
        let refused = keyed(&server, &what, "k", body).await;
        server.world.mend();
        refused
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!(second.headers["retry-after"], "1");
    assert_eq!(second.expect(409)["error_code"], "OFS-1108");
    let first = first.expect(201);
    let again = keyed(&server, &what, "k", body).await.expect(201);
    assert_eq!(text(&first, "/id"), text(&again, "/id"));
}
