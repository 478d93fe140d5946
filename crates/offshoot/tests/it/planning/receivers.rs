//! A sprint's credentials arrive where programs look for theirs: GitHub Actions, GitLab CI, Vault, a manifest of
//! Kubernetes; each lets a MySQL client in.

use super::fake::{Fake, Replies};
use super::{LOOPBACK, Tool, integration, milestone, until};
use crate::fixture::{Home, ORG, Server, text};
use crate::story::database;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts};
use offshoot_api_types::{CreateAutomation, Iteration, IterationBranch};
use offshoot_core::engine::EngineKind;
use offshoot_testkit::receivers::{GITHUB_TOKEN, GITLAB_TOKEN, Receivers, VAULT_TOKEN};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;

async fn automation(server: &Server, at: &str) {
    let rule = json!({
        "integration": "github",
        "credentials": {
            "actions": {"role": "readwriter", "ttl": "30d", "deliver": {
                "github_actions": {"repository": "acme/shop", "environment": "staging", "api_url": at}}},
            "ci": {"role": "admin", "deliver": {"gitlab_ci": {"project": "acme/shop", "url": at}}},
            "ops": {"role": "reader", "deliver": {"vault": {"url": at, "path": "{{ branch }}"}}},
            "pods": {"role": "reader", "deliver": {"kubernetes": {"namespace": "web"}}},
            // An address of this site that nobody allowed.
            "lost": {"role": "reader", "deliver": {"webhook": {"url": "https://169.254.169.254/latest"}}},
        },
    });
    let tokens = [
        ("actions", GITHUB_TOKEN),
        ("ci", GITLAB_TOKEN),
        ("ops", VAULT_TOKEN),
    ];
    let body = CreateAutomation {
        name: "sprints".to_owned(),
        rule: serde_json::from_value(rule).unwrap(),
        enabled: None,
        tokens: tokens.map(|(c, t)| (c.to_owned(), t.to_owned())).into(),
    };
    let made = server
        .client
        .create_automation(ORG, "shop", &body)
        .await
        .unwrap();
    assert_eq!(made.tokens, ["actions", "ci", "ops"]);
}

/// The URL lets a client in.
async fn lets_in(url: &str) {
    let options = Opts::from_url(&format!("{url}?prefer_socket=false")).unwrap();
    let mut session = Conn::new(options).await.unwrap();
    let one: Option<u8> = session.query_first("SELECT 1").await.unwrap();
    assert_eq!(one, Some(1));
    session.disconnect().await.unwrap();
}

fn state(b: &IterationBranch, credential: &str) -> String {
    let mut all = b.credentials.iter();
    let found = all.find(|c| c.name == credential);
    found.map_or_else(String::new, |c| format!("{} {}", c.generation, c.state))
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_arrive_where_programs_look_for_them() {
    let Some(mut home) = Home::new(EngineKind::Mariadb) else {
        return;
    };
    home.config.push_str(LOOPBACK);
    let receivers = Receivers::default();
    let others = Fake::start(Replies::From(receivers.clone())).await;
    let server = home.serve().await;
    database(&server.client).await;
    let url = integration(&server, json!({"repositories": ["acme/shop"]}), false).await;
    automation(&server, &others.url("")).await;
    let tool = Tool::new(&url);
    tool.accepted("d1", &milestone("created", 1, "Sprint 1", 1))
        .await;
    let arrived = |_: &Iteration, b: &IterationBranch| {
        let all = ["actions", "ci", "ops", "pods"];
        let refused = b
            .credentials
            .iter()
            .any(|c| c.name == "lost" && c.failure.is_some());
        refused && all.iter().all(|c| state(b, c) == "1 delivered")
    };
    let made = until(&home, &server, "delivered", arrived).await;
    let lost = made.credentials.iter().find(|c| c.name == "lost").unwrap();
    let failure = lost.failure.as_deref().unwrap();
    assert!(failure.contains("private network"), "{failure}");
    assert_eq!(lost.state, "pending");

    let github = receivers.github();
    let first = github["acme/shop@staging DATABASE_URL"].clone();
    lets_in(&first).await;
    assert!(github["acme/shop@staging DATABASE_CA"].starts_with("-----BEGIN CERTIFICATE"));
    let gitlab = receivers.gitlab()["* DATABASE_URL"].clone();
    assert_eq!(gitlab["masked"], true);
    lets_in(gitlab["value"].as_str().unwrap()).await;
    let vault = receivers.vault()["secret/data/sprint-1"][0].clone();
    lets_in(vault["url"].as_str().unwrap()).await;
    let file = home.data().join("credentials/shop-sprint-1-pods.yaml");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let manifest: BTreeMap<String, Value> =
        serde_saphyr::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(manifest["kind"], "Secret");
    assert_eq!(manifest["metadata"]["namespace"], "web");
    lets_in(manifest["stringData"]["DATABASE_URL"].as_str().unwrap()).await;

    // Asked for again: another one arrives, and the first is good beside it.
    let iteration = &super::iterations(&server).await[0].id;
    let resent = home.offshoot(&["iteration", "resend", iteration, "actions"]);
    assert!(resent.status.success(), "{}", text(&resent));
    assert!(text(&resent).contains("Actions secrets of acme/shop, environment staging"));
    until(&home, &server, "resent", |_, b| {
        state(b, "actions") == "2 delivered"
    })
    .await;
    let second = receivers.github()["acme/shop@staging DATABASE_URL"].clone();
    assert_ne!(first, second);
    lets_in(&second).await;
    lets_in(&first).await;
    let shown = text(&home.offshoot(&["iteration", "show", iteration]));
    assert!(
        shown.contains("credential actions (number 2), to Actions secrets"),
        "{shown}"
    );

    // The same in flags: what they say is in the rule, and the token is not.
    let token = home.directory().join("token");
    std::fs::write(&token, VAULT_TOKEN).unwrap();
    let (said, file) = (
        format!("x=vault,url={},path=flags", others.url("")),
        format!("x={}", token.display()),
    );
    let made = home.offshoot(&[
        "automation",
        "create",
        "shop",
        "flags",
        "--integration",
        "github",
        "--filter",
        "false",
        "--credential",
        "x=reader,30d",
        "--deliver",
        &said,
        "--token-file",
        &file,
    ]);
    assert!(made.status.success(), "{}", text(&made));
    let shown = text(&home.offshoot(&["automation", "show", "shop", "flags"]));
    assert!(
        shown.contains("path: flags") && shown.contains("token of their own"),
        "{shown}"
    );
    assert!(!shown.contains(VAULT_TOKEN), "{shown}");

    // Nobody but the receivers has what was delivered, nor a token.
    let kept = std::fs::read(home.data().join("offshoot.db")).unwrap();
    let password = |url: &str| url.split([':', '@']).nth(2).unwrap().to_owned();
    let secrets = [
        password(&first),
        password(&second),
        GITHUB_TOKEN.to_owned(),
        VAULT_TOKEN.to_owned(),
    ];
    for secret in secrets {
        let clear = secret.as_bytes();
        assert!(
            !kept.windows(clear.len()).any(|w| w == clear),
            "in the store in clear"
        );
        assert!(!home.log().contains(&secret), "in the log");
    }
    assert!(server.stop().success());
}
