//! Credentials that are replaced before their time is over, and by hand.

use crate::planning::{connect, event, known, only, send};
use crate::setup::{App, settings};
use offshoot_control::handover::{self, resend};
use offshoot_control::iteration::HandoverView;
use offshoot_control::locate::{self, LocatedOrganization};
use offshoot_control::page::Page;
use offshoot_control::password::{self, PasswordFilter};
use offshoot_core::handover::HandoverState;
use offshoot_core::password::Password;
use offshoot_core::refusal::{Refusal, code};
use serde_json::{Value, json};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

async fn app(credentials: Value) -> (App, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    app.world.answers(&[(200, "")]);
    let rule =
        json!({"branch": {"name": "{{ iteration.name | slug }}"}, "credentials": credentials});
    connect(&app, rule).await;
    send(&app, &event(1, "Sprint 1", "planned", 1))
        .await
        .unwrap();
    app.settle().await;
    (app, dir)
}

async fn handovers(app: &App) -> Vec<HandoverView> {
    only(app).await.handovers
}

/// Of the sprint's branch, the oldest first.
async fn passwords(app: &App) -> Vec<Password> {
    let at = app.at("sprint-1").await;
    let filter = PasswordFilter::default();
    let listed = password::list(&app.control, &at, &filter, Page::default()).await;
    let mut all: Vec<_> = listed
        .unwrap()
        .items
        .into_iter()
        .map(|v| v.password)
        .collect();
    all.sort_by_key(|p| p.created_at);
    all
}

async fn organization(app: &App) -> LocatedOrganization {
    locate::organization(&app.control, app.caller(), "default", &[])
        .await
        .unwrap()
}

async fn again(app: &App, id: &str) -> Result<HandoverView, Refusal> {
    let iteration = known(app).await[0].known.id.to_string();
    resend(&app.control, &organization(app).await, &iteration, id).await
}

#[tokio::test]
async fn a_credential_has_one_successor_before_its_end() {
    let (app, _dir) = app(json!({"app": {"ttl": "10d"}})).await;
    let before = handovers(&app).await;
    let first = passwords(&app).await.remove(0);
    app.clock.advance(DAY * 7);
    app.settle().await;
    assert_eq!(handovers(&app).await.len(), 1, "not before its time");
    app.clock.advance(DAY);
    for _ in 0..3 {
        app.settle().await;
    }
    let now = handovers(&app).await;
    let generations: Vec<_> = now.iter().map(|h| h.handover.generation).collect();
    assert_eq!(generations, [2, 1]);
    // The new link is there; the earlier one, which nobody opened, is not good any more.
    let link = |h: &HandoverView| (h.handover.id.to_string(), h.link.clone());
    let (id, new) = link(&now[0]);
    let (old_id, old) = link(&before[0]);
    assert!(now[1].link.is_none() && now[1].handover.state == HandoverState::Expired);
    let refused = handover::reveal(&app.control, &old_id, &old.unwrap(), None).await;
    assert_eq!(refused.unwrap_err().code, code::REVEALED);
    let revealed = handover::reveal(&app.control, &id, &new.unwrap(), None)
        .await
        .unwrap();
    assert_eq!(revealed.password.name, "app-2");
    // Both are good until the earlier one's end.
    let both = passwords(&app).await;
    assert_eq!(both.len(), 2);
    assert_eq!(both[0], first, "it is as it was");
    assert!(!both[0].expired(app.clock_now()) && both[1].expires_at > both[0].expires_at);
    assert_ne!(both[0].username, both[1].username);
    // The third sweeps the first away.
    app.clock.advance(DAY * 8);
    app.settle().await;
    let names: Vec<_> = passwords(&app).await.into_iter().map(|p| p.name).collect();
    assert_eq!(names, ["app-2", "app-3"]);
    assert_eq!(handovers(&app).await.len(), 2);
}

#[tokio::test]
async fn what_is_delivered_is_delivered_again_in_the_same_way() {
    let hook = json!({"webhook": {"url": "https://ci.example.com/x"}});
    let (app, _dir) = app(json!({
        "hook": {"ttl": "10d", "deliver": hook},
        "file": {"ttl": "10d", "deliver": {"file": {"format": "url"}}},
        "once": {"ttl": "10d", "rotate": false, "deliver": {"file": {"name": "once"}}},
        "ever": {"deliver": {"file": {"name": "ever"}}},
    }))
    .await;
    let files = app.world.credential_files();
    app.clock.advance(DAY * 9);
    app.settle().await;
    let sent = app.world.sent();
    assert_eq!(sent.len(), 2);
    assert_ne!(sent[0].header("webhook-id"), sent[1].header("webhook-id"));
    let body: Value = serde_json::from_str(&sent[1].body).unwrap();
    assert_eq!(body["data"]["generation"], 2);
    for ((name, text), (_, before)) in app.world.credential_files().iter().zip(&files) {
        assert_eq!(text != before, name.ends_with("-file.env"), "{name}");
    }
    let all = handovers(&app).await;
    assert!(
        all.iter()
            .all(|h| h.handover.state == HandoverState::Delivered),
        "{all:#?}"
    );
    assert_eq!(all.len(), 6);
}

/// A receiver that is not well gets the newest credential, never an older one after it.
#[tokio::test]
async fn what_did_not_arrive_is_not_sent_after_its_successor() {
    let hook = json!({"webhook": {"url": "https://ci.example.com/x"}});
    let (app, _dir) = app(json!({"other": {}})).await;
    app.world.answers(&[(500, "")]);
    let mut rule = only_rule(&app).await;
    rule["credentials"] = json!({"hook": {"ttl": "10d", "deliver": hook}});
    change(&app, rule).await;
    app.settle().await;
    app.clock.advance(DAY * 9);
    app.settle().await;
    let hooks = handovers(&app)
        .await
        .into_iter()
        .filter(|h| h.handover.credential == "hook");
    let states: Vec<_> = hooks
        .map(|h| (h.handover.generation, h.handover.state))
        .collect();
    assert_eq!(
        states,
        [(2, HandoverState::Pending), (1, HandoverState::Expired)]
    );
    let before = app.world.sent().len();
    app.world.answers(&[(200, "")]);
    app.clock.advance(Duration::from_secs(3_700));
    app.settle().await;
    let sent = app.world.sent();
    assert_eq!(sent.len(), before + 1);
    let body: Value = serde_json::from_str(&sent[before].body).unwrap();
    assert_eq!(body["data"]["generation"], 2);
}

async fn only_rule(app: &App) -> Value {
    let at = crate::planning::located(app).await;
    serde_json::to_value(&at.automation().rule).unwrap()
}

async fn change(app: &App, rule: Value) {
    let at = crate::planning::located(app).await;
    let change = offshoot_control::automation::AutomationChange {
        rule: Some(serde_json::from_value(rule).unwrap()),
        ..Default::default()
    };
    offshoot_control::automation::update(&app.control, &at, change)
        .await
        .unwrap();
}

#[tokio::test]
async fn nothing_is_replaced_once_the_iteration_is_over() {
    let (app, _dir) = app(json!({"app": {"ttl": "10d"}})).await;
    send(&app, &event(1, "Sprint 1", "ended", 2)).await.unwrap();
    app.settle().await;
    app.clock.advance(DAY * 30);
    app.settle().await;
    assert_eq!(handovers(&app).await.len(), 1);
    // It goes on: whoever works on it has a credential again.
    send(&app, &event(1, "Sprint 1", "started", 3))
        .await
        .unwrap();
    app.settle().await;
    let now = handovers(&app).await;
    assert_eq!(now.len(), 1, "what has expired is gone");
    assert_eq!(
        (now[0].handover.generation, now[0].link.is_some()),
        (2, true)
    );
}

#[tokio::test]
async fn a_credential_that_is_asked_for_again_is_another_one() {
    let (app, _dir) = app(json!({"app": {}})).await;
    let first = handovers(&app).await.remove(0);
    let second = again(&app, &first.handover.id.to_string()).await.unwrap();
    assert_eq!(second.handover.generation, 2);
    let (id, link) = (second.handover.id.to_string(), second.link.clone().unwrap());
    let revealed = handover::reveal(&app.control, &id, &link, None)
        .await
        .unwrap();
    assert_eq!(revealed.password.name, "app-2");
    // The link to the earlier one is no good; its password is.
    let (old, link) = (first.handover.id.to_string(), first.link.unwrap());
    let refused = handover::reveal(&app.control, &old, &link, None).await;
    assert_eq!(refused.unwrap_err().code, code::REVEALED);
    assert_eq!(passwords(&app).await.len(), 2);
    // An earlier one may be named, too: the newest is what it comes after.
    let third = again(&app, &old).await.unwrap();
    assert_eq!(third.handover.generation, 3);
    app.settle().await;
    assert_eq!(handovers(&app).await.len(), 3);
    for (id, part) in [
        ("nothing", "does not exist"),
        ("aaaaaaaaaaaa", "does not exist"),
    ] {
        let refused = again(&app, id).await.unwrap_err();
        assert!(refused.to_string().contains(part), "{refused}");
    }
    // Not in the rule any more, and then not even its branch.
    let mut rule = only_rule(&app).await;
    rule["credentials"] = json!({});
    change(&app, rule).await;
    let refused = again(&app, &old).await.unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("makes no credential app any more"),
        "{refused}"
    );
    let any = offshoot_control::revision::Expected::any();
    let at = app.at("sprint-1").await;
    offshoot_control::branch::delete(&app.control, &at, false, &any)
        .await
        .unwrap();
    let refused = again(&app, &old).await.unwrap_err();
    assert!(refused.to_string().contains("is gone"), "{refused}");
}

/// Somebody revoked it: it does not come back by itself.
#[tokio::test]
async fn a_password_that_was_deleted_has_no_successor() {
    let (app, _dir) = app(json!({"app": {"ttl": "10d"}})).await;
    let id = passwords(&app).await[0].id.to_string();
    let control = &app.control;
    let at = locate::password(
        control,
        app.caller(),
        "default",
        "shop",
        "sprint-1",
        &id,
        &[],
    )
    .await;
    let any = offshoot_control::revision::Expected::any();
    password::delete(control, &at.unwrap(), &any).await.unwrap();
    app.clock.advance(DAY * 9);
    app.settle().await;
    assert!(passwords(&app).await.is_empty());
}
