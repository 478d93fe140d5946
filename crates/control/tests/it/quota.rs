//! What a branch may take: disk quota, pool reserve, disk budget.

use crate::setup::{App, new_branch, settings};
use offshoot_control::audit::{self, AuditQuery};
use offshoot_control::branch::{self, BranchChange};
use offshoot_control::locate;
use offshoot_control::once::Once;
use offshoot_core::branch::QuotaState;
use offshoot_core::refusal::code;
use std::time::Duration;

const MIB: u64 = 1 << 20;

async fn quota(app: &App, name: &str, quota: Option<u64>) {
    let change = BranchChange {
        disk_quota: Some(quota),
        ..BranchChange::default()
    };
    let at = app.at(name).await;
    // The log is in the order of time.
    app.clock.advance(Duration::from_millis(1));
    branch::update(&app.control, &at, change).await.unwrap();
}

/// Takes so much, is looked at, and stands so.
async fn takes(app: &App, name: &str, mib: u64, expected: QuotaState) {
    let at = app.at(name).await;
    app.world.set_unique(at.branch().volume, mib * MIB);
    app.clock.advance(Duration::from_secs(31));
    app.control.settle(2).await;
    let now = app.at(name).await;
    assert_eq!(now.branch().quota, expected, "{name} with {mib} MiB");
    let confined = expected == QuotaState::Over;
    assert_eq!(app.world.confined(now.branch().volume), confined, "{name}");
    let told = app.world.explained(now.branch().id);
    assert_eq!(told.is_some(), confined, "{told:?}");
}

async fn actions(app: &App) -> Vec<String> {
    let at = locate::organization(&app.control, app.caller(), "default", &[])
        .await
        .unwrap();
    let query = AuditQuery {
        limit: 100,
        ..AuditQuery::default()
    };
    let log = audit::list(&app.control, &at, &query).await.unwrap();
    let mut all: Vec<String> = log.events.into_iter().map(|e| e.action).collect();
    all.retain(|a| a.starts_with("branch.quota"));
    all.reverse();
    all
}

#[tokio::test]
async fn a_branch_stops_growing_at_its_quota_and_others_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    let id = app.create("one", None).await;
    app.create("other", None).await;
    app.settle().await;
    quota(&app, "one", Some(1000 * MIB)).await;
    takes(&app, "one", 500, QuotaState::Free).await;
    takes(&app, "one", 910, QuotaState::Near).await;
    takes(&app, "one", 870, QuotaState::Near).await;
    assert!(app.world.ended().is_empty());
    takes(&app, "one", 1010, QuotaState::Over).await;
    let told = app.world.explained(id).unwrap();
    for part in [
        "\"one\"",
        "1010 of 1000 MiB",
        "update shop one --disk-quota",
        "OFS-1205",
    ] {
        assert!(told.contains(part), "{told}");
    }
    assert_eq!(app.world.ended(), [id], "its writers were ended once");
    let view = branch::show(&app.control, &app.at("one").await)
        .await
        .unwrap();
    assert_eq!(view.disk_used, Some(1010 * MIB));
    takes(&app, "one", 970, QuotaState::Over).await;
    takes(&app, "other", 5000, QuotaState::Free).await;

    // It sleeps and wakes, and is what it was.
    let at = app.at("one").await;
    branch::sleep(&app.control, &at).await.unwrap();
    branch::wake(&app.control, &at).await.unwrap();
    takes(&app, "one", 970, QuotaState::Over).await;
    assert_eq!(app.world.ended(), [id], "whoever woke it stays");

    takes(&app, "one", 100, QuotaState::Free).await;
    takes(&app, "one", 1001, QuotaState::Over).await;
    quota(&app, "one", Some(1010 * MIB)).await;
    assert_eq!(app.at("one").await.branch().quota, QuotaState::Near);
    takes(&app, "one", 1020, QuotaState::Over).await;
    quota(&app, "one", Some(0)).await;
    takes(&app, "one", 5000, QuotaState::Free).await;
    let [neared, exceeded, lifted] =
        ["neared", "exceeded", "lifted"].map(|a| format!("branch.quota_{a}"));
    let round = [exceeded, lifted];
    let expected: Vec<String> = std::iter::once(neared)
        .chain(round.iter().cycle().take(6).cloned())
        .collect();
    assert_eq!(actions(&app).await, expected);
    app.whole().await.unwrap();
}

#[tokio::test]
async fn a_quota_that_is_raised_in_its_sleep_holds_from_the_first_command_on() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    app.create("one", None).await;
    app.settle().await;
    quota(&app, "one", Some(100 * MIB)).await;
    takes(&app, "one", 200, QuotaState::Over).await;
    let at = app.at("one").await;
    branch::sleep(&app.control, &at).await.unwrap();
    quota(&app, "one", None).await;
    assert!(app.world.confined(at.branch().volume));
    branch::wake(&app.control, &at).await.unwrap();
    assert!(!app.world.confined(at.branch().volume));
    assert_eq!(app.at("one").await.branch().quota, QuotaState::Free);
}

#[tokio::test]
async fn the_default_quota_is_for_development_branches_and_a_reset_frees() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings();
    settings.disk_quota = Some(100 * MIB);
    let app = App::fresh(dir.path(), settings).await;
    app.create("one", None).await;
    app.settle().await;
    takes(&app, "main", 5000, QuotaState::Free).await;
    takes(&app, "one", 200, QuotaState::Over).await;
    branch::reset(&app.control, &app.at("one").await, None)
        .await
        .unwrap();
    app.settle().await;
    takes(&app, "one", 10, QuotaState::Free).await;
    app.whole().await.unwrap();
}

#[tokio::test]
async fn limits_that_make_no_sense_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    for (connections, quota, field) in [
        (Some(0), None, "max_connections"),
        (Some(1001), None, "max_connections"),
        (None, Some(1), "disk_quota_bytes"),
    ] {
        let mut new = new_branch("new", None);
        (new.max_connections, new.disk_quota) = (connections, quota);
        let refusal =
            branch::create(&app.control, &app.database().await, new, &Once::unnamed()).await;
        assert_eq!(refusal.unwrap_err().field, Some(field));
        let change = BranchChange {
            max_connections: Some(connections),
            disk_quota: Some(quota),
            ..BranchChange::default()
        };
        let refusal = branch::update(&app.control, &app.at("main").await, change).await;
        assert_eq!(refusal.unwrap_err().field, Some(field));
    }
}

#[tokio::test]
async fn reserve_and_budget_keep_new_branches_out() {
    for (reserve, budget, expected) in [
        (2 << 30, None, code::DISK_FULL),
        (0, Some(MIB), code::DISK_BUDGET),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let mut settings = settings();
        settings.pool_reserve = reserve;
        settings.disk_budget = budget;
        let app = App::open(
            &offshoot_testkit::fake::World::new(crate::setup::ENGINE),
            dir.path(),
            std::sync::Arc::default(),
            settings,
        )
        .await;
        if budget.is_some() {
            app.shop().await;
            let at = app.database().await;
            let refused =
                branch::create(&app.control, &at, new_branch("new", None), &Once::unnamed()).await;
            assert_eq!(refused.unwrap_err().code, expected);
        } else {
            let at = locate::organization(&app.control, app.caller(), "default", &[])
                .await
                .unwrap();
            let new = offshoot_control::database::NewDatabase {
                name: offshoot_core::name::DatabaseName::parse("shop").unwrap(),
                engine: None,
                default_branch: None,
                deletion_protected: false,
                size: None,
                password: None,
            };
            let refused =
                offshoot_control::database::create(&app.control, &at, new, &Once::unnamed()).await;
            assert_eq!(refused.unwrap_err().code, expected);
        }
    }
}
