//! Backup policies: the one that every database has, and those that people make.

use crate::setup::{App, ENGINE, new_branch, settings};
use offshoot_control::backup::{self, NewBackup};
use offshoot_control::backup_policy;
use offshoot_control::branch::{self, SeedRequest};
use offshoot_control::locate::{self, LocatedPolicy};
use offshoot_control::once::{Asked, Once};
use offshoot_control::page::Page;
use offshoot_control::revision::{Expected, Revision};
use offshoot_control::{Settings, import};
use offshoot_core::backup::BackupState;
use offshoot_core::backup_policy::{BackupPolicy, PolicyChange, Retention, Target, Unit};
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

/// The policy of every database as it is by default: daily at 03:00, kept for two days.
fn daily() -> Settings {
    let mut settings = settings();
    settings.backups = offshoot_control::Backups::default();
    settings
}

/// From the beginning of the world until the daily policy is due.
const DUE: Duration = Duration::from_secs(20 * HOUR);
const HOUR: u64 = 3_600;

#[tokio::test]
async fn every_database_has_its_required_policy() {
    let dir = tempfile::tempdir().unwrap();
    let (world, clock) = (World::new(ENGINE), Arc::new(TestClock::default()));
    let app = App::open(&world, dir.path(), clock.clone(), daily()).await;
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
    let mut again = App::open(&world, dir.path(), clock, daily()).await;
    again.root = root;
    again.settle().await;
    let policies = all(&again).await;
    assert_eq!(policies.len(), 1);
    assert!(policies[0].required && policies[0].id != policy.id);
}

#[tokio::test]
async fn policies_are_made_changed_and_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), daily()).await;
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

#[tokio::test]
async fn a_due_policy_backs_up_its_branches_and_a_missed_run_is_made_up_for_once() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), daily()).await;
    app.create("one", None).await;
    app.settle().await;
    app.clock.advance(DUE);
    app.settle().await;
    let backups = app.backups().await;
    let [first] = backups.as_slice() else {
        panic!("{backups:?}");
    };
    assert_eq!(
        (&*first.branch_name, first.state),
        ("main", BackupState::Success)
    );
    let policy = all(&app).await.remove(0);
    assert_eq!((first.policy, first.required), (Some(policy.id), true));
    assert_eq!(
        first.expires_at,
        Some(policy.retention.end(first.created_at))
    );
    assert_eq!(policy.last_ran_at, Some(first.created_at));
    assert_eq!(policy.next_run_at, "2027-01-17T03:00:00Z".parse().unwrap());

    // Five runs are missed: one backup, and the ones whose time is over go.
    app.clock.advance(Duration::from_secs(5 * 24 * HOUR));
    app.settle().await;
    let backups = app.backups().await;
    assert_eq!(backups.len(), 1, "{backups:?}");
    assert_ne!(backups[0].id, first.id);
    let policy = all(&app).await.remove(0);
    assert_eq!(policy.next_run_at, "2027-01-22T03:00:00Z".parse().unwrap());
    app.whole().await.unwrap();
}

#[tokio::test]
async fn a_policys_backups_are_made_a_few_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), daily()).await;
    for name in ["one", "two", "three"] {
        app.create(name, None).await;
    }
    app.settle().await;
    let change = PolicyChange {
        target: Some(Target::Development),
        ..PolicyChange::default()
    };
    let database = app.database().await;
    backup_policy::create(&app.control, &database, &change, &Once::unnamed())
        .await
        .unwrap();
    app.clock.advance(DUE);
    for _ in 0..30 {
        app.control.settle(1).await;
        app.clock.advance(Duration::from_secs(1));
        let mut session = app.store.read().await.unwrap();
        assert!(session.policy_backups_under_way().await.unwrap() <= 1);
    }
    let backups = app.backups().await;
    let mut names: Vec<_> = backups.iter().map(|b| b.branch_name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["main", "one", "three", "two"]);
    assert!(backups.iter().all(|b| b.state == BackupState::Success));
    app.settle().await;
    assert_eq!(app.backups().await.len(), 4);
    app.whole().await.unwrap();
}

#[tokio::test]
async fn a_branch_under_import_has_its_backup_when_the_import_is_over() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), daily()).await;
    app.clock.advance(DUE - Duration::from_secs(HOUR));
    let ttl = Some(Duration::from_secs(3_600));
    let opened = import::open(&app.control, &app.at("main").await, ttl, &Once::unnamed())
        .await
        .unwrap();
    app.control.settle(3).await;
    app.clock.advance(Duration::from_secs(3_000));
    let id = opened.import.id.to_string();
    let at = locate::import(
        &app.control,
        app.caller(),
        "default",
        "shop",
        "main",
        &id,
        &[],
    )
    .await
    .unwrap();
    import::renew(&app.control, &at).await.unwrap();
    app.clock.advance(Duration::from_secs(1_000));
    app.control.settle(3).await;
    assert!(app.backups().await.is_empty());
    assert_eq!(all(&app).await[0].last_ran_at, None);
    import::complete(&app.control, &at).await.unwrap();
    app.settle().await;
    assert_eq!(app.backups().await.len(), 1);
    app.whole().await.unwrap();
}

#[tokio::test]
async fn a_backup_goes_when_its_time_is_over_and_nothing_speaks_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    let back_up = async |hours: u16| {
        app.clock.advance(Duration::from_secs(1));
        let new = NewBackup {
            name: None,
            retention: Some(Retention::new(hours, Unit::Hour)),
        };
        let at = app.at("main").await;
        let made = backup::create(&app.control, &at, new, &Once::unnamed())
            .await
            .unwrap();
        app.settle().await;
        made.backup.id
    };
    let left = async || -> Vec<_> { app.backups().await.iter().map(|b| b.id).collect() };
    let first = back_up(1).await;
    app.clock.advance(Duration::from_secs(3 * HOUR));
    app.settle().await;
    assert_eq!(
        left().await,
        [first],
        "the last good one of a production branch"
    );

    // A branch that was made of it keeps its data when it goes.
    let mut new = new_branch("restored", None);
    new.seed = SeedRequest::Backup(first);
    let database = app.database().await;
    branch::create(&app.control, &database, new, &Once::unnamed())
        .await
        .unwrap();
    app.settle().await;
    let second = back_up(24).await;
    app.settle().await;
    assert_eq!(left().await, [second]);
    assert_eq!(app.tables("restored").await, ["orders"]);

    let third = back_up(1).await;
    let id = third.to_string();
    let at = locate::backup(
        &app.control,
        app.caller(),
        "default",
        "shop",
        "main",
        &id,
        &[],
    )
    .await
    .unwrap();
    let change = backup::BackupChange {
        protected: Some(true),
        ..backup::BackupChange::default()
    };
    backup::update(&app.control, &at, change).await.unwrap();
    app.clock.advance(Duration::from_secs(100 * HOUR));
    app.settle().await;
    assert_eq!(left().await, [third], "it is protected, and the newest");
    app.whole().await.unwrap();
}
