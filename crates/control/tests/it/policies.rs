//! Backup policies: the one that every database has, and those that people make.

use crate::setup::{App, ENGINE, settings};
use offshoot_control::backup_policy;
use offshoot_control::locate::{self, LocatedPolicy};
use offshoot_control::once::{Asked, Once};
use offshoot_control::page::Page;
use offshoot_control::revision::{Expected, Revision};
use offshoot_core::backup_policy::{BackupPolicy, PolicyChange, Target, Unit};
use offshoot_core::refusal::code;
use offshoot_testkit::fake::{TestClock, World};
use std::sync::Arc;
use std::time::Duration;

async fn all(app: &App) -> Vec<BackupPolicy> {
    let database = app.database().await;
    let listed = backup_policy::list(&app.control, &database, Page::default()).await;
    listed.unwrap().items
}

async fn located(app: &App, policy: &BackupPolicy) -> LocatedPolicy {
    let (caller, id) = (app.caller(), policy.id.to_string());
    locate::backup_policy(&app.control, caller, "default", "shop", &id, &[])
        .await
        .unwrap()
}

fn hourly() -> PolicyChange {
    PolicyChange {
        target: Some(Target::Development),
        frequency_value: Some(6),
        frequency_unit: Some(Unit::Hour),
        ..PolicyChange::default()
    }
}

#[tokio::test]
async fn every_database_has_its_required_policy() {
    let dir = tempfile::tempdir().unwrap();
    let (world, clock) = (World::new(ENGINE), Arc::new(TestClock::default()));
    let app = App::open(&world, dir.path(), clock.clone(), settings()).await;
    app.shop().await;
    let policies = all(&app).await;
    let [policy] = policies.as_slice() else {
        panic!("{policies:?}");
    };
    assert!(policy.required && policy.target.production());
    assert_eq!(policy.schedule.to_string(), "every day at 03:00");
    assert_eq!(policy.retention.to_string(), "2 days");
    assert!(policy.next_run_at > policy.created_at && policy.next_drill_at.is_some());

    let at = located(&app, policy).await;
    let refused = backup_policy::delete(&app.control, &at, &Expected::any()).await;
    assert_eq!(refused.unwrap_err().code, code::UNPROCESSABLE);

    // As a database of an earlier version: it gets one when the server starts.
    let mut tx = app.store.write().await.unwrap();
    tx.delete_backup_policy(policy.id).await.unwrap();
    tx.commit().await.unwrap();
    let root = app.root.clone();
    app.store.close().await;
    let mut again = App::open(&world, dir.path(), clock, settings()).await;
    again.root = root;
    again.settle().await;
    let policies = all(&again).await;
    assert_eq!(policies.len(), 1);
    assert!(policies[0].required && policies[0].id != policy.id);
}

#[tokio::test]
async fn policies_are_made_changed_and_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    let asked = Asked {
        method: "POST",
        path: "/backup-policies",
        key: "k",
        body: b"body",
    };
    let database = app.database().await;
    let make = async || {
        let once = Once::begin(&app.control, app.caller(), asked)
            .await
            .unwrap();
        backup_policy::create(&app.control, &database, &hourly(), &once)
            .await
            .unwrap()
    };
    let made = make().await;
    assert_eq!(made.name, "every 6 hours from 03:00");
    assert_eq!((made.required, made.drill), (false, None));
    assert_eq!(make().await.id, made.id, "the same key makes nothing new");
    assert_eq!(all(&app).await.len(), 2);

    app.clock.advance(Duration::from_secs(1));
    let at = located(&app, &made).await;
    let read = || Expected::one_of(vec![Revision::of_policy(&made).to_string()]);
    let longer = PolicyChange {
        retention_value: Some(9),
        ..PolicyChange::default()
    };
    let changed = backup_policy::update(&app.control, &at, &longer, &read())
        .await
        .unwrap();
    assert_eq!(changed.retention.to_string(), "9 days");
    assert_eq!(changed.next_run_at, made.next_run_at);
    let late = backup_policy::update(&app.control, &at, &longer, &read()).await;
    assert_eq!(late.unwrap_err().code, code::CHANGED);
    let late = backup_policy::delete(&app.control, &at, &read()).await;
    assert_eq!(late.unwrap_err().code, code::CHANGED);
    backup_policy::delete(&app.control, &at, &Expected::any())
        .await
        .unwrap();
    assert_eq!(all(&app).await.len(), 1);
    let gone = backup_policy::show(&app.control, &at).await.unwrap_err();
    assert_eq!(gone.code, code::NOT_FOUND);
}

#[tokio::test]
async fn a_database_has_only_so_many_policies() {
    let mut settings = settings();
    settings.limits.policies_per_database = 2;
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings).await;
    let database = app.database().await;
    let make =
        async || backup_policy::create(&app.control, &database, &hourly(), &Once::unnamed()).await;
    make().await.unwrap();
    assert_eq!(make().await.unwrap_err().code, code::TOO_MANY);
}
