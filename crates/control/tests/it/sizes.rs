//! Sizes: what an engine is started with, and when.

use crate::setup::{App, new_branch, settings};
use offshoot_control::once::Once;
use offshoot_control::{branch, import, keyspace, size};
use offshoot_core::branch::BranchState;
use offshoot_core::id::InstanceId;
use offshoot_core::refusal::{Kind, code};
use offshoot_core::size::{Allowance, Size};
use std::time::Duration;

const GIB: u64 = 1 << 30;

fn of(size: Size) -> Allowance {
    Allowance {
        memory: Some(size.memory()),
        cpu: Some(size.cpu()),
        pool: Some(size.memory() / 8 * 3),
    }
}

async fn allowed(app: &App, branch: &str) -> Allowance {
    let instance: InstanceId = app.at(branch).await.branch().instance;
    app.world.allowance(instance)
}

#[tokio::test]
async fn a_resized_engine_is_started_anew_with_what_its_size_gives() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    app.create("one", None).await;
    app.settle().await;
    assert_eq!(allowed(&app, "one").await, Allowance::default());
    let one = app.at("one").await;
    let starts = app.world.starts();
    let view = branch::resize(&app.control, &one, "PS-20").await.unwrap();
    assert_eq!(view.branch.size, Some(Size::Ps20));
    let resize = view.resize.unwrap();
    assert_eq!((&*resize.from, &*resize.to), ("PS_DEV", "PS_20"));
    assert_eq!(
        resize.completed_at, None,
        "its engine has not been started yet"
    );
    let shown = keyspace::show(&app.control, &one, "shop").await.unwrap();
    assert!(shown.resizing && shown.size == "PS_20");
    // Another one has to wait for it.
    let refused = branch::resize(&app.control, &one, "PS_10").await;
    assert_eq!(refused.unwrap_err().kind, Kind::Conflict);
    app.settle().await;
    assert_eq!(app.world.starts(), starts + 1);
    assert_eq!(allowed(&app, "one").await, of(Size::Ps20));
    let view = branch::show(&app.control, &one).await.unwrap();
    assert!(view.resize.unwrap().completed_at.is_some());

    // The same size again changes nothing.
    let view = branch::resize(&app.control, &one, "ps_20").await.unwrap();
    assert!(view.resize.unwrap().completed_at.is_some());
    app.settle().await;
    assert_eq!(app.world.starts(), starts + 1);
    // It goes back to what it had of itself.
    branch::resize(&app.control, &one, "PS_DEV").await.unwrap();
    app.settle().await;
    assert_eq!(allowed(&app, "one").await, Allowance::default());
    app.whole().await.unwrap();
}

#[tokio::test]
async fn a_size_outlives_sleep_promotion_and_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    app.create("one", None).await;
    app.settle().await;
    let one = app.at("one").await;
    branch::sleep(&app.control, &one).await.unwrap();
    let view = branch::resize(&app.control, &one, "PS_40").await.unwrap();
    assert_eq!(
        view.branch.state,
        BranchState::Sleeping,
        "nobody woke it for that"
    );
    assert!(view.resize.unwrap().completed_at.is_some());
    branch::wake(&app.control, &one).await.unwrap();
    assert_eq!(allowed(&app, "one").await, of(Size::Ps40));
    branch::promote(&app.control, &one).await.unwrap();
    app.settle().await;
    assert_eq!(allowed(&app, "one").await, of(Size::Ps40));
    app.world.reboot();
    let next = App::open(&app.world, dir.path(), app.clock.clone(), settings()).await;
    next.settle().await;
    assert_eq!(next.world.allowance(one.branch().instance), of(Size::Ps40));
    next.whole().await.unwrap();
}

#[tokio::test]
async fn a_branch_can_be_made_with_a_size_also_where_a_warm_engine_waits() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    app.create("first", None).await;
    app.settle().await;
    let mut new = new_branch("one", None);
    new.size = Some(Size::Ps10);
    let at = app.database().await;
    branch::create(&app.control, &at, new, &Once::unnamed())
        .await
        .unwrap();
    app.settle().await;
    assert_eq!(allowed(&app, "one").await, of(Size::Ps10));
    // A branch of it has what branches have of themselves.
    app.create("two", Some("one")).await;
    app.settle().await;
    assert_eq!(allowed(&app, "two").await, Allowance::default());
    app.whole().await.unwrap();
}

#[tokio::test]
async fn what_does_not_fit_is_refused_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings();
    settings.memory_budget = 5 * GIB;
    settings.memory_limit = Some(2 * GIB);
    let app = App::fresh(dir.path(), settings).await;
    app.create("one", None).await;
    app.settle().await;
    let (one, main) = (app.at("one").await, app.at("main").await);
    for (at, wanted) in [
        (&one, "PS_40"),
        (&main, "PS_80"),
        (&main, "PS_DEV"),
        (&one, "PS_MACHINE"),
        (&one, "PS_11"),
    ] {
        let refused = branch::resize(&app.control, at, wanted).await.unwrap_err();
        assert_eq!(refused.kind, Kind::Unprocessable, "{wanted}");
    }
    let mut new = new_branch("two", None);
    new.size = Some(Size::Ps40);
    let at = app.database().await;
    let refused = branch::create(&app.control, &at, new, &Once::unnamed()).await;
    assert_eq!(refused.unwrap_err().kind, Kind::Unprocessable);
    let ttl = Some(Duration::from_secs(600));
    import::open(&app.control, &one, ttl, &Once::unnamed())
        .await
        .unwrap();
    let refused = branch::resize(&app.control, &one, "PS_10").await;
    assert_eq!(refused.unwrap_err().code, code::IMPORT);
    let view = branch::show(&app.control, &one).await.unwrap();
    assert_eq!((view.branch.size, view.resize), (None, None));

    let enabled = |production| -> Vec<&str> {
        let all = size::list(&app.control, production).into_iter();
        all.filter(|s| s.enabled).map(|s| s.name).collect()
    };
    assert_eq!(enabled(Some(false)), ["PS_DEV", "PS_10", "PS_20"]);
    assert_eq!(
        enabled(Some(true)),
        ["PS_MACHINE", "PS_10", "PS_20", "PS_40"]
    );
}

/// An engine of a size counts with its pool, so fewer fit into the budget.
#[tokio::test]
async fn a_larger_engine_needs_more_of_the_budget() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings();
    // Production, a development branch, and no other of PS_20.
    settings.memory_budget = 2 * GIB + (200 << 20);
    settings.warm_instances = 0;
    let app = App::fresh(dir.path(), settings).await;
    app.create("one", None).await;
    app.create("two", None).await;
    app.settle().await;
    let (one, two) = (app.at("one").await, app.at("two").await);
    branch::sleep(&app.control, &one).await.unwrap();
    branch::sleep(&app.control, &two).await.unwrap();
    for at in [&one, &two] {
        branch::resize(&app.control, at, "PS_20").await.unwrap();
    }
    branch::wake(&app.control, &one).await.unwrap();
    app.world.set_traffic(
        one.branch().id,
        offshoot_core::port::Traffic {
            last_command: Some(app.clock_now()),
            ..Default::default()
        },
    );
    let refused = branch::wake(&app.control, &two).await.unwrap_err();
    assert_eq!(refused.code, code::MEMORY_BUDGET);
}
