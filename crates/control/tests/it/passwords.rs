//! Passwords, as clients and the gateway see them.

use crate::setup::{App, settings};
use offshoot_control::once::Once;
use offshoot_control::page::Page;
use offshoot_control::password::{self, NewPassword, PasswordFilter, PasswordStatus, PasswordView};
use offshoot_control::revision::Expected;
use offshoot_control::{branch, locate};
use offshoot_core::password::Role;
use offshoot_core::port::{AuthFailure, Routes};
use offshoot_core::refusal::code;
use secrecy::ExposeSecret;
use std::time::Duration;

fn new(name: &str, ttl: Option<Duration>) -> NewPassword {
    NewPassword {
        name: name.to_owned(),
        role: Role::Readwriter,
        ttl,
        cidrs: Vec::new(),
    }
}

async fn located(app: &App, view: &PasswordView) -> locate::LocatedPassword {
    let id = view.password.id.to_string();
    locate::password(
        &app.control,
        app.caller(),
        "default",
        "shop",
        "main",
        &id,
        &[],
    )
    .await
    .unwrap()
}

#[tokio::test]
async fn a_password_is_shown_once_and_verifies_at_the_gateway() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    let main = app.at("main").await;
    let made = password::create(&app.control, &main, new("ci", None), &Once::unnamed())
        .await
        .unwrap();
    let secret = made.plain_text.clone().unwrap();
    let found = app
        .control
        .credential(&made.password.username)
        .await
        .unwrap()
        .unwrap();
    assert!(found.verifier.matches(secret.expose_secret().as_bytes()));
    assert_eq!(found.branch, main.branch().id);
    let shown = password::show(&app.control, &located(&app, &made).await)
        .await
        .unwrap();
    assert!(shown.plain_text.is_none());
    let clash = password::create(&app.control, &main, new("ci", None), &Once::unnamed()).await;
    assert_eq!(clash.unwrap_err().code, code::CONFLICT);
    assert!(app.control.credential("nobody").await.unwrap().is_none());
    assert_eq!(
        app.control.open(found.branch).await.unwrap().instance,
        main.branch().instance
    );
}

#[tokio::test]
async fn deletion_and_expiry_end_sessions() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    let main = app.at("main").await;
    let hour = Some(Duration::from_secs(3600));
    let kept = password::create(&app.control, &main, new("a", hour), &Once::unnamed())
        .await
        .unwrap();
    let gone = password::create(&app.control, &main, new("b", None), &Once::unnamed())
        .await
        .unwrap();
    password::delete(&app.control, &located(&app, &gone).await, &Expected::any())
        .await
        .unwrap();
    let lookup = app.control.credential(&gone.password.username).await;
    assert!(lookup.unwrap().is_none());
    assert_eq!(app.world.closed_passwords(), [gone.password.id]);
    app.clock.advance(Duration::from_secs(3600));
    app.settle().await;
    assert_eq!(
        app.world.closed_passwords(),
        [gone.password.id, kept.password.id]
    );
    let expired = PasswordFilter {
        status: Some(PasswordStatus::Expired),
        ..PasswordFilter::default()
    };
    let list = password::list(&app.control, &main, &expired, Page::default()).await;
    assert_eq!(list.unwrap().total, 1);
    let renewed = password::renew(&app.control, &located(&app, &kept).await)
        .await
        .unwrap();
    assert!(!renewed.expired);
    assert!(renewed.plain_text.is_some());
    assert_eq!(renewed.password.username, kept.password.username);
    let forever = password::create(&app.control, &main, new("c", None), &Once::unnamed())
        .await
        .unwrap();
    let refused = password::renew(&app.control, &located(&app, &forever).await).await;
    assert_eq!(refused.unwrap_err().code, code::UNPROCESSABLE);
}

#[tokio::test]
async fn credentials_of_a_deleted_branch_are_nobodys_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    app.create("one", None).await;
    app.settle().await;
    let one = app.at("one").await;
    let made = password::create(&app.control, &one, new("", None), &Once::unnamed())
        .await
        .unwrap();
    branch::delete(&app.control, &one, false, &Expected::any())
        .await
        .unwrap();
    let lookup = app.control.credential(&made.password.username).await;
    assert!(lookup.unwrap().is_none());
    app.settle().await;
    app.whole().await.unwrap();
}

#[tokio::test]
async fn uses_and_refusals_are_recorded_in_batches() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    let main = app.at("main").await;
    let made = password::create(&app.control, &main, new("ci", None), &Once::unnamed())
        .await
        .unwrap();
    let from = "192.0.2.7".parse().unwrap();
    let id = made.password.id;
    app.control.used(id, made.password.created_at);
    for _ in 0..100 {
        app.control
            .refused(Some(id), "x", from, AuthFailure::WrongSecret);
        app.control
            .refused(None, "nobody", from, AuthFailure::UnknownUser);
    }
    let commits = app.store.faults().commits();
    app.control.settle(1).await;
    assert!(app.store.faults().commits() - commits < 10);
    let shown = password::show(&app.control, &located(&app, &made).await)
        .await
        .unwrap();
    assert!(shown.password.last_used_at.is_some());
    let (_, why) = shown.password.last_refused.unwrap();
    assert_eq!(why, "wrong secret from 192.0.2.7");
    let query = offshoot_control::audit::AuditQuery {
        actions: vec!["password.refused".to_owned()],
        limit: 10,
        ..Default::default()
    };
    let at = locate::organization(&app.control, app.caller(), "default", &[])
        .await
        .unwrap();
    let log = offshoot_control::audit::list(&app.control, &at, &query)
        .await
        .unwrap();
    assert_eq!(log.events.len(), 2);
    assert!(log.events.iter().all(|e| e.metadata["times"] == "100"));
}
