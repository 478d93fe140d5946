//! Credentials on their way to those who keep secrets: each kind arrives whole, what goes wrong is told and
//! tried again, and a token goes only where it was given for.

use crate::planning::{automate_with, connected, event, located, only, send};
use crate::setup::{App, settings};
use offshoot_control::automation::{self, AutomationChange};
use offshoot_control::inbound::Arrived;
use offshoot_control::iteration::HandoverView;
use offshoot_core::credential::Verifier;
use offshoot_core::handover::HandoverState;
use offshoot_core::refusal::Refusal;
use offshoot_testkit::receivers::{GITHUB_TOKEN, GITLAB_TOKEN, Receivers, Reply, VAULT_TOKEN};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

const CA: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

fn github(rest: Value) -> Value {
    with(json!({"repository": "acme/shop"}), rest, "github_actions")
}

fn gitlab(rest: Value) -> Value {
    with(json!({"project": "acme/shop"}), rest, "gitlab_ci")
}

fn vault(rest: Value) -> Value {
    with(
        json!({"url": "https://vault.example.com:8200"}),
        rest,
        "vault",
    )
}

fn with(mut all: Value, rest: Value, kind: &str) -> Value {
    all.as_object_mut()
        .unwrap()
        .extend(rest.as_object().unwrap().clone());
    json!({ kind: all })
}

/// An app with one rule of one credential, `ci`, whose sprint was planned.
async fn delivered(deliver: Value, token: &str) -> (App, Receivers, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings();
    settings.gateway.ca = Some(CA.to_owned());
    let app = App::fresh(dir.path(), settings).await;
    let receivers = app.world.receivers();
    connected(&app).await;
    let tokens: &[(&str, &str)] = match token {
        "" => &[],
        token => &[("ci", token)],
    };
    automate_with(&app, "sprints", rule(deliver), tokens)
        .await
        .unwrap();
    (app, receivers, dir)
}

fn rule(deliver: Value) -> Value {
    json!({
        "integration": "planner",
        "branch": {"name": "{{ iteration.name | slug }}"},
        "credentials": {"ci": {"role": "readwriter", "deliver": deliver}},
    })
}

async fn plan(app: &App) {
    send(app, &event(1, "Sprint 1", "planned", 1))
        .await
        .unwrap();
    app.settle().await;
}

async fn handover(app: &App) -> HandoverView {
    only(app).await.handovers.remove(0)
}

/// The values are those of the credential, which would be let in; nothing of the secret is kept.
async fn right(app: &App, values: &BTreeMap<String, String>) {
    let mut session = app.store.read().await.unwrap();
    let known = session.credential(&values["USERNAME"]).await.unwrap();
    let secret = SecretString::from(values["PASSWORD"].clone());
    assert_eq!(known.unwrap().verifier, Verifier::of(&secret));
    let view = handover(app).await.handover;
    assert_eq!(view.state, HandoverState::Delivered, "{view:?}");
    assert!(session.handover_secret(view.id).await.unwrap().is_none());
    assert_eq!(values["NAME"], "shop");
    assert_eq!(values["PORT"], "7306");
    assert_eq!(values["CA"], CA);
    if let Some(url) = values.get("URL") {
        let (user, password) = (&values["USERNAME"], &values["PASSWORD"]);
        let wanted = format!("mysql://{user}:{password}@127.0.0.1:7306/shop");
        assert_eq!(*url, wanted);
    }
}

/// Without what stands before the names.
fn parts(
    all: impl IntoIterator<Item = (String, String)>,
    before: &str,
) -> BTreeMap<String, String> {
    let all = all.into_iter();
    all.filter_map(|(name, value)| Some((name.strip_prefix(before)?.to_owned(), value)))
        .collect()
}

#[tokio::test]
async fn github_gets_sealed_secrets_of_a_repository_or_an_environment() {
    for (rest, before) in [
        (json!({}), "acme/shop DATABASE_"),
        (
            json!({"environment": "staging", "prefix": "{{ branch }}"}),
            "acme/shop@staging SPRINT_1_",
        ),
    ] {
        let (app, receivers, _dir) = delivered(github(rest), GITHUB_TOKEN).await;
        plan(&app).await;
        let secrets = receivers.github();
        assert_eq!(secrets.len(), 7, "{:?}", secrets.keys());
        right(&app, &parts(secrets, before)).await;
        let sent = app.world.sent();
        assert!(
            sent.iter()
                .all(|s| s.url.starts_with("https://api.github.com/repos/acme/shop/"))
        );
        assert_eq!(sent[0].header("x-github-api-version"), Some("2022-11-28"));
        // It is sealed on its way.
        let password = parts(receivers.github(), before)["PASSWORD"].clone();
        assert!(sent.iter().all(|s| !s.body.contains(&password)));
    }
}

#[tokio::test]
async fn what_an_event_would_do_says_where_credentials_go() {
    for (deliver, token, part) in [
        (
            github(json!({"environment": "staging"})),
            GITHUB_TOKEN,
            "ci (readwriter, to Actions secrets of acme/shop, environment staging)",
        ),
        (
            gitlab(json!({})),
            GITLAB_TOKEN,
            "to CI variables of acme/shop",
        ),
        (
            vault(json!({"path": "x"})),
            VAULT_TOKEN,
            "to secret/x in https://vault.example.com:8200",
        ),
        (
            json!({"kubernetes": {"file": "a.yaml"}}),
            "",
            "to manifest a.yaml",
        ),
        (json!({"link": {}}), "", "ci (readwriter, by link)"),
    ] {
        let (app, receivers, _dir) = delivered(deliver, token).await;
        let arrived = Arrived {
            method: "POST".to_owned(),
            url: String::new(),
            headers: Vec::new(),
            body: event(1, "Sprint 1", "planned", 1).to_string().into_bytes(),
        };
        let tested = automation::test(&app.control, &located(&app).await, arrived).await;
        let effect = tested.unwrap().effects.remove(0).effect;
        assert!(effect.contains(part), "{effect}");
        assert_eq!(receivers.calls(), 0);
    }
}

#[tokio::test]
async fn gitlab_gets_variables_that_are_made_or_changed() {
    let given = json!({"environment_scope": "review/*", "url": "https://git.example.com"});
    let (app, receivers, _dir) = delivered(gitlab(given), GITLAB_TOKEN).await;
    plan(&app).await;
    let variables = receivers.gitlab();
    assert_eq!(variables.len(), 7, "{:?}", variables.keys());
    let masked: Vec<_> = variables
        .iter()
        .filter(|(_, v)| v["masked"] == true)
        .collect();
    let masked: Vec<_> = masked.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        masked,
        ["review/* DATABASE_PASSWORD", "review/* DATABASE_URL"]
    );
    for (name, variable) in &variables {
        assert_eq!(variable["protected"], true, "{name}");
        assert_eq!(variable["raw"], true, "{name}");
        let file = name.ends_with("_CA");
        assert_eq!(variable["variable_type"] == "file", file, "{name}");
    }
    let values = variables
        .iter()
        .map(|(n, v)| (n.clone(), v["value"].as_str().unwrap().to_owned()));
    right(&app, &parts(values, "review/* DATABASE_")).await;
    // A second sprint takes the place of the first.
    send(&app, &event(2, "Sprint 2", "planned", 2))
        .await
        .unwrap();
    app.settle().await;
    assert_eq!(receivers.gitlab().len(), 7);
    assert_ne!(
        receivers.gitlab()["review/* DATABASE_USERNAME"],
        variables["review/* DATABASE_USERNAME"]
    );
}

#[tokio::test]
async fn vault_gets_one_version_however_often_it_is_sent() {
    for (rest, path) in [
        (
            json!({"namespace": "team/a"}),
            "secret/data/offshoot/shop/sprint-1/ci",
        ),
        (
            json!({"mount": "strict", "path": "ci/{{ iteration.name | slug }}"}),
            "strict/data/ci/sprint-1",
        ),
    ] {
        let (app, receivers, _dir) = delivered(vault(rest), VAULT_TOKEN).await;
        plan(&app).await;
        let versions = receivers.vault()[path].clone();
        assert_eq!(versions.len(), 1, "{versions:?}");
        let data = versions[0].as_object().unwrap();
        assert_eq!(
            data["delivery"],
            handover(&app).await.handover.id.to_string()
        );
        let values = data
            .iter()
            .map(|(n, v)| (n.to_ascii_uppercase(), v.as_str().unwrap().to_owned()));
        right(&app, &values.collect()).await;
        let sent = app.world.sent();
        assert!(
            sent.iter()
                .all(|s| s.header("x-vault-token") == Some(VAULT_TOKEN))
        );
        let namespace = path.starts_with("secret").then_some("team/a");
        assert_eq!(sent[0].header("x-vault-namespace"), namespace);
    }
}

#[tokio::test]
async fn a_manifest_lies_in_the_directory() {
    let given = json!({"kubernetes": {"namespace": "ci", "format": "parts"}});
    let (app, _, _dir) = delivered(given, "").await;
    plan(&app).await;
    let files = app.world.credential_files();
    assert_eq!(files.len(), 1);
    let (name, text) = &files[0];
    assert_eq!(name, "shop-sprint-1-ci.yaml");
    assert!(
        text.contains("\n  name: \"shop-sprint-1-ci\"\n  namespace: \"ci\"\n"),
        "{text}"
    );
    let values = text.lines().filter_map(|line| {
        let (name, value) = line.strip_prefix("  DATABASE_")?.split_once(": ")?;
        Some((name.to_owned(), serde_json::from_str(value).unwrap()))
    });
    right(&app, &values.collect()).await;
    let id = handover(&app).await.handover.id;
    assert!(text.contains(&format!("offshoot/delivery: \"{id}\"")));
}

/// What goes wrong is said with what is missing, and never with the secret.
#[tokio::test]
async fn what_does_not_arrive_is_told_and_tried_again() {
    let said = |status, body: Value| Some(Reply::new(status, &body));
    let cases: [(Value, &str, Option<Reply>, &str); 14] = [
        (
            github(json!({})),
            "not-the-token",
            None,
            "refuses the token (401: Bad credentials): it is wrong, has expired or was revoked; give another: offshoot automation update shop sprints --token-file ci=FILE",
        ),
        (
            github(json!({"repository": "acme/other"})),
            GITHUB_TOKEN,
            None,
            "GitHub knows no repository acme/other",
        ),
        (
            github(json!({"environment": "prod"})),
            GITHUB_TOKEN,
            None,
            "GitHub knows no environment prod of repository acme/shop",
        ),
        (
            github(json!({})),
            GITHUB_TOKEN,
            said(
                403,
                json!({"message": "Resource not accessible by personal access token"}),
            ),
            "give it write access to Secrets",
        ),
        (
            github(json!({})),
            GITHUB_TOKEN,
            said(502, Value::Null),
            "GitHub is not well (502)",
        ),
        (
            github(json!({})),
            GITHUB_TOKEN,
            said(301, Value::Null),
            "redirects (301)",
        ),
        (
            gitlab(json!({})),
            "not-the-token",
            None,
            "GitLab refuses the token (401: 401 Unauthorized)",
        ),
        (
            gitlab(json!({"project": "acme/other"})),
            GITLAB_TOKEN,
            None,
            "GitLab knows no project acme/other",
        ),
        (
            gitlab(json!({})),
            GITLAB_TOKEN,
            said(403, json!({"message": "403 Forbidden"})),
            "it needs the role Maintainer and the scope api",
        ),
        (
            gitlab(json!({"format": "url"})),
            GITLAB_TOKEN,
            said(200, json!({"masked": false})),
            "did not mask DATABASE_URL",
        ),
        (
            gitlab(json!({"format": "url"})),
            GITLAB_TOKEN,
            said(400, json!({"message": {"value": ["is invalid"]}})),
            "which it is to mask (400",
        ),
        (
            vault(json!({})),
            "not-the-token",
            None,
            "its policy lacks create and update",
        ),
        (
            vault(json!({"mount": "nowhere"})),
            VAULT_TOKEN,
            None,
            "no key/value engine at mount nowhere",
        ),
        (
            vault(json!({"mount": "old"})),
            VAULT_TOKEN,
            None,
            "no key/value engine of version 2",
        ),
    ];
    for (deliver, token, reply, part) in cases {
        let (app, receivers, _dir) = delivered(deliver.clone(), token).await;
        if let Some(reply) = reply {
            receivers.next(&vec![reply; 40]);
        }
        plan(&app).await;
        let view = handover(&app).await.handover;
        let told = view.failure.clone().unwrap_or_default();
        assert!(told.contains(part), "{deliver}: {told}");
        assert!(!told.contains("ofs_pw_") && !told.contains(token), "{told}");
        assert_eq!(view.state, HandoverState::Pending);
        assert!(view.attempts > 0 && view.retry_at.is_some());
    }
}

#[tokio::test]
async fn a_receiver_that_wants_to_be_left_alone_is() {
    let (app, receivers, _dir) = delivered(github(json!({})), GITHUB_TOKEN).await;
    let busy = Reply::new(429, &json!({"message": "slow down"})).header("Retry-After", "43200");
    let limited = Reply::new(403, &json!({"message": "rate limit"}))
        .header("x-ratelimit-remaining", "0")
        .header("retry-after", "43200");
    for reply in [busy, limited] {
        receivers.next(&[reply]);
        if receivers.calls() == 0 {
            plan(&app).await;
        } else {
            app.settle().await;
        }
        let view = handover(&app).await.handover;
        let asked = receivers.calls();
        let told = view.failure.clone().unwrap_or_default();
        assert!(told.contains("left alone"), "{told}");
        // An hour is the longest pause of our own.
        let left = view.retry_at.unwrap().duration_since(app.clock_now());
        assert!(left.as_hours() >= 10, "{left}");
        app.clock.advance(Duration::from_secs(7_200));
        app.settle().await;
        assert_eq!(receivers.calls(), asked, "not before its time");
        app.clock.advance(Duration::from_secs(43_200));
    }
    app.settle().await;
    assert_eq!(
        handover(&app).await.handover.state,
        HandoverState::Delivered
    );
}

async fn change(
    app: &App,
    rule: Value,
    tokens: &[(&str, Option<&str>)],
) -> Result<Vec<String>, Refusal> {
    let tokens = tokens.iter();
    let change = AutomationChange {
        rule: Some(serde_json::from_value(rule).unwrap()),
        tokens: tokens
            .map(|(c, t)| ((*c).to_owned(), t.map(SecretString::from)))
            .collect(),
        ..AutomationChange::default()
    };
    let at = located(app).await;
    automation::effects(&app.control, &at, &change).await?;
    let view = automation::update(&app.control, &at, change).await?;
    Ok(view.tokens)
}

/// A token of its own, an expired one, and a wrong rule: what is corrected arrives at once, and under the same id.
#[tokio::test]
async fn what_is_corrected_is_sent_at_once() {
    let wrong = github(json!({"environment": "prod"}));
    let (app, _, _dir) = delivered(wrong.clone(), "expired").await;
    plan(&app).await;
    let first = handover(&app).await.handover;
    assert!(first.failure.unwrap().contains("(401"));
    let kept = change(&app, rule(wrong), &[("ci", Some(GITHUB_TOKEN))]).await;
    assert_eq!(kept.unwrap(), ["ci"]);
    app.control.settle(1).await;
    let second = handover(&app).await.handover;
    assert!(second.failure.unwrap().contains("environment prod"));
    change(&app, rule(github(json!({}))), &[]).await.unwrap();
    app.control.settle(1).await;
    let third = handover(&app).await.handover;
    assert_eq!(
        (third.id, third.state),
        (first.id, HandoverState::Delivered)
    );
    assert_eq!(third.deliver.destination(), "Actions secrets of acme/shop");
}

#[tokio::test]
async fn a_token_is_kept_for_the_address_that_it_was_given_for() {
    let (app, _, _dir) = delivered(vault(json!({})), VAULT_TOKEN).await;
    let stolen = vault(json!({"url": "https://evil.example.com"}));
    let refused = change(&app, rule(stolen.clone()), &[]).await.unwrap_err();
    assert!(refused.to_string().contains("--token-file"), "{refused}");
    assert_eq!(refused.place(), Some("rule.credentials.ci.deliver"));
    // The rule is as it was; another mount of the same store has the same token.
    assert_eq!(
        change(&app, rule(vault(json!({"mount": "strict"}))), &[])
            .await
            .unwrap(),
        ["ci"]
    );
    // Given anew it is another one, and the earlier one is gone.
    assert_eq!(
        change(&app, rule(stolen), &[("ci", Some("x"))])
            .await
            .unwrap(),
        ["ci"]
    );
    let refused = change(&app, rule(vault(json!({}))), &[]).await.unwrap_err();
    assert!(
        refused.to_string().contains("token of its own"),
        "{refused}"
    );
    // Forgotten by name, or with its credential.
    assert!(
        change(&app, rule(json!({"link": {}})), &[])
            .await
            .unwrap()
            .is_empty()
    );
    for (tokens, part) in [
        ([("ci", Some("x"))], "not delivered with a token"),
        ([("nobody", Some("x"))], "nobody"),
        ([("ci", Some("a b"))], "without spaces"),
    ] {
        let refused = change(&app, rule(json!({"link": {}})), &tokens)
            .await
            .unwrap_err();
        assert_eq!(refused.field, Some("tokens"));
        assert!(refused.to_string().contains(part), "{refused}");
    }
    // What is kept is sealed.
    let kept = std::fs::read(_dir.path().join("offshoot.db")).unwrap();
    let clear = VAULT_TOKEN.as_bytes();
    assert!(!kept.windows(clear.len()).any(|w| w == clear));
}

#[tokio::test]
async fn credentials_that_would_overwrite_each_other_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    connected(&app).await;
    let tokens = [("a", GITHUB_TOKEN), ("b", GITHUB_TOKEN)];
    let both = |other: Value| {
        json!({
            "integration": "planner",
            "credentials": {"a": {"deliver": github(json!({}))}, "b": {"deliver": other}},
        })
    };
    let refused = automate_with(&app, "bad", both(github(json!({}))), &tokens)
        .await
        .unwrap_err();
    assert_eq!(refused.place(), Some("rule.credentials.b.deliver"));
    assert!(
        refused.to_string().contains("overwrite each other"),
        "{refused}"
    );
    for (other, path) in [
        (
            github(json!({"prefix": "{{ x"})),
            "rule.credentials.b.deliver.github_actions.prefix",
        ),
        (
            github(json!({"prefix": "GITHUB"})),
            "rule.credentials.b.deliver.github_actions.prefix",
        ),
        (
            github(json!({"environment": "{{"})),
            "rule.credentials.b.deliver.github_actions.environment",
        ),
        (
            json!({"kubernetes": {"name": "{{"}}),
            "rule.credentials.b.deliver.kubernetes.name",
        ),
        (
            vault(json!({"path": "{% if"})),
            "rule.credentials.b.deliver.vault.path",
        ),
    ] {
        let refused = automate_with(&app, "bad", both(other), &tokens[..1])
            .await
            .unwrap_err();
        assert_eq!(refused.place(), Some(path), "{refused}");
    }
    automate_with(&app, "good", both(github(json!({"prefix": "B"}))), &tokens)
        .await
        .unwrap();
}
