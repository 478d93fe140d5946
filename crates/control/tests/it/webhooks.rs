//! Webhooks over machines in memory: what is sent, when, how often, and under which id.

use crate::setup::{App, new_branch, settings};
use hmac::{Hmac, KeyInit, Mac};
use offshoot_control::branch;
use offshoot_control::locate::{self, LocatedWebhook};
use offshoot_control::once::Once;
use offshoot_control::page::Page;
use offshoot_control::webhook::{self, NewWebhook, SentFilter, WebhookChange, WebhookView};
use offshoot_core::refusal::{Refusal, code};
use offshoot_core::webhook::{EventName, FAILURES, SendState, TRIES, WebhookDelivery};
use offshoot_testkit::fake::Sent;
use secrecy::ExposeSecret;
use serde_json::Value;
use sha2::Sha256;
use std::collections::BTreeSet;
use std::time::Duration;

pub(crate) const URL: &str = "https://hooks.example.com/offshoot";

pub(crate) async fn listen(app: &App, events: &[&str]) -> WebhookView {
    make(app, events).await.unwrap()
}

async fn make(app: &App, events: &[&str]) -> Result<WebhookView, Refusal> {
    let new = NewWebhook {
        url: URL.to_owned(),
        enabled: true,
        events: events.iter().map(|e| e.parse().unwrap()).collect(),
    };
    webhook::create(&app.control, &app.database().await, new, &Once::unnamed()).await
}

async fn at(app: &App, view: &WebhookView) -> LocatedWebhook {
    let id = view.webhook.id.to_string();
    locate::webhook(&app.control, app.caller(), "default", "shop", &id, &[])
        .await
        .unwrap()
}

/// What went to webhooks, in order.
pub(crate) fn sent(app: &App) -> Vec<Sent> {
    let all = app.world.sent().into_iter();
    all.filter(|s| s.url == URL).collect()
}

pub(crate) fn events(sent: &[Sent]) -> Vec<String> {
    let names = sent.iter().map(|s| s.header("x-offshoot-event"));
    names.map(|n| n.unwrap().to_owned()).collect()
}

fn ids(sent: &[Sent]) -> BTreeSet<&str> {
    let ids = sent.iter().map(|s| s.header("x-offshoot-delivery"));
    ids.map(Option::unwrap).collect()
}

fn body(sent: &Sent) -> Value {
    serde_json::from_str(&sent.body).unwrap()
}

async fn log(app: &App, view: &WebhookView) -> Vec<WebhookDelivery> {
    let filter = SentFilter::default();
    let at = at(app, view).await;
    let listed = webhook::deliveries(&app.control, &at, &filter, Page::default()).await;
    listed.unwrap().items
}

async fn shown(app: &App, view: &WebhookView) -> WebhookView {
    webhook::show(&app.control, &at(app, view).await)
        .await
        .unwrap()
}

async fn fresh() -> (App, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    app.world.answers(&[(200, "")]);
    (app, dir)
}

#[tokio::test]
async fn what_happens_is_told_once_in_its_order_and_signed() {
    let (app, _dir) = fresh().await;
    let view = listen(&app, &[]).await;
    app.create("one", None).await;
    app.settle().await;
    app.settle().await;
    let all = sent(&app);
    assert_eq!(events(&all), ["branch.created", "branch.ready"]);
    let secret = view.secret.as_ref().unwrap().expose_secret();
    for sent in &all {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(sent.body.as_bytes());
        let tag = mac.finalize().into_bytes();
        let tag: String = tag.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(sent.header("x-planetscale-signature"), Some(&*tag));
        let body = body(sent);
        assert_eq!(body["organization"], "default");
        assert_eq!(body["database"], "shop");
        assert_eq!(body["resource"]["type"], "Branch");
        assert_eq!(body["resource"]["name"], "one");
        assert_eq!(body["id"], sent.header("x-offshoot-delivery").unwrap());
        assert!(body["timestamp"].as_i64().unwrap() >= 1_800_000_000);
    }
    assert_eq!(body(&all[1])["resource"]["state"], "ready");
    let log = log(&app, &view).await;
    assert_eq!(log.len(), 2);
    for delivery in &log {
        assert_eq!(delivery.state, SendState::Delivered);
        assert_eq!((delivery.attempts, delivery.status), (1, Some(200)));
    }
    let last = shown(&app, &view).await.webhook.last.unwrap();
    assert!(last.success && last.result == "200", "{last:?}");
}

#[tokio::test]
async fn what_was_not_asked_for_or_did_not_happen_is_not_told() {
    let (app, _dir) = fresh().await;
    let view = listen(&app, &["branch.sleeping", "branch.deleted"]).await;
    app.create("one", None).await;
    app.settle().await;
    let shop = app.database().await;
    let again = new_branch("one", None);
    branch::create(&app.control, &shop, again, &Once::unnamed())
        .await
        .unwrap_err();
    app.settle().await;
    assert_eq!(events(&sent(&app)), [] as [&str; 0]);
    branch::sleep(&app.control, &app.at("one").await)
        .await
        .unwrap();
    app.settle().await;
    assert_eq!(events(&sent(&app)), ["branch.sleeping"]);
    assert_eq!(body(&sent(&app)[0])["resource"]["state"], "sleeping");
    let any = offshoot_control::revision::Expected::any();
    branch::delete(&app.control, &app.at("one").await, false, &any)
        .await
        .unwrap();
    app.settle().await;
    let all = sent(&app);
    assert_eq!(events(&all), ["branch.sleeping", "branch.deleted"]);
    // It is gone: told by id and name.
    let resource = body(&all[1])["resource"].clone();
    assert_eq!(
        (&resource["name"], &resource["type"]),
        (&"one".into(), &"Branch".into())
    );
    // What happens while it is off, or after it is gone, is not told.
    let at = at(&app, &view).await;
    let off = WebhookChange {
        enabled: Some(false),
        ..WebhookChange::default()
    };
    webhook::update(&app.control, &at, off).await.unwrap();
    app.create("two", None).await;
    app.settle().await;
    webhook::delete(&app.control, &at, &any).await.unwrap();
    app.create("three", None).await;
    app.settle().await;
    assert_eq!(sent(&app).len(), 2);
}

#[tokio::test]
async fn what_fails_is_sent_again_by_the_clock_under_its_id() {
    let (app, _dir) = fresh().await;
    let view = listen(&app, &["branch.created"]).await;
    app.settle().await;
    app.world.answers(&[(500, ""), (302, ""), (204, "")]);
    app.create("one", None).await;
    app.control.settle(2).await;
    // Seconds that pass, tries by then.
    for (seconds, tries) in [(0, 1), (9, 1), (1, 2), (19, 2), (1, 3), (3_600, 3)] {
        app.clock.advance(Duration::from_secs(seconds));
        app.control.settle(2).await;
        assert_eq!(sent(&app).len(), tries, "{seconds}");
    }
    let all = sent(&app);
    assert_eq!(ids(&all).len(), 1);
    assert!(all.iter().all(|s| s.body == all[0].body), "{all:#?}");
    let log = log(&app, &view).await;
    assert_eq!((log[0].state, log[0].attempts), (SendState::Delivered, 3));
    assert_eq!(log[0].failure, None);
    assert_eq!(shown(&app, &view).await.webhook.failures, 0);
}

#[tokio::test]
async fn one_that_cannot_be_taken_does_not_hold_up_the_others() {
    let (app, _dir) = fresh().await;
    let view = listen(&app, &["branch.created"]).await;
    app.settle().await;
    app.world.answers(&[(400, ""), (200, "")]);
    app.create("one", None).await;
    app.control.settle(2).await;
    app.create("two", None).await;
    app.control.settle(2).await;
    assert_eq!(sent(&app).len(), 1, "the webhook pauses");
    app.clock.advance(Duration::from_secs(5));
    app.control.settle(2).await;
    let names: Vec<Value> = sent(&app)
        .iter()
        .map(|s| body(s)["resource"]["name"].clone())
        .collect();
    assert_eq!(names, ["one", "two"]);
    app.clock.advance(Duration::from_secs(6));
    app.control.settle(2).await;
    assert_eq!(sent(&app).len(), 3);
    let log = log(&app, &view).await;
    assert!(
        log.iter().all(|d| d.state == SendState::Delivered),
        "{log:#?}"
    );
}

#[tokio::test]
async fn a_receiver_that_is_away_switches_its_webhook_off() {
    let (app, _dir) = fresh().await;
    let view = listen(&app, &["branch.created"]).await;
    app.settle().await;
    app.world.answers(&[(503, "")]);
    for name in ["one", "two", "three", "four"] {
        app.create(name, None).await;
    }
    for _ in 0..FAILURES {
        app.control.settle(1).await;
        app.clock.advance(Duration::from_secs(3_601));
    }
    app.control.settle(2).await;
    assert_eq!(sent(&app).len(), FAILURES as usize);
    let off = shown(&app, &view).await.webhook;
    assert!(!off.enabled);
    let reason = off.disabled_reason.unwrap();
    assert!(
        reason.contains("status 503") && reason.contains("45 tries"),
        "{reason}"
    );
    // Given up are those that were tried often enough; the others wait.
    let log = log(&app, &view).await;
    let failed = log.iter().filter(|d| d.state == SendState::Failed);
    assert_eq!(failed.clone().count(), FAILURES as usize / TRIES as usize);
    assert!(failed.into_iter().all(|d| d.attempts == TRIES), "{log:#?}");
    app.create("five", None).await;
    app.control.settle(2).await;
    assert_eq!(sent(&app).len(), FAILURES as usize);
    // Switched on again it begins anew, with what waited.
    app.world.answers(&[(200, "")]);
    let on = WebhookChange {
        enabled: Some(true),
        ..WebhookChange::default()
    };
    let view = webhook::update(&app.control, &at(&app, &view).await, on)
        .await
        .unwrap();
    assert_eq!(
        (view.webhook.failures, &view.webhook.disabled_reason),
        (0, &None)
    );
    app.control.settle(2).await;
    let after = &sent(&app)[FAILURES as usize..];
    assert_eq!(after.len(), 4 - FAILURES as usize / TRIES as usize);
    assert!(after.iter().all(|s| body(s)["resource"]["name"] != "five"));
}

#[tokio::test]
async fn a_test_is_sent_once_whatever_the_webhook_is_like() {
    let (app, _dir) = fresh().await;
    let view = listen(&app, &["branch.ready"]).await;
    let off = WebhookChange {
        enabled: Some(false),
        ..WebhookChange::default()
    };
    let at = at(&app, &view).await;
    webhook::update(&app.control, &at, off).await.unwrap();
    app.world.answers(&[(500, "")]);
    webhook::test(&app.control, &at, None).await.unwrap();
    for _ in 0..3 {
        app.settle().await;
    }
    let all = sent(&app);
    assert_eq!(events(&all), ["webhook.test"]);
    assert_eq!(body(&all[0])["resource"]["type"], "Database");
    let log = log(&app, &view).await;
    assert_eq!(
        (log[0].state, log[0].event),
        (SendState::Failed, EventName::TEST)
    );
    let now = shown(&app, &view).await.webhook;
    assert_eq!((now.failures, now.enabled), (0, false));
    assert!(!now.last.unwrap().success);
}

#[tokio::test]
async fn a_replay_is_the_same_once_more() {
    let (app, _dir) = fresh().await;
    let view = listen(&app, &["branch.ready"]).await;
    app.create("one", None).await;
    app.settle().await;
    let id = log(&app, &view).await[0].id.to_string();
    let at = at(&app, &view).await;
    webhook::replay(&app.control, &at, &id).await.unwrap();
    app.settle().await;
    let all = sent(&app);
    assert_eq!(all.len(), 2);
    assert_eq!((ids(&all).len(), &all[0].body), (1, &all[1].body));
    let missing = webhook::replay(&app.control, &at, "abcdefghijkl").await;
    assert_eq!(missing.unwrap_err().code, code::NOT_FOUND);
}

#[tokio::test]
async fn there_are_five_at_most() {
    let (app, _dir) = fresh().await;
    for _ in 0..5 {
        listen(&app, &[]).await;
    }
    assert_eq!(make(&app, &[]).await.unwrap_err().code, code::TOO_MANY);
    let new = NewWebhook {
        url: "hooks.example.com".to_owned(),
        enabled: true,
        events: Vec::new(),
    };
    let at = app.database().await;
    let bad = webhook::create(&app.control, &at, new, &Once::unnamed()).await;
    assert_eq!(bad.unwrap_err().field, Some("url"));
}

#[tokio::test]
async fn old_deliveries_are_forgotten() {
    let (app, _dir) = fresh().await;
    let view = listen(&app, &["branch.created"]).await;
    app.create("one", None).await;
    app.settle().await;
    assert_eq!(log(&app, &view).await.len(), 1);
    app.clock.advance(Duration::from_secs(31 * 86_400));
    app.settle().await;
    assert_eq!(log(&app, &view).await.len(), 0);
}
