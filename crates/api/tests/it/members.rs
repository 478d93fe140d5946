//! Members, which are users, and teams, as clients list them.

use crate::access::{status, token};
use crate::server::{Server, server};
use serde_json::{Value, json};

const ORG: &str = "/v1/organizations/default";

/// A member that was made, with their password if it was drawn.
pub(crate) async fn member(server: &Server, body: Value) -> Value {
    let what = format!("POST {ORG}/members");
    server.call(&what, Some(body)).await.expect(201)
}

#[tokio::test]
async fn members_are_users() {
    let server = server().await;
    let ann = json!({"email": "Ann@Example.com", "role": "admin", "password": "correct horse"});
    let ann = member(&server, ann).await;
    assert_eq!(
        (
            &ann["role"],
            &ann["user"]["email"],
            &ann["user"]["name"],
            &ann["password"]
        ),
        (
            &json!("admin"),
            &json!("ann@example.com"),
            &json!("ann"),
            &Value::Null
        )
    );
    let bob = member(&server, json!({"email": "bob@example.com", "name": "Bob"})).await;
    assert_eq!(bob["role"], "member");
    assert!(bob["password"].as_str().unwrap().len() >= 20);

    let list = server
        .call(&format!("GET {ORG}/members"), None)
        .await
        .expect(200);
    assert_eq!(list["total_count"], 2);
    assert!(!list.to_string().contains("argon2"));
    let some = server
        .call(&format!("GET {ORG}/members?q=BOB"), None)
        .await
        .expect(200);
    assert_eq!(some["total_count"], 1);
    for name in [&ann["id"], &ann["user"]["id"], &ann["user"]["email"]] {
        let one = format!("GET {ORG}/members/{}", name.as_str().unwrap());
        assert_eq!(server.call(&one, None).await.expect(200)["id"], ann["id"]);
    }
    server
        .call(&format!("GET {ORG}/members/nobody"), None)
        .await
        .expect(404);
}

#[tokio::test]
async fn what_a_user_cannot_be_is_refused() {
    let server = server().await;
    let make = format!("POST {ORG}/members");
    for (body, field) in [
        (json!({}), "email"),
        (json!({"email": "ann"}), "email"),
        (json!({"email": "a@b", "role": "king"}), "role"),
        (json!({"email": "a@b", "password": "short"}), "password"),
        (json!({"email": "a@b", "name": "x\ny"}), "name"),
    ] {
        let refused = server.call(&make, Some(body)).await.expect(422);
        assert_eq!(refused["field"], field);
    }
    member(&server, json!({"email": "a@b"})).await;
    let again = server
        .call(&make, Some(json!({"email": "A@B"})))
        .await
        .expect(409);
    assert_eq!(again["code"], "conflict");
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let server = server().await;
    member(&server, json!({"email": "ann@x", "role": "admin"})).await;
    let ann = format!("{ORG}/members/ann@x");
    let demote = Some(json!({"role": "member"}));
    let kept = server
        .call(&format!("PATCH {ann}"), demote.clone())
        .await
        .expect(422);
    assert_eq!(kept["error_code"], "OFS-1604");
    let kept = server
        .call(&format!("DELETE {ann}"), None)
        .await
        .expect(422);
    assert_eq!(kept["error_code"], "OFS-1604");
    member(&server, json!({"email": "bob@x", "role": "admin"})).await;
    let changed = server
        .call(&format!("PATCH {ann}"), demote)
        .await
        .expect(200);
    assert_eq!(changed["role"], "member");
    server
        .call(&format!("DELETE {ann}"), None)
        .await
        .expect(204);
    server.call(&format!("GET {ann}"), None).await.expect(404);
    let audit = server
        .call(&format!("GET {ORG}/audit-log"), None)
        .await
        .expect(200);
    let actions: Vec<&str> = audit["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["audit_action"].as_str().unwrap())
        .collect();
    assert_eq!(
        actions[..4],
        [
            "user.deleted",
            "user.updated",
            "user.created",
            "user.created"
        ]
    );
}

#[tokio::test]
async fn nobody_makes_a_user_who_may_more_than_they() {
    let server = server().await;
    let body = r#"{"email":"eve@x","role":"admin"}"#;
    let make = format!("POST {ORG}/members");
    let writer = token(&server, None, &["write_organization"]).await;
    assert_eq!(status(&server, &writer, &make, body).await, 403);
    assert_eq!(
        status(&server, &writer, &make, r#"{"email":"eve@x"}"#).await,
        403
    );
    let reader = token(&server, None, &["read_organization"]).await;
    assert_eq!(status(&server, &reader, &make, body).await, 403);
    member(&server, json!({"email": "ann@x", "role": "admin"})).await;
    let ann = format!("{ORG}/members/ann@x");
    let set = format!("PUT {ann}/password");
    assert_eq!(status(&server, &writer, &set, "{}").await, 403);
    assert_eq!(
        status(&server, &writer, &format!("DELETE {ann}"), "").await,
        403
    );
}

#[tokio::test]
async fn there_are_no_teams() {
    let server = server().await;
    let none = server
        .call(&format!("GET {ORG}/teams"), None)
        .await
        .expect(200);
    assert_eq!(
        (&none["data"], &none["total_count"]),
        (&json!([]), &json!(0))
    );
    let make = format!("POST {ORG}/teams");
    let refused = server.call(&make, Some(json!({"name": "core"}))).await;
    assert_eq!(refused.expect(422)["code"], "unprocessable");
    server
        .call(&format!("GET {ORG}/teams/core"), None)
        .await
        .expect(404);
}

#[tokio::test]
async fn members_are_for_those_who_may_read_the_organization() {
    let server = server().await;
    let reader = token(&server, None, &["read_organization"]).await;
    let nobody = token(&server, None, &[]).await;
    for path in ["members", "teams"] {
        let what = format!("GET {ORG}/{path}");
        assert_eq!(status(&server, &reader, &what, "").await, 200, "{path}");
        assert_eq!(status(&server, &nobody, &what, "").await, 403, "{path}");
    }
    let make = format!("POST {ORG}/teams");
    assert_eq!(status(&server, &reader, &make, "{}").await, 403);
}
