//! Sleep and wake.

use crate::setup::{App, new_branch, settings};
use offshoot_control::branch::{self, BranchChange};
use offshoot_control::once::Once;
use offshoot_core::branch::BranchState;
use offshoot_core::port::Routes;
use offshoot_core::refusal::code;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn a_branch_sleeps_and_wakes_on_connect() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    let id = app.create("one", None).await;
    app.settle().await;
    let view = branch::sleep(&app.control, &app.at("one").await)
        .await
        .unwrap();
    assert_eq!(view.branch.state, BranchState::Sleeping);
    assert!(!view.ready);
    app.settle().await;
    app.whole().await.unwrap();
    let endpoint = app.control.open(id).await.unwrap();
    assert!(app.world.running().contains(&endpoint.instance));
    assert_eq!(app.tables("one").await, ["orders"]);
    app.settle().await;
    app.whole().await.unwrap();
    assert!(app.world.violations().is_empty());
}

#[tokio::test]
async fn a_busy_branch_and_a_production_branch_stay_awake() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    app.create("one", None).await;
    app.settle().await;
    app.world.set_busy(true);
    let refused = branch::sleep(&app.control, &app.at("one").await).await;
    assert_eq!(refused.unwrap_err().code, code::CONFLICT);
    app.world.set_busy(false);
    let refused = branch::sleep(&app.control, &app.at("main").await).await;
    assert_eq!(refused.unwrap_err().code, code::PRODUCTION);
}

#[tokio::test]
async fn a_branch_whose_last_client_has_just_gone_sleeps() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    app.create("one", None).await;
    app.settle().await;
    app.world.set_busy(true);
    let at = app.at("one").await;
    let (slept, ()) = tokio::join!(branch::sleep(&app.control, &at), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        app.world.set_busy(false);
    });
    assert_eq!(slept.unwrap().branch.state, BranchState::Sleeping);
}

#[tokio::test]
async fn a_sleeping_parent_is_not_woken_for_a_child_of_its_template() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    app.create("parent", None).await;
    app.settle().await;
    app.create("first", Some("parent")).await;
    app.settle().await;
    let parent = app.at("parent").await;
    branch::sleep(&app.control, &parent).await.unwrap();
    app.create("second", Some("parent")).await;
    app.settle().await;
    assert_eq!(app.tables("second").await, ["orders"]);
    assert!(!app.world.running().contains(&parent.branch().instance));
    app.whole().await.unwrap();
}

#[tokio::test]
async fn a_parent_that_changed_before_it_slept_is_followed() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    app.create("parent", None).await;
    app.settle().await;
    app.create("first", Some("parent")).await;
    app.settle().await;
    let parent = app.at("parent").await;
    app.world.put_table(
        parent.branch().instance,
        "shop",
        "late",
        "CREATE TABLE late",
    );
    branch::sleep(&app.control, &parent).await.unwrap();
    app.create("second", Some("parent")).await;
    app.settle().await;
    assert_eq!(app.tables("second").await, ["late", "orders"]);
    app.whole().await.unwrap();
}

#[tokio::test]
async fn events_of_a_development_branch_run_when_they_are_switched_on() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    app.create("quiet", None).await;
    app.settle().await;
    let database = app.database().await;
    let mut new = new_branch("busy", None);
    new.event_scheduler = true;
    branch::create(&app.control, &database, new, &Once::unnamed())
        .await
        .unwrap();
    app.settle().await;
    let (quiet, busy) = (app.at("quiet").await, app.at("busy").await);
    assert!(!app.world.events_run(quiet.branch().instance));
    assert!(app.world.events_run(busy.branch().instance));
    let on = BranchChange {
        event_scheduler: Some(true),
        ..BranchChange::default()
    };
    branch::update(&app.control, &quiet, on).await.unwrap();
    branch::sleep(&app.control, &quiet).await.unwrap();
    branch::wake(&app.control, &quiet).await.unwrap();
    assert!(app.world.events_run(quiet.branch().instance));
    app.whole().await.unwrap();
}

/// Time passes; engines that failed may be tried again.
async fn passes(app: &App) {
    loop {
        tokio::time::sleep(Duration::from_millis(5)).await;
        app.clock.advance(Duration::from_millis(50));
    }
}

#[tokio::test]
async fn a_client_that_comes_a_moment_after_a_crash_gets_its_connection() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    let id = app.create("one", None).await;
    app.settle().await;
    let instance = app.at("one").await.branch().instance;
    let stop = CancellationToken::new();
    let run = tokio::spawn({
        let (control, stop) = (app.control.clone(), stop.clone());
        async move { control.run(stop).await }
    });
    app.world.crash(instance, true);
    while branch::show(&app.control, &app.at("one").await)
        .await
        .unwrap()
        .ready
    {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let opened = tokio::select! {
        opened = app.control.open(id) => opened,
        () = passes(&app) => unreachable!(),
    };
    assert_eq!(opened.unwrap().instance, instance);
    stop.cancel();
    run.await.unwrap();
    assert!(app.world.violations().is_empty());
}

#[tokio::test]
async fn an_engine_that_fails_again_and_again_is_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    let id = app.create("one", None).await;
    app.settle().await;
    branch::sleep(&app.control, &app.at("one").await)
        .await
        .unwrap();
    let tries = || {
        let calls = 1..=app.world.calls();
        calls
            .filter(|n| app.world.call(*n) == "instances.start")
            .count()
    };
    let before = tries();
    app.world.breaks("instances.start");
    let refused = tokio::select! {
        opened = app.control.open(id) => opened.unwrap_err(),
        () = passes(&app) => unreachable!(),
    };
    assert!(refused.public.contains("instances.start"), "{refused}");
    assert_eq!(tries() - before, 3);
    // Nor do those who come next wait, or start it before its time.
    let refused = app.control.open(id).await.unwrap_err();
    assert_eq!(refused.code, code::ENGINE_START);
    assert_eq!(tries() - before, 3);
    app.world.mend();
    app.clock.advance(Duration::from_secs(31));
    app.control.open(id).await.unwrap();
}
