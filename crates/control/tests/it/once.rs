//! Keyed requests over the end of a process, and over time.

use crate::setup::{App, ENGINE, new_branch, settings};
use offshoot_control::branch::{self, CreatedBranch};
use offshoot_control::once::{Asked, Once};
use offshoot_control::password::NewPassword;
use offshoot_core::Refusal;
use offshoot_core::password::Role;
use offshoot_core::port::Routes;
use offshoot_core::refusal::code;
use offshoot_testkit::fake::{TestClock, World};
use secrecy::ExposeSecret;
use std::sync::Arc;
use std::time::Duration;

const ASKED: Asked<'static> = Asked {
    method: "POST",
    path: "/branches",
    key: "k",
    body: b"body",
};

async fn create(app: &App) -> Result<CreatedBranch, Refusal> {
    let mut new = new_branch("new", None);
    new.password = Some(NewPassword {
        name: "ci".into(),
        role: Role::Admin,
        ttl: None,
        cidrs: Vec::new(),
    });
    let once = Once::begin(&app.control, app.caller(), ASKED).await?;
    branch::create(&app.control, &app.database().await, new, &once).await
}

#[tokio::test]
async fn a_request_whose_answer_died_with_the_process_made_its_branch_once() {
    let (world, dir) = (World::new(ENGINE), tempfile::tempdir().unwrap());
    let clock = Arc::new(TestClock::default());
    let first = App::open(&world, dir.path(), clock.clone(), settings()).await;
    first.shop().await;
    first.store.faults().kill_after(1);
    create(&first).await.unwrap_err();
    let root = first.root.clone();
    first.store.close().await;

    let mut app = App::open(&world, dir.path(), clock, settings()).await;
    app.root = root;
    let made = app.at("new").await.branch().id;
    let again = create(&app).await.unwrap();
    assert_eq!(again.branch.branch.id, made);
    let password = again.password.unwrap();
    app.settle().await;
    let credential = app.control.credential(&password.password.username).await;
    let secret = password.plain_text.unwrap();
    let right = credential.unwrap().unwrap();
    assert!(right.verifier.matches(secret.expose_secret().as_bytes()));
    app.whole().await.unwrap();
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    let made = create(&app).await.unwrap().branch.branch.id;
    app.clock.advance(Duration::from_secs(23 * 3600));
    app.settle().await;
    assert_eq!(create(&app).await.unwrap().branch.branch.id, made);
    app.clock.advance(Duration::from_secs(2 * 3600));
    assert_eq!(create(&app).await.unwrap_err().code, code::CONFLICT);
    app.settle().await;
    let other = Asked {
        body: b"other",
        ..ASKED
    };
    assert!(Once::begin(&app.control, app.caller(), other).await.is_ok());
}
