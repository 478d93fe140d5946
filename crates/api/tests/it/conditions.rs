//! Entity tags: what the caller has already is not sent, what was changed since is not changed.

use crate::server::{Answer, Server, server};

const ORG: &str = "/v1/organizations/default";
const SHOP: &str = "/v1/organizations/default/databases/shop";

async fn with(server: &Server, what: &str, header: (&str, &str), body: &str) -> Answer {
    let headers = [("authorization", &*server.root), header];
    server.send(what, &headers, body).await
}

async fn tag(server: &Server, path: &str) -> String {
    let answer = server.call(&format!("GET {path}"), None).await;
    answer.headers["etag"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_the_caller_has_is_not_sent_again() {
    let server = server().await;
    server.shop().await;
    for path in [
        ORG.to_owned(),
        format!("{ORG}/databases"),
        SHOP.to_owned(),
        format!("{SHOP}/branches"),
        format!("{SHOP}/branches/main"),
        format!("{SHOP}/passwords"),
    ] {
        let seen = tag(&server, &path).await;
        let what = format!("GET {path}");
        let same = with(&server, &what, ("if-none-match", &seen), "").await;
        assert_eq!((same.status, &*same.text), (304, ""), "{path}");
        assert_eq!(same.headers["etag"], &*seen, "{path}");
        let weak = format!("\"x\", W/{seen}");
        let same = with(&server, &what, ("if-none-match", &weak), "").await;
        assert_eq!(same.status, 304, "{path}");
        let other = with(&server, &what, ("if-none-match", "\"x\""), "").await;
        assert_eq!(other.status, 200, "{path}");
    }
    let seen = tag(&server, &format!("{SHOP}/branches")).await;
    let body = r#"{"name":"a"}"#;
    with(&server, &format!("POST {SHOP}/branches"), ("x", "y"), body)
        .await
        .expect(201);
    let what = format!("GET {SHOP}/branches");
    let list = with(&server, &what, ("if-none-match", &seen), "").await;
    assert_eq!(list.expect(200)["total_count"], 2);
}

#[tokio::test]
async fn a_change_is_refused_when_another_came_first() {
    let server = server().await;
    server.shop().await;
    let branch = format!("{SHOP}/branches/a");
    let body = r#"{"name":"a","password":{"name":"p"}}"#;
    let made = with(
        &server,
        &format!("POST {SHOP}/branches"),
        ("prefer", "wait=20"),
        body,
    )
    .await
    .expect(201);
    let password = format!(
        "{branch}/passwords/{}",
        made["password"]["id"].as_str().unwrap()
    );
    for (path, change) in [
        (SHOP.to_owned(), r#"{"deletion_protected":false}"#),
        (password, r#"{"cidrs":["192.0.2.0/24"]}"#),
        (branch.clone(), r#"{"labels":{"a":"1"}}"#),
    ] {
        let (patch, delete) = (format!("PATCH {path}"), format!("DELETE {path}"));
        let read = tag(&server, &path).await;
        let changed = with(&server, &patch, ("if-match", &read), change).await;
        let now = changed.headers["etag"].to_str().unwrap().to_owned();
        changed.expect(200);
        assert_eq!(now, tag(&server, &path).await, "{path}");
        for (what, body) in [(&patch, change), (&delete, "")] {
            let refused = with(&server, what, ("if-match", &read), body).await;
            let refused = refused.expect(412);
            assert_eq!(refused["error_code"], "OFS-1109", "{what}");
            assert_eq!(refused["code"], "conflict", "{what}");
            let weak = format!("W/{now}");
            let refused = with(&server, what, ("if-match", &weak), body).await;
            refused.expect(412);
        }
        let any = with(&server, &patch, ("if-match", "*"), change).await;
        any.expect(200);
    }
    // Falling asleep is no change that anybody made.
    let read = tag(&server, &branch).await;
    server
        .call(&format!("POST {branch}/sleep"), None)
        .await
        .expect(200);
    assert_ne!(read, tag(&server, &branch).await);
    let what = format!("DELETE {branch}");
    with(&server, &what, ("if-match", &read), "")
        .await
        .expect(204);
}
