//! Off-site copies over the API: their fields, what is refused, and the commands that use them.

use crate::server::{Server, server};
use serde_json::{Value, json};

const ORG: &str = "/v1/organizations/default";
const BACKUPS: &str = "/v1/organizations/default/databases/shop/branches/main/backups";
const WAIT: (&str, &str) = ("prefer", "wait=60");

async fn post(server: &Server, path: &str, body: Value) -> crate::server::Answer {
    let headers = [("authorization", &*server.root), WAIT];
    let what = format!("POST {path}");
    server.send(&what, &headers, &body.to_string()).await
}

async fn get(server: &Server, path: &str) -> Value {
    server.call(&format!("GET {path}"), None).await.expect(200)
}

/// A backup of `main` that is copied.
async fn copied(server: &Server) -> Value {
    let made = post(server, BACKUPS, json!({"name": "first"}))
        .await
        .expect(201);
    let at = format!("{BACKUPS}/{}/export", made["id"].as_str().unwrap());
    let copied = post(server, &at, json!({})).await.expect(200);
    assert_eq!(copied["off_site"]["state"], "exported", "{copied}");
    copied
}

#[tokio::test]
async fn a_backup_goes_out_and_comes_back() {
    let server = server().await;
    server.shop().await;
    let backup = copied(&server).await;
    let (id, copy) = (backup["id"].as_str().unwrap(), &backup["off_site"]);
    assert_eq!(copy["store"], "memory:///");
    assert_eq!(
        copy["bytes"].as_i64(),
        copy["stored"].as_i64().map(|n| n * 2)
    );
    assert!(copy["exported_at"].is_string() && copy["failure"].is_null());
    assert_eq!(
        (&backup["imported_from"], &backup["progress"]),
        (&Value::Null, &Value::Null)
    );

    let store = get(&server, &format!("{ORG}/off-site-backups")).await;
    let found = &store["data"][0];
    assert_eq!(
        (
            &found["id"],
            &found["database"],
            &found["branch"],
            &found["here"]
        ),
        (&json!(id), &json!("shop"), &json!("main"), &json!(true))
    );
    assert_eq!(found["examined"], backup["examined"]);

    let path = format!("{ORG}/off-site-backups/{id}/import");
    let made = post(&server, &path, json!({"database": "rescue"}))
        .await
        .expect(201);
    assert_eq!(
        (&made["state"], &made["imported_from"], &made["branch"]),
        (&json!("success"), &json!(id), &json!("main"))
    );
    assert_eq!(made["created_at"], backup["created_at"]);
    // It is a backup as any other.
    let body = json!({"name": "again", "backup_id": made["id"]});
    let branches = format!("{ORG}/databases/rescue/branches");
    let branch = post(&server, &branches, body).await.expect(201);
    assert_eq!(branch["ready"], true);
    // The database of that name would have its tables in another schema.
    let body = json!({"name": "other"});
    post(&server, &format!("{ORG}/databases"), body)
        .await
        .expect(201);
    let refused = post(&server, &path, json!({"database": "other"})).await;
    assert!(
        refused.expect(422)["hint"]
            .as_str()
            .unwrap()
            .contains("--database")
    );
}

#[tokio::test]
async fn copies_are_removed_with_their_backups_or_alone() {
    let server = server().await;
    server.shop().await;
    let backup = copied(&server).await;
    let id = backup["id"].as_str().unwrap();
    post(&server, BACKUPS, json!({})).await.expect(201);
    let copy = format!("{ORG}/off-site-backups/{id}");
    let refused = server.call(&format!("DELETE {copy}"), None).await;
    assert_eq!(refused.expect(422)["error_code"], "OFS-1113");
    let what = format!("DELETE {BACKUPS}/{id}?keep_copy=true");
    server.call(&what, None).await.expect(204);
    let store = get(&server, &format!("{ORG}/off-site-backups")).await;
    let kept = store["data"].as_array().unwrap();
    let kept = kept.iter().find(|c| c["id"] == *id).unwrap();
    assert_eq!(kept["here"], false);
    server
        .call(&format!("DELETE {copy}"), None)
        .await
        .expect(204);
    for path in ["aaaaaaaaaaaa", "x"] {
        let path = format!("{ORG}/off-site-backups/{path}/import");
        post(&server, &path, json!({})).await.expect(404);
    }
}

#[tokio::test]
async fn a_damaged_copy_is_refused_by_name() {
    let server = server().await;
    server.shop().await;
    let backup = copied(&server).await;
    let id = backup["id"].as_str().unwrap();
    server.world.damage_copy(id.parse().unwrap());
    let store = get(&server, &format!("{ORG}/off-site-backups")).await;
    assert_eq!(store["data"], json!([]));
    assert!(
        store["unreadable"][0].as_str().unwrap().contains(id),
        "{store}"
    );
    let path = format!("{ORG}/off-site-backups/{id}/import");
    let refused = post(&server, &path, json!({})).await.expect(422);
    assert_eq!(refused["error_code"], "OFS-1403");
}
