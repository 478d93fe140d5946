//! Members and teams, as clients list them.

use crate::access::{status, token};
use crate::server::server;
use serde_json::json;

const ORG: &str = "/v1/organizations/default";

#[tokio::test]
async fn an_organization_has_one_member_its_owner() {
    let server = server().await;
    let list = server.call(&format!("GET {ORG}/members"), None).await;
    let list = list.expect(200);
    assert_eq!(list["total_count"], 1);
    let owner = &list["data"][0];
    assert_eq!(
        (&owner["role"], &owner["user"]["name"]),
        (&json!("admin"), &json!("owner"))
    );
    let none = server.call(&format!("GET {ORG}/members?q=ann"), None).await;
    assert_eq!(none.expect(200)["total_count"], 0);
    let one = format!("{ORG}/members/{}", owner["id"].as_str().unwrap());
    let shown = server.call(&format!("GET {one}"), None).await.expect(200);
    assert_eq!(&shown, owner);
    let same = json!({"role": "admin"});
    let change = format!("PATCH {one}");
    assert_eq!(&server.call(&change, Some(same)).await.expect(200), owner);
    let refused = server.call(&change, Some(json!({"role": "member"}))).await;
    assert_eq!(refused.expect(422)["code"], "unprocessable");
    let wrong = server.call(&change, Some(json!({"role": "king"}))).await;
    assert_eq!(wrong.expect(422)["field"], "role");
    let refused = server.call(&format!("DELETE {one}"), None).await;
    assert_eq!(refused.expect(422)["code"], "unprocessable");
    server
        .call(&format!("GET {ORG}/members/nobody"), None)
        .await
        .expect(404);
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
