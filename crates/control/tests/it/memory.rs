//! The memory budget.

use crate::setup::{App, settings};
use offshoot_control::branch;
use offshoot_core::branch::BranchState;
use offshoot_core::port::{Routes, Traffic};
use offshoot_core::refusal::code;
use std::time::Duration;

const MIB: u64 = 1 << 20;

#[tokio::test]
async fn a_wake_puts_the_longest_idle_branch_to_sleep_and_is_refused_when_none_is() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings();
    settings.warm_instances = 0;
    // One production engine, one development engine.
    settings.memory_budget = 800 * MIB;
    let never = settings.sleep_after;
    assert!(never.is_zero());
    let app = App::fresh(dir.path(), settings).await;
    let one = app.create("one", None).await;
    app.settle().await;
    branch::sleep(&app.control, &app.at("one").await)
        .await
        .unwrap();
    let two = app.create("two", None).await;
    app.settle().await;
    app.clock.advance(Duration::from_secs(60));
    app.control.open(one).await.unwrap();
    let state = app.at("two").await.branch().state;
    assert_eq!(state, BranchState::Sleeping);
    app.world.set_busy(true);
    app.clock.advance(Duration::from_secs(60));
    app.world.set_traffic(one, Traffic::default());
    let refused = app.control.open(two).await.unwrap_err();
    assert_eq!(refused.code, code::MEMORY_BUDGET);
    app.world.set_busy(false);
    app.control.open(two).await.unwrap();
    app.settle().await;
    app.whole().await.unwrap();
}
