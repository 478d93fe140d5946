//! A process that runs on its own, with its timers.

use crate::setup::{App, new_branch, settings};
use offshoot_control::branch;
use offshoot_control::once::Once;
use offshoot_control::revision::Expected;
use offshoot_core::branch::BranchState;
use offshoot_core::port::{Clock, Routes, Traffic};
use offshoot_testkit::fake::World;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const LONG: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn branches_become_ready_and_crashed_engines_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    let stop = CancellationToken::new();
    let control = app.control.clone();
    let token = stop.clone();
    let run = tokio::spawn(async move { control.run(token).await });
    let at = app.database().await;
    let mut waiting = Vec::new();
    for n in 0..12 {
        let new = new_branch(&format!("b{n}"), None);
        let made = branch::create(&app.control, &at, new, &Once::unnamed())
            .await
            .unwrap();
        waiting.push(made.branch.branch.id);
    }
    for id in &waiting {
        branch::wait_ready(&app.control, *id, LONG).await.unwrap();
        app.control.open(*id).await.unwrap();
    }
    let b0 = app.at("b0").await;
    app.world.crash(b0.branch().instance, true);
    let alive = async {
        while !app.world.running().contains(&b0.branch().instance) {
            app.clock.advance(Duration::from_secs(1));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LONG, alive).await.unwrap();
    branch::wait_ready(&app.control, waiting[0], LONG)
        .await
        .unwrap();
    branch::delete(&app.control, &app.at("b1").await, false, &Expected::any())
        .await
        .unwrap();
    stop.cancel();
    run.await.unwrap();
    assert!(app.world.violations().is_empty());
}

/// Nobody waits for it, and it is begun all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_parent_that_was_worked_on_has_its_template_soon() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    let main = app.at("main").await.branch().id;
    let stop = CancellationToken::new();
    let (control, token) = (app.control.clone(), stop.clone());
    let run = tokio::spawn(async move { control.run(token).await });
    let traffic = Traffic {
        last_command: Some(app.clock.now()),
        ..Traffic::default()
    };
    app.world.set_traffic(main, traffic);
    // Half of the time that another process would leave it alone.
    let mut template = None;
    for _ in 0..30 {
        app.clock.advance(Duration::from_secs(1));
        tokio::time::sleep(Duration::from_millis(100)).await;
        let mut session = app.store.read().await.unwrap();
        template = session.schema_template(main).await.unwrap();
        if template.is_some() {
            break;
        }
    }
    assert!(template.is_some());
    stop.cancel();
    run.await.unwrap();
}

/// Each commit is an fsync while somebody waits: one to acknowledge, one to publish.
#[tokio::test(flavor = "multi_thread")]
async fn a_create_costs_two_commits_and_a_connection_none() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings();
    settings.limits.quiet = LONG;
    let app = App::fresh(dir.path(), settings).await;
    app.create("first", None).await;
    app.settle().await;
    let stop = CancellationToken::new();
    let control = app.control.clone();
    let token = stop.clone();
    let run = tokio::spawn(async move { control.run(token).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let at = app.database().await;
    let commits = app.store.faults().commits();
    let new = new_branch("second", None);
    let made = branch::create(&app.control, &at, new, &Once::unnamed())
        .await
        .unwrap();
    let id = made.branch.branch.id;
    branch::wait_ready(&app.control, id, LONG).await.unwrap();
    let endpoint = app.control.open(id).await.unwrap();
    assert_eq!(app.store.faults().commits() - commits, 2);
    assert_eq!(app.world.tables(endpoint.instance), ["orders"]);
    stop.cancel();
    run.await.unwrap();
}

#[tokio::test]
async fn living_engines_are_adopted_and_dead_development_branches_sleep() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    app.create("one", None).await;
    app.create("two", None).await;
    app.settle().await;
    let one = app.at("one").await;
    let two = app.at("two").await;
    let starts = app.world.starts();
    app.world.crash(two.branch().instance, false);
    let next = reopen(&app, dir.path()).await;
    next.settle().await;
    assert_eq!(next.world.starts(), starts);
    let shown = branch::show(&next.control, &one).await.unwrap();
    assert!(shown.ready);
    let shown = branch::show(&next.control, &two).await.unwrap();
    assert_eq!(shown.branch.state, BranchState::Sleeping);
    next.whole().await.unwrap();
}

#[tokio::test]
async fn after_a_reboot_production_runs_and_the_rest_sleeps() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    app.create("one", None).await;
    app.settle().await;
    let main = app.at("main").await;
    app.world.reboot();
    let next = reopen(&app, dir.path()).await;
    next.settle().await;
    assert!(next.world.running().contains(&main.branch().instance));
    let one = branch::show(&next.control, &app.at("one").await).await;
    assert_eq!(one.unwrap().branch.state, BranchState::Sleeping);
    next.whole().await.unwrap();
    assert!(World::violations(&next.world).is_empty());
}

async fn reopen(app: &App, dir: &std::path::Path) -> App {
    App::open(&app.world, dir, Arc::clone(&app.clock), settings()).await
}
