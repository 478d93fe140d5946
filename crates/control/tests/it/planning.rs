//! Integrations, automations and what they make, over machines in memory.

use crate::setup::{App, settings};
use offshoot_control::automation::{self, AutomationChange, NewAutomation};
use offshoot_control::handover;
use offshoot_control::inbound::{self, Arrived, Received};
use offshoot_control::integration::{self, NewIntegration};
use offshoot_control::iteration::{self, BindingView, IterationFilter, IterationView};
use offshoot_control::locate::{self, LocatedAutomation};
use offshoot_control::once::Once;
use offshoot_control::page::Page;
use offshoot_core::automation::{BindingState, Rule};
use offshoot_core::branch::BranchState;
use offshoot_core::handover::HandoverState;
use offshoot_core::name::{AutomationName, IntegrationName};
use offshoot_core::refusal::{Refusal, code};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use std::time::Duration;

const TOKEN: &str = "a secret of the planner";

/// A tool of no particular kind, and the rule of its iterations.
pub(crate) async fn connect(app: &App, rule: Value) {
    connected(app).await;
    let mut rule = rule;
    rule["integration"] = "planner".into();
    automate(app, "sprints", rule).await.unwrap();
}

pub(crate) async fn connected(app: &App) {
    let at = locate::organization(&app.control, app.caller(), "default", &[]).await;
    let settings = json!({"mapping": {
        "fields": {"id": "/id", "name": "/name", "state": "/state", "starts_at": "/starts", "updated_at": "/at"},
        "signature": {"scheme": "token"},
    }});
    let new = NewIntegration {
        name: IntegrationName::parse("planner").unwrap(),
        tool: "generic".to_owned(),
        settings: settings.as_object().unwrap().clone(),
        secret: Some(SecretString::from(TOKEN)),
        token: None,
        poll_every: None,
    };
    integration::create(&app.control, &at.unwrap(), new, &Once::unnamed())
        .await
        .unwrap();
}

async fn automate(app: &App, name: &str, rule: Value) -> Result<(), Refusal> {
    automate_with(app, name, rule, &[]).await
}

/// With tokens of receivers.
pub(crate) async fn automate_with(
    app: &App,
    name: &str,
    rule: Value,
    tokens: &[(&str, &str)],
) -> Result<(), Refusal> {
    let rule: Rule = serde_json::from_value(rule).unwrap();
    let name = AutomationName::parse(name).unwrap();
    let at = app.database().await;
    let new = NewAutomation {
        name,
        rule,
        enabled: true,
        tokens: tokens
            .iter()
            .map(|(c, t)| ((*c).to_owned(), SecretString::from(*t)))
            .collect(),
    };
    automation::create(&app.control, &at, new, &Once::unnamed())
        .await
        .map(drop)
}

/// An event of iteration `id`, the n-th of its tool.
pub(crate) fn event(id: u32, name: &str, state: &str, n: i64) -> Value {
    // After the world began, so after everything in it was made.
    let at = jiff::Timestamp::from_second(1_800_000_000 + 3_600 + n).unwrap();
    json!({"id": id, "name": name, "state": state, "at": at.to_string()})
}

pub(crate) async fn send(app: &App, event: &Value) -> Result<Received, Refusal> {
    sent(app, event, TOKEN).await
}

async fn sent(app: &App, event: &Value, token: &str) -> Result<Received, Refusal> {
    let at = locate::organization(&app.control, app.caller(), "default", &[]).await?;
    let listed = integration::list(&app.control, &at, Page::default()).await?;
    let id = listed.items[0].integration.id.to_string();
    let arrived = Arrived {
        method: "POST".to_owned(),
        url: format!("http://api.example.com/v1/inbound/{id}"),
        headers: vec![("X-Webhook-Token".to_owned(), token.to_owned())],
        body: event.to_string().into_bytes(),
    };
    inbound::receive(&app.control, &id, arrived).await
}

pub(crate) async fn known(app: &App) -> Vec<IterationView> {
    let at = locate::organization(&app.control, app.caller(), "default", &[]).await;
    let filter = IterationFilter::default();
    let listed = iteration::list(&app.control, &at.unwrap(), &filter, Page::default()).await;
    listed.unwrap().items
}

pub(crate) async fn only(app: &App) -> BindingView {
    known(app).await.remove(0).bindings.remove(0)
}

pub(crate) async fn located(app: &App) -> LocatedAutomation {
    let control = &app.control;
    locate::automation(control, app.caller(), "default", "shop", "sprints", &[])
        .await
        .unwrap()
}

async fn app(rule: Value) -> (App, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    connect(&app, rule).await;
    (app, dir)
}

fn branches() -> Value {
    json!({"branch": {"name": "{{ iteration.name | slug }}"}, "credentials": {"app": {}}})
}

#[tokio::test]
async fn events_in_any_order_make_one_branch() {
    let life = [
        event(1, "Sprint 1", "planned", 1),
        event(1, "Sprint one", "planned", 2),
        event(1, "Sprint one", "started", 3),
        event(1, "Sprint one", "ended", 4),
    ];
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1], [1, 3, 0, 2]] {
        let (app, _dir) = app(branches()).await;
        for n in order {
            send(&app, &life[n]).await.unwrap();
            send(&app, &life[n]).await.unwrap();
            if n % 2 == 0 {
                app.settle().await;
            }
        }
        app.settle().await;
        let made = only(&app).await;
        assert_eq!(made.detail.binding.state, BindingState::Ended, "{order:?}");
        let at = app.at("sprint-one").await;
        assert_eq!(at.branch().state, BranchState::Sleeping, "{order:?}");
        assert_eq!(made.handovers.len(), 1, "{order:?}");
        assert_eq!(known(&app).await.len(), 1);
    }
}

#[tokio::test]
async fn what_is_not_signed_is_not_kept() {
    let (app, _dir) = app(branches()).await;
    let refused = sent(&app, &event(1, "Sprint 1", "planned", 1), "another secret").await;
    assert_eq!(refused.unwrap_err().code, code::SIGNATURE);
    app.settle().await;
    assert_eq!(known(&app).await.len(), 0);
}

#[tokio::test]
async fn names_that_are_taken_get_a_number() {
    let (app, _dir) = app(branches()).await;
    app.create("sprint-1", None).await;
    for id in [1, 2] {
        send(&app, &event(id, "Sprint 1", "planned", 1))
            .await
            .unwrap();
        app.settle().await;
    }
    for name in ["sprint-1", "sprint-1-2", "sprint-1-3"] {
        app.at(name).await;
    }
}

#[tokio::test]
async fn a_link_opens_once_and_its_secret_is_gone() {
    let (app, _dir) = app(branches()).await;
    send(&app, &event(1, "Sprint 1", "planned", 1))
        .await
        .unwrap();
    app.settle().await;
    let view = only(&app).await.handovers.remove(0);
    let (id, link) = (view.handover.id.to_string(), view.link.unwrap());
    let wrong = SecretString::from("x".repeat(43));
    for token in [&wrong, &SecretString::from("")] {
        let refused = handover::reveal(&app.control, &id, token, None).await;
        assert_eq!(refused.unwrap_err().code, code::REVEALED);
    }
    let sealed = handover::peek(&app.control, &id, &link).await.unwrap();
    assert_eq!((&*sealed.branch, &*sealed.credential), ("sprint-1", "app"));
    let revealed = handover::reveal(&app.control, &id, &link, None)
        .await
        .unwrap();
    assert!(revealed.secret.expose_secret().starts_with("ofs_pw_"));
    for _ in 0..2 {
        let refused = handover::reveal(&app.control, &id, &link, None).await;
        assert_eq!(refused.unwrap_err().code, code::REVEALED);
    }
    let mut session = app.store.read().await.unwrap();
    let secret = session.handover_secret(view.handover.id).await.unwrap();
    assert!(secret.is_none());
    let now = only(&app).await.handovers.remove(0);
    assert_eq!(now.handover.state, HandoverState::Delivered);
    assert!(now.link.is_none());
}

#[tokio::test]
async fn a_link_that_nobody_opens_expires() {
    let mut rule = branches();
    rule["credentials"]["app"] = json!({"deliver": {"link": {"expires": "2h"}}});
    let (app, _dir) = app(rule).await;
    send(&app, &event(1, "Sprint 1", "planned", 1))
        .await
        .unwrap();
    app.settle().await;
    let view = only(&app).await.handovers.remove(0);
    app.clock.advance(Duration::from_secs(3 * 3_600));
    app.settle().await;
    let (id, link) = (view.handover.id.to_string(), view.link.unwrap());
    let refused = handover::reveal(&app.control, &id, &link, None).await;
    assert_eq!(refused.unwrap_err().code, code::REVEALED);
    let now = only(&app).await.handovers.remove(0);
    assert_eq!(now.handover.state, HandoverState::Expired);
}

#[tokio::test]
async fn a_webhook_is_sent_until_it_arrives_under_one_id() {
    let mut rule = branches();
    rule["credentials"]["app"] =
        json!({"deliver": {"webhook": {"url": "https://ci.example.com/x"}}});
    let (app, _dir) = app(rule).await;
    app.world.answers(&[(500, ""), (302, ""), (200, "")]);
    send(&app, &event(1, "Sprint 1", "planned", 1))
        .await
        .unwrap();
    app.settle().await;
    app.settle().await;
    let sent = app.world.sent();
    assert_eq!(sent.len(), 3, "{sent:?}");
    let ids: Vec<_> = sent.iter().map(|s| s.header("webhook-id")).collect();
    assert!(ids.iter().all(|id| *id == ids[0]));
    let body: Value = serde_json::from_str(&sent[2].body).unwrap();
    assert_eq!(body["data"]["branch"], "sprint-1");
    let handover = only(&app).await.handovers.remove(0).handover;
    assert_eq!(
        (handover.state, handover.attempts),
        (HandoverState::Delivered, 2)
    );
}

#[tokio::test]
async fn a_rule_that_cannot_be_is_refused_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    connected(&app).await;
    for (rule, field) in [
        (json!({"integration": "nobody"}), "rule.integration"),
        (
            json!({"integration": "planner", "filter": "1 +"}),
            "rule.filter",
        ),
        (
            json!({"integration": "planner", "branch": {"name": "{{ x"}}),
            "rule.branch.name",
        ),
        (
            json!({"integration": "planner", "branch": {"parent": "nobody"}}),
            "rule.branch.parent",
        ),
        (
            json!({"integration": "planner", "credentials": {"a": {"deliver": {"webhook": {"url": "ftp://x"}}}}}),
            "rule.credentials.deliver.webhook.url",
        ),
    ] {
        let refused = automate(&app, "bad", rule).await.unwrap_err();
        assert_eq!(refused.field, Some(field), "{refused}");
    }
}

#[tokio::test]
async fn a_change_says_what_it_does_before_it_does_it() {
    let (app, _dir) = app(branches()).await;
    send(&app, &event(1, "Sprint 1", "planned", 1))
        .await
        .unwrap();
    app.settle().await;
    send(&app, &event(1, "Sprint 1", "ended", 2)).await.unwrap();
    app.settle().await;
    let mut rule = located(&app).await.automation().rule.clone();
    let none = AutomationChange {
        rule: Some(rule.clone()),
        ..AutomationChange::default()
    };
    let effects = automation::effects(&app.control, &located(&app).await, &none).await;
    assert_eq!(effects.unwrap(), []);
    rule.on.ended = "delete".parse().unwrap();
    let change = AutomationChange {
        rule: Some(rule),
        ..AutomationChange::default()
    };
    let at = located(&app).await;
    let effects = automation::effects(&app.control, &at, &change)
        .await
        .unwrap();
    assert_eq!(effects.len(), 1, "{effects:?}");
    assert!(effects[0].deletes, "{effects:?}");
    assert_eq!(effects[0].branch.as_deref(), Some("sprint-1"));
    app.settle().await;
    app.at("sprint-1").await;
    automation::update(&app.control, &at, change).await.unwrap();
    app.settle().await;
    assert_eq!(only(&app).await.detail.binding.state, BindingState::Deleted);
}

#[tokio::test]
async fn a_test_changes_nothing() {
    let (app, _dir) = app(branches()).await;
    let arrived = Arrived {
        method: "POST".to_owned(),
        url: String::new(),
        headers: Vec::new(),
        body: event(1, "Sprint 1", "planned", 1).to_string().into_bytes(),
    };
    let tested = automation::test(&app.control, &located(&app).await, arrived).await;
    let tested = tested.unwrap();
    assert!(tested.says.contains("planned"), "{tested:?}");
    assert!(
        tested.effects[0].effect.contains("\"sprint-1\" is made"),
        "{tested:?}"
    );
    app.settle().await;
    assert_eq!(known(&app).await.len(), 0);
}

#[tokio::test]
async fn what_is_deleted_by_hand_stays_away() {
    let (app, _dir) = app(branches()).await;
    send(&app, &event(1, "Sprint 1", "planned", 1))
        .await
        .unwrap();
    app.settle().await;
    let at = app.at("sprint-1").await;
    let any = offshoot_control::revision::Expected::any();
    offshoot_control::branch::delete(&app.control, &at, false, &any)
        .await
        .unwrap();
    app.settle().await;
    let made = only(&app).await;
    assert_eq!(made.detail.binding.state, BindingState::Gone);
    assert!(made.detail.branch.is_none());
    app.whole().await.unwrap();
}
