//! Integrations, automations and the public addresses: shapes, statuses, and who may do what.

use crate::access::token;
use crate::server::{Server, server};
use serde_json::{Value, json};
use std::time::Duration;

const INTEGRATIONS: &str = "/v1/organizations/default/integrations";
const AUTOMATIONS: &str = "/v1/organizations/default/databases/shop/automations";
const TOKEN: &str = "a secret of the planner";

fn planner() -> Value {
    json!({"name": "planner", "tool": "generic", "secret": TOKEN, "settings": {"mapping": {
        "fields": {"id": "/id", "name": "/name", "state": "/state"}, "signature": {"scheme": "token"}}}})
}

/// The path that events go to.
async fn connected(server: &Server) -> String {
    let what = format!("POST {INTEGRATIONS}");
    let made = server.call(&what, Some(planner())).await.expect(201);
    let url = made["url"].as_str().unwrap();
    url.strip_prefix("http://api.example.com")
        .unwrap()
        .to_owned()
}

async fn until(server: &Server, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..500 {
        let found = server.call(&format!("GET {path}"), None).await.expect(200);
        if wanted(&found) {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{path} does not become what is wanted");
}

#[tokio::test]
async fn an_integration_lives_and_its_secrets_are_never_shown() {
    let server = server().await;
    let what = format!("POST {INTEGRATIONS}");
    let drawn = json!({"name": "github", "tool": "github", "token": "ghp_very_secret", "poll_seconds": 600,
        "settings": {"repositories": ["acme/shop"]}});
    let made = server.call(&what, Some(drawn)).await.expect(201);
    let secret = made["plain_text"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("ofs_hook_"));
    assert_eq!(
        (&made["has_token"], &made["poll_seconds"]),
        (&json!(true), &json!(600))
    );
    let at = format!("{INTEGRATIONS}/github");
    let shown = server.call(&format!("GET {at}"), None).await;
    for hidden in [secret.as_str(), "ghp_very_secret"] {
        assert!(!shown.text.contains(hidden));
    }
    let tag = shown.headers["etag"].to_str().unwrap().to_owned();
    // Rotation: one more, then one less.
    let body = json!({"draw_secret": true, "poll_seconds": null});
    let changed = server
        .call(&format!("PATCH {at}"), Some(body))
        .await
        .expect(200);
    assert_ne!(changed["plain_text"], json!(secret));
    assert_eq!(changed["secrets"].as_array().unwrap().len(), 2);
    assert_eq!(changed["poll_seconds"], Value::Null);
    let old = changed["secrets"][1]["id"].clone();
    let body = json!({"remove_secrets": [old]});
    let changed = server
        .call(&format!("PATCH {at}"), Some(body))
        .await
        .expect(200);
    assert_eq!(changed["secrets"].as_array().unwrap().len(), 1);
    let headers = [("authorization", &*server.root), ("if-match", &*tag)];
    let late = server.send(&format!("DELETE {at}"), &headers, "").await;
    assert_eq!(late.expect(412)["error_code"], "OFS-1109");
    let gone = server.call(&format!("DELETE {at}"), None).await;
    assert_eq!(gone.status, 204);
    for (body, field) in [
        (json!({"tool": "github"}), "name"),
        (json!({"name": "a"}), "tool"),
        (json!({"name": "a", "tool": "jirra"}), "tool"),
        (json!({"name": "A b", "tool": "github"}), "name"),
        (
            json!({"name": "a", "tool": "github", "settings": {"x": 1}}),
            "settings",
        ),
        (
            json!({"name": "a", "tool": "github", "settings": {"repositories": "a/b"}, "secret": "short"}),
            "secret",
        ),
        (
            json!({"name": "a", "tool": "github", "settings": {"repositories": "a/b"}, "poll_seconds": 1}),
            "poll_seconds",
        ),
    ] {
        let refused = server.call(&what, Some(body)).await.expect(422);
        assert_eq!(refused["field"], field, "{refused}");
    }
}

#[tokio::test]
async fn an_event_is_stored_when_it_is_answered() {
    let server = server().await;
    let path = connected(&server).await;
    let event = r#"{"id": 1, "name": "Sprint 1", "state": "planned"}"#;
    let good = [("x-webhook-token", TOKEN)];
    let what = format!("POST {path}");
    let first = server.send(&what, &good, event).await.expect(202);
    let second = server.send(&what, &good, event).await.expect(200);
    assert_eq!(second["delivery"], Value::Null);
    let forged = server.send(&what, &[("x-webhook-token", "x")], event).await;
    assert_eq!(forged.expect(401)["error_code"], "OFS-1501");
    let without = server.send(&what, &[], event).await;
    assert_eq!(without.expect(401)["error_code"], "OFS-1501");
    let long = "x".repeat(10 << 20);
    assert_eq!(server.send(&what, &good, &long).await.status, 413);
    for method in ["GET", "HEAD"] {
        assert_eq!(
            server
                .send(&format!("{method} {path}"), &[], "")
                .await
                .status,
            404
        );
    }
    let nobody = server
        .send("POST /v1/inbound/aaaaaaaaaaaa", &good, event)
        .await;
    nobody.expect(404);
    let broken = server.send(&what, &good, "{").await;
    broken.expect(202);

    let deliveries = format!("{INTEGRATIONS}/planner/deliveries");
    let listed = until(&server, &deliveries, |found| {
        let mut all = found["data"].as_array().unwrap().iter();
        all.all(|d| d["state"] != "received")
    })
    .await;
    assert_eq!(listed["total_count"], 2);
    assert_eq!(listed["data"][0]["state"], "failed");
    assert_eq!(
        (&listed["data"][1]["id"], &listed["data"][1]["seen"]),
        (&first["delivery"], &json!(2))
    );
    let id = first["delivery"].as_str().unwrap();
    let shown = server
        .call(&format!("GET {deliveries}/{id}"), None)
        .await
        .expect(200);
    assert_eq!(shown["iterations"][0]["changes"], json!(["planned"]));
    let again = server
        .call(&format!("POST {deliveries}/{id}/replay"), None)
        .await;
    assert_eq!(again.expect(200)["state"], "received");
    let failed = server
        .call(&format!("GET {deliveries}?state=failed"), None)
        .await;
    assert_eq!(failed.expect(200)["total_count"], 1);
    let off = json!({"enabled": false});
    let integration = format!("PATCH {INTEGRATIONS}/planner");
    server.call(&integration, Some(off)).await.expect(200);
    server.send(&what, &good, event).await.expect(422);
}

#[tokio::test]
async fn a_rule_makes_a_branch_and_a_link_to_its_credential() {
    let server = server().await;
    server.shop().await;
    let path = connected(&server).await;
    let rule = json!({"integration": "planner", "credentials": {"app": {"role": "reader"}}});
    let body = json!({"name": "sprints", "rule": rule});
    let preview = server
        .call(&format!("POST {AUTOMATIONS}/preview"), Some(body.clone()))
        .await;
    assert_eq!(preview.expect(200)["effects"], json!([]));
    let made = server
        .call(&format!("POST {AUTOMATIONS}"), Some(body.clone()))
        .await
        .expect(201);
    assert_eq!(made["rule"]["when"], "planned");
    server
        .call(&format!("POST {AUTOMATIONS}"), Some(body))
        .await
        .expect(409);
    let event = json!({"id": 1, "name": "Sprint 1", "state": "planned"});
    let test = json!({"body": event});
    let tested = server
        .call(&format!("POST {AUTOMATIONS}/sprints/test"), Some(test))
        .await;
    assert!(
        tested.expect(200)["effects"][0]["effect"]
            .as_str()
            .unwrap()
            .contains("sprint-1")
    );
    let good = [("x-webhook-token", TOKEN)];
    server
        .send(&format!("POST {path}"), &good, &event.to_string())
        .await
        .expect(202);
    let iterations = "/v1/organizations/default/iterations";
    let found = until(&server, iterations, |found| {
        found["data"][0]["branches"][0]["state"] == "made"
    })
    .await;
    let link = found["data"][0]["branches"][0]["credentials"][0]["link"]
        .as_str()
        .unwrap();
    let link = link.strip_prefix("http://api.example.com").unwrap();
    let page = server
        .send(&format!("GET {link}"), &[("accept", "text/html")], "")
        .await;
    assert_eq!(page.status, 200);
    assert!(
        page.headers["content-security-policy"]
            .to_str()
            .unwrap()
            .starts_with("default-src 'none'")
    );
    let opened = server
        .send(&format!("POST {link}"), &[], "")
        .await
        .expect(200);
    assert_eq!(
        (&opened["role"], &opened["branch"]),
        (&json!("reader"), &json!("sprint-1"))
    );
    let late = server.send(&format!("POST {link}"), &[], "").await;
    assert_eq!(late.expect(404)["error_code"], "OFS-1503");
    // Once more: another credential, under another link.
    let branch = &found["data"][0]["branches"][0];
    let iteration = found["data"][0]["id"].as_str().unwrap();
    let id = branch["credentials"][0]["id"].as_str().unwrap();
    let resend = format!("POST {iterations}/{iteration}/credentials/{id}/resend");
    let header = token(&server, Some("shop"), &["write_database"]).await;
    let refused = server
        .send(&resend, &[("authorization", &*header)], "")
        .await;
    assert_eq!(refused.status, 403, "{}", refused.text);
    let again = server.call(&resend, None).await.expect(201);
    assert_eq!(
        (&again["generation"], &again["state"]),
        (&json!(2), &json!("pending"))
    );
    assert_eq!(again["destination"], "a link that opens once");
    assert_ne!(again["link"], branch["credentials"][0]["link"]);
    let nothing = format!("POST {iterations}/{iteration}/credentials/nothing/resend");
    server.call(&nothing, None).await.expect(404);
    // The integration is needed as long as there is the rule.
    let delete = format!("DELETE {INTEGRATIONS}/planner");
    server.call(&delete, None).await.expect(422);
    let gone = server
        .call(&format!("DELETE {AUTOMATIONS}/sprints"), None)
        .await;
    assert_eq!(gone.status, 204);
    assert_eq!(server.call(&delete, None).await.status, 204);
    let branch = "GET /v1/organizations/default/databases/shop/branches/sprint-1";
    server.call(branch, None).await.expect(200);
}

#[tokio::test]
async fn a_rule_does_no_more_than_its_author_may() {
    let server = server().await;
    server.shop().await;
    connected(&server).await;
    let header = token(&server, Some("shop"), &["write_database", "create_branch"]).await;
    let as_few = [("authorization", &*header)];
    let what = format!("POST {AUTOMATIONS}");
    for (name, rule, status) in [
        ("a", json!({"integration": "planner"}), 201),
        (
            "b",
            json!({"integration": "planner", "credentials": {"app": {}}}),
            403,
        ),
        (
            "c",
            json!({"integration": "planner", "on": {"ended": "delete"}}),
            403,
        ),
        (
            "d",
            json!({"integration": "planner", "branch": {"seed": "backup"}}),
            403,
        ),
    ] {
        let body = json!({"name": name, "rule": rule}).to_string();
        let answer = server.send(&what, &as_few, &body).await;
        assert_eq!(answer.status, status, "{name}: {}", answer.text);
    }
    let refused = server
        .send(&format!("GET {INTEGRATIONS}"), &as_few, "")
        .await;
    assert_eq!(refused.status, 403);
}

#[tokio::test]
async fn tokens_of_receivers_are_kept_and_never_shown() {
    let server = server().await;
    server.shop().await;
    connected(&server).await;
    let to = |url: &str| {
        let deliver = json!({"vault": {"url": url}});
        json!({"integration": "planner", "credentials": {"ops": {"deliver": deliver}}})
    };
    let rule = to("https://vault.example.com");
    let create = format!("POST {AUTOMATIONS}");
    let without = json!({"name": "sprints", "rule": rule});
    let refused = server.call(&create, Some(without)).await.expect(422);
    assert_eq!(refused["field"], "rule.credentials.ops.deliver");
    assert!(refused["hint"].as_str().unwrap().contains("--token-file"));
    let body = json!({"name": "sprints", "rule": rule, "tokens": {"ops": "hvs.never-shown"}});
    server
        .call(&format!("{create}/preview"), Some(body.clone()))
        .await
        .expect(200);
    let made = server.call(&create, Some(body)).await;
    assert!(!made.text.contains("never-shown"), "{}", made.text);
    assert_eq!(made.expect(201)["tokens"], json!(["ops"]));
    let one = format!("{AUTOMATIONS}/sprints");
    let shown = server.call(&format!("GET {one}"), None).await;
    assert!(!shown.text.contains("never-shown"), "{}", shown.text);
    // Another address is to be given a token of its own.
    let moved = json!({"rule": to("https://elsewhere.example.com")});
    let refused = server.call(&format!("PATCH {one}"), Some(moved)).await;
    assert_eq!(refused.expect(422)["field"], "rule.credentials.ops.deliver");
    let forgotten = json!({
        "rule": {"integration": "planner", "credentials": {"ops": {}}},
        "tokens": {"ops": null},
    });
    let changed = server.call(&format!("PATCH {one}"), Some(forgotten)).await;
    assert_eq!(changed.expect(200)["tokens"], json!([]));
}
