//! Backups: their fields, statuses, filters, conditions, replays, and branches made of them.

use crate::server::{Answer, Server, server};
use serde_json::{Value, json};

const SHOP: &str = "/v1/organizations/default/databases/shop";
const BACKUPS: &str = "/v1/organizations/default/databases/shop/branches/main/backups";
const WAIT: (&str, &str) = ("prefer", "wait=60");

async fn send(server: &Server, what: &str, header: (&str, &str), body: Value) -> Answer {
    let headers = [("authorization", &*server.root), header];
    server.send(what, &headers, &body.to_string()).await
}

async fn back_up(server: &Server, body: Value) -> Value {
    let what = format!("POST {BACKUPS}");
    send(server, &what, WAIT, body).await.expect(201)
}

async fn get(server: &Server, path: &str) -> Value {
    server.call(&format!("GET {path}"), None).await.expect(200)
}

#[tokio::test]
async fn a_backup_lives() {
    let server = server().await;
    server.shop().await;
    let body =
        json!({"name": "first", "retention_value": 2, "retention_unit": "week", "emergency": true});
    let made = back_up(&server, body).await;
    assert_eq!(
        (&made["state"], &made["name"], &made["branch"]),
        (&json!("success"), &json!("first"), &json!("main"))
    );
    assert_eq!(
        (&made["verified"], &made["production"]),
        (&json!(true), &json!(true))
    );
    assert!(made["examined"]["digest"].as_str().unwrap().len() >= 32);
    assert!(made["copied"]["pause_ms"].is_u64() && made["copied"]["method"].is_string());
    assert_eq!(made["database_branch"]["name"], "main");
    assert_eq!(made["failure"], Value::Null);
    let time = |field: &str| -> jiff::Timestamp { made[field].as_str().unwrap().parse().unwrap() };
    let kept = time("expires_at").duration_since(time("created_at"));
    let asked = 14 * 24 * 3_600;
    assert!((asked - 1..=asked).contains(&kept.as_secs()), "{kept}");

    let at = format!("{BACKUPS}/{}", made["id"].as_str().unwrap());
    let shown = server.call(&format!("GET {at}"), None).await;
    let tag = shown.headers["etag"].to_str().unwrap().to_owned();
    assert_eq!(shown.expect(200), made);
    let body = json!({"protected": true, "expires_at": null});
    let changed = server
        .call(&format!("PATCH {at}"), Some(body))
        .await
        .expect(200);
    assert_eq!(
        (&changed["protected"], &changed["expires_at"]),
        (&json!(true), &Value::Null)
    );
    let late = send(
        &server,
        &format!("PATCH {at}"),
        ("if-match", &tag),
        json!({}),
    )
    .await;
    assert_eq!(late.expect(412)["error_code"], "OFS-1109");
    let late = send(
        &server,
        &format!("DELETE {at}"),
        ("if-match", &tag),
        json!({}),
    )
    .await;
    assert_eq!(late.expect(412)["error_code"], "OFS-1109");

    let kept = server.call(&format!("DELETE {at}"), None).await.expect(422);
    assert_eq!(kept["error_code"], "OFS-1113");
    let body = json!({"protected": false});
    server
        .call(&format!("PATCH {at}"), Some(body))
        .await
        .expect(200);
    let last = server.call(&format!("DELETE {at}"), None).await.expect(422);
    assert_eq!(
        last["error_code"], "OFS-1113",
        "the last good one of production"
    );
    back_up(&server, json!({})).await;
    let gone = server.call(&format!("DELETE {at}"), None).await;
    assert_eq!((gone.status, &*gone.text), (204, ""));
    server.call(&format!("GET {at}"), None).await.expect(404);
}

#[tokio::test]
async fn a_branch_is_made_of_a_backup() {
    let server = server().await;
    server.shop().await;
    let id = back_up(&server, json!({})).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let branches = format!("POST {SHOP}/branches");
    // As `pscale backup restore` asks for it.
    let body =
        json!({"name": "restored", "backup_id": id, "cluster_size": "PS_10", "parent_branch": ""});
    let made = send(&server, &branches, WAIT, body).await.expect(201);
    assert_eq!(
        (&made["seed"], &made["origin"]["backup_id"]),
        (&json!("backup"), &json!(id))
    );
    assert_eq!(made["restored_from_branch"]["name"], "main");
    let listed = get(&server, &format!("{SHOP}/branches")).await;
    for branch in listed["data"].as_array().unwrap() {
        let from = branch["restored_from_branch"]["name"].as_str();
        let wanted = (branch["name"] == "restored").then_some("main");
        assert_eq!(from, wanted, "{branch}");
    }
    let body = json!({"name": "seeded", "seed_data": "last_successful_backup"});
    let made = send(&server, &branches, WAIT, body).await.expect(201);
    assert_eq!(made["origin"]["backup_id"], id);
    let shown = get(&server, &format!("{BACKUPS}/{id}")).await;
    let names: Vec<_> = shown["restored_branches"]
        .as_array()
        .unwrap()
        .iter()
        .map(|b| b["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["restored", "seeded"]);
}

#[tokio::test]
async fn a_backup_is_drilled() {
    let server = server().await;
    server.shop().await;
    let backup = back_up(&server, json!({})).await;
    assert_eq!(
        (&backup["damaged"], &backup["last_drill"]),
        (&json!(false), &Value::Null)
    );
    let id = backup["id"].as_str().unwrap();
    let drills = format!("{BACKUPS}/{id}/drills");
    let what = format!("POST {drills}");
    let made = send(&server, &what, WAIT, json!({})).await.expect(201);
    assert_eq!(made["state"], "success", "{made}");
    assert_eq!(made["found"], backup["examined"]);
    assert_eq!(made["expected"], backup["examined"]);
    assert!(made["restore_ms"].is_i64() && made["differences"] == json!([]));
    let at = format!("{SHOP}/drills/{}", made["id"].as_str().unwrap());
    assert_eq!(get(&server, &at).await, made);
    for (list, count) in [
        (drills.clone(), 1),
        (format!("{drills}?state=failed"), 0),
        (format!("{SHOP}/drills"), 1),
        (format!("{SHOP}/drills?state=success&backup={id}"), 1),
        (format!("{SHOP}/drills?backup=nonsense"), 0),
    ] {
        let found = get(&server, &list).await;
        assert_eq!(found["total_count"], count, "{list}");
    }
    let wrong = server
        .call(&format!("GET {SHOP}/drills?state=good"), None)
        .await;
    assert_eq!(wrong.expect(422)["field"], "state");
    let shown = get(&server, &format!("{BACKUPS}/{id}")).await;
    assert_eq!(shown["last_drill"]["id"], made["id"]);
    let branch = get(&server, &format!("{SHOP}/branches/main")).await;
    assert_eq!(branch["last_drill"]["backup_id"], backup["id"]);
    let policies = format!("POST {SHOP}/backup-policies");
    let body = json!({"target": "development"});
    server.call(&policies, Some(body)).await.expect(201);
    let log = get(&server, "/v1/organizations/default/audit-log").await;
    let kinds: Vec<_> = log["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (e["audit_action"].clone(), e["auditable_type"].clone()))
        .collect();
    for (action, kind) in [
        ("backup_policy.created", "BackupPolicy"),
        ("drill.succeeded", "Backup"),
        ("drill.created", "Backup"),
        ("backup.succeeded", "Backup"),
    ] {
        assert!(kinds.contains(&(json!(action), json!(kind))), "{kinds:?}");
    }
    for (what, status) in [
        (format!("POST {BACKUPS}/nonenonenone/drills"), 404),
        (format!("GET {SHOP}/drills/nonenonenone"), 404),
        (format!("GET {SHOP}/drills/none"), 404),
    ] {
        server.call(&what, None).await.expect(status);
    }
}

#[tokio::test]
async fn lists_are_filtered() {
    let server = server().await;
    server.shop().await;
    let first = back_up(&server, json!({})).await;
    let second = back_up(&server, json!({})).await;
    let body = json!({"name": "dev"});
    let branches = format!("POST {SHOP}/branches");
    send(&server, &branches, WAIT, body).await.expect(201);
    let what = format!("POST {SHOP}/branches/dev/backups");
    send(&server, &what, WAIT, json!({})).await.expect(201);
    let middle = second["created_at"].as_str().unwrap();
    let running = first["created_at"].as_str().unwrap();
    let policies = get(&server, &format!("{SHOP}/backup-policies")).await;
    let policy = policies["data"][0]["id"].as_str().unwrap();
    for (query, count) in [
        ("", 2),
        ("?all=true", 3),
        ("?all=true&production=false", 1),
        ("?production=true", 2),
        ("?state=success", 2),
        ("?state=running", 0),
        ("?state=ignored", 0),
        (&*format!("?policy={policy}"), 0),
        ("?policy=nonsense", 0),
        (&*format!("?from={middle}"), 1),
        (&*format!("?to={middle}"), 1),
        (&*format!("?running_at={running}"), 1),
    ] {
        let list = get(&server, &format!("{BACKUPS}{query}")).await;
        assert_eq!(list["total_count"], count, "{query}");
    }
    let newest_first = get(&server, &format!("{BACKUPS}?per_page=1")).await;
    assert_eq!(newest_first["data"][0]["id"], second["id"]);
    assert_eq!(newest_first["next_page"], 2);
    for (query, field) in [
        ("state=x", "state"),
        ("from=x", "from"),
        ("running_at=x", "running_at"),
    ] {
        let refused = server.call(&format!("GET {BACKUPS}?{query}"), None).await;
        assert_eq!(refused.expect(422)["field"], field);
    }
}

#[tokio::test]
async fn backups_are_found_at_their_branch_alone() {
    let server = server().await;
    server.shop().await;
    let branches = format!("POST {SHOP}/branches");
    send(&server, &branches, WAIT, json!({"name": "dev"}))
        .await
        .expect(201);
    let id = back_up(&server, json!({})).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    for (what, status) in [
        (format!("GET {SHOP}/branches/dev/backups/{id}"), 404),
        (format!("PATCH {SHOP}/branches/dev/backups/{id}"), 404),
        (format!("DELETE {SHOP}/branches/dev/backups/{id}"), 404),
        (format!("GET {BACKUPS}/abcdefghijkl"), 404),
        (format!("GET {BACKUPS}/x"), 404),
        (format!("POST {SHOP}/branches/none/backups"), 404),
    ] {
        server.call(&what, None).await.expect(status);
    }
    // It outlives its branch, and is found by its name.
    let what = format!("POST {SHOP}/branches/dev/backups");
    let made = send(&server, &what, WAIT, json!({})).await.expect(201);
    let at = format!(
        "{SHOP}/branches/dev/backups/{}",
        made["id"].as_str().unwrap()
    );
    server
        .call(&format!("DELETE {SHOP}/branches/dev"), None)
        .await
        .expect(204);
    let shown = get(&server, &at).await;
    assert_eq!(
        (&shown["branch"], shown.get("database_branch")),
        (&json!("dev"), None)
    );
}

#[tokio::test]
async fn a_backup_is_made_once() {
    let server = server().await;
    server.shop().await;
    let what = format!("POST {BACKUPS}");
    let key = ("idempotency-key", "k");
    let made = send(&server, &what, key, json!({})).await.expect(201);
    let again = send(&server, &what, key, json!({})).await.expect(201);
    assert_eq!(made["id"], again["id"]);
    let other = send(&server, &what, key, json!({"name": "x"})).await;
    assert_eq!(other.expect(422)["error_code"], "OFS-1107");
    for (body, field) in [
        (json!({"retention_value": 0}), "retention_value"),
        (json!({"retention_unit": "ages"}), "retention_unit"),
        (json!({"name": "x".repeat(200)}), "name"),
    ] {
        let refused = server.call(&what, Some(body)).await;
        assert_eq!(refused.expect(422)["field"], field);
    }
}
