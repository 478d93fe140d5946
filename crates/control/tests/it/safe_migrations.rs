//! Safe migrations: who may have them, what the engine and the sessions are told, and that they outlive everything.

use crate::setup::{App, settings};
use offshoot_control::audit::{self, AuditQuery};
use offshoot_control::branch::{self, BranchChange, BranchView};
use offshoot_control::page::Page;
use offshoot_control::revision::Expected;
use offshoot_control::{import, locate};
use offshoot_core::Refusal;
use offshoot_core::branch::{QuotaState, SafeMigrations};
use offshoot_core::instance::Confined;
use offshoot_core::refusal::{Kind, code};
use std::time::Duration;

async fn set(app: &App, name: &str, on: bool) -> Result<BranchView, Refusal> {
    let at = app.at(name).await;
    // The log is in the order of time.
    app.clock.advance(Duration::from_millis(1));
    branch::set_safe_migrations(&app.control, &at, on, &Expected::any()).await
}

async fn lacks(app: &App, name: &str) -> (bool, bool) {
    let volume = app.at(name).await.branch().volume;
    let Confined { growth, ddl } = app.world.accounts_lack(volume);
    (growth, ddl)
}

async fn switches(app: &App) -> Vec<String> {
    let at = locate::organization(&app.control, app.caller(), "default", &[])
        .await
        .unwrap();
    let query = AuditQuery {
        limit: 100,
        ..AuditQuery::default()
    };
    let log = audit::list(&app.control, &at, &query).await.unwrap();
    let mut all: Vec<String> = log.events.into_iter().map(|e| e.action).collect();
    all.retain(|a| a.starts_with("branch.safe_migrations"));
    all.reverse();
    all
}

#[tokio::test]
async fn they_count_at_once_and_until_they_are_switched_off() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    app.create("one", None).await;
    app.settle().await;
    let main = app.at("main").await.branch().id;
    let view = set(&app, "main", true).await.unwrap();
    assert_eq!(view.branch.safe_migrations, SafeMigrations::On);
    assert_eq!(lacks(&app, "main").await, (false, true));
    assert_eq!(lacks(&app, "one").await, (false, false));
    let told = app.world.withheld(main).unwrap();
    for part in [
        "direct DDL is disabled",
        "\"main\"",
        "safe-migrations disable shop main",
        "OFS-1123",
    ] {
        assert!(told.contains(part), "{told}");
    }
    assert_eq!(app.world.renewed(), [(main, true)]);
    // Again: nothing happens.
    let before = view.branch.updated_at;
    let view = set(&app, "main", true).await.unwrap();
    assert_eq!(view.branch.updated_at, before);
    app.settle().await;
    assert_eq!(app.world.renewed(), [(main, true)]);

    // Filters see it.
    let at = locate::database(&app.control, app.caller(), "default", "shop", &[])
        .await
        .unwrap();
    for (on, name) in [(true, "main"), (false, "one")] {
        let filter = branch::BranchFilter {
            safe_migrations: Some(on),
            ..branch::BranchFilter::default()
        };
        let found = branch::list(&app.control, &at, &filter, Page::default())
            .await
            .unwrap();
        let names: Vec<&str> = found.items.iter().map(|v| v.branch.name.as_str()).collect();
        assert_eq!((names, found.total), (vec![name], 1));
    }

    // A branch of it is free, whatever it starts with.
    app.create("two", Some("main")).await;
    app.settle().await;
    assert_eq!(
        app.at("two").await.branch().safe_migrations,
        SafeMigrations::Off
    );
    assert_eq!(lacks(&app, "two").await, (false, false));

    // The server ends; its engine and its clients go as well, or the engine alone stays.
    for reboot in [false, true] {
        if reboot {
            app.world.reboot();
        }
        let next = App::open(&app.world, dir.path(), app.clock.clone(), settings()).await;
        next.settle().await;
        let row = next.store.read().await.unwrap().branch_by_id(main).await;
        let row = row.unwrap().unwrap();
        assert_eq!(row.safe_migrations, SafeMigrations::On);
        assert!(next.world.accounts_lack(row.volume).ddl);
        assert!(next.world.withheld(main).is_some());
    }
    assert_eq!(
        app.world.renewed(),
        [(main, true)],
        "nobody was disturbed again"
    );
}

#[tokio::test]
async fn switched_off_everything_is_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    app.settle().await;
    let main = app.at("main").await.branch().id;
    // They were never on.
    set(&app, "main", false).await.unwrap();
    assert_eq!(switches(&app).await, [""; 0]);
    set(&app, "main", true).await.unwrap();
    let view = set(&app, "main", false).await.unwrap();
    assert_eq!(view.branch.safe_migrations, SafeMigrations::Off);
    assert_eq!(lacks(&app, "main").await, (false, false));
    assert_eq!(app.world.withheld(main), None);
    // Who is in the middle of something may go on.
    assert_eq!(app.world.renewed(), [(main, true), (main, false)]);
    let both = ["enabled", "disabled"].map(|a| format!("branch.safe_migrations_{a}"));
    assert_eq!(switches(&app).await, both);
}

#[tokio::test]
async fn an_engine_that_does_not_listen_hears_it_later() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    app.settle().await;
    app.world.breaks("instances.confine");
    let view = set(&app, "main", true).await.unwrap();
    assert_eq!(view.branch.safe_migrations, SafeMigrations::Raising);
    app.world.mend();
    app.settle().await;
    assert_eq!(
        app.at("main").await.branch().safe_migrations,
        SafeMigrations::On
    );
    assert_eq!(lacks(&app, "main").await, (false, true));
}

#[tokio::test]
async fn who_cannot_have_them_hears_why() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    app.create("one", None).await;
    app.settle().await;
    let refused = set(&app, "one", true).await.unwrap_err();
    assert_eq!(
        (refused.kind, refused.code),
        (Kind::Unprocessable, code::SAFE_MIGRATIONS)
    );
    assert!(refused.hint.unwrap().contains("branch promote shop one"));
    set(&app, "one", false).await.unwrap();

    let volume = app.at("main").await.branch().volume;
    app.world
        .set_evasions(volume, &["procedure shop.a", "event shop.b"]);
    let refused = set(&app, "main", true).await.unwrap_err();
    assert_eq!(
        (refused.kind, refused.code),
        (Kind::Unprocessable, code::SAFE_MIGRATIONS)
    );
    assert!(
        refused.public.contains("procedure shop.a, event shop.b"),
        "{}",
        refused.public
    );
    assert_eq!(lacks(&app, "main").await, (false, false));
    assert_eq!(switches(&app).await, [""; 0]);
    app.world.set_evasions(volume, &[]);

    let stale = Expected::one_of(vec!["0".into()]);
    let at = app.at("main").await;
    let refused = branch::set_safe_migrations(&app.control, &at, true, &stale).await;
    assert_eq!(refused.unwrap_err().code, code::CHANGED);

    // What needs the schema changed, or another kind of branch, waits until they are off.
    branch::promote(&app.control, &app.at("one").await)
        .await
        .unwrap();
    app.settle().await;
    set(&app, "one", true).await.unwrap();
    let one = app.at("one").await;
    let refused = branch::demote(&app.control, &one).await.unwrap_err();
    assert_eq!(refused.code, code::SAFE_MIGRATIONS);
    let once = offshoot_control::once::Once::unnamed();
    let refused = import::open(&app.control, &one, None, &once)
        .await
        .unwrap_err();
    assert_eq!(refused.code, code::SAFE_MIGRATIONS);
    set(&app, "one", false).await.unwrap();
    branch::demote(&app.control, &one).await.unwrap();
    app.settle().await;
    assert_eq!(lacks(&app, "one").await, (false, false));
}

#[tokio::test]
async fn a_quota_and_safe_migrations_leave_each_other_alone() {
    const MIB: u64 = 1 << 20;
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    app.settle().await;
    let quota = async |bytes: u64| {
        let change = BranchChange {
            disk_quota: Some(Some(bytes)),
            ..BranchChange::default()
        };
        let at = app.at("main").await;
        branch::update(&app.control, &at, change).await.unwrap();
        app.settle().await;
    };
    let main = app.at("main").await;
    app.world.set_unique(main.branch().volume, 900 * MIB);
    for first in [true, false] {
        // Both on, in this order and the other.
        if first {
            quota(100 * MIB).await;
            set(&app, "main", true).await.unwrap();
        } else {
            set(&app, "main", true).await.unwrap();
            quota(100 * MIB).await;
        }
        assert_eq!(app.at("main").await.branch().quota, QuotaState::Over);
        assert_eq!(lacks(&app, "main").await, (true, true));
        // One off, and the other stays, in this order and the other.
        if first {
            quota(0).await;
            assert_eq!(lacks(&app, "main").await, (false, true));
            set(&app, "main", false).await.unwrap();
        } else {
            set(&app, "main", false).await.unwrap();
            assert_eq!(lacks(&app, "main").await, (true, false));
            quota(0).await;
        }
        app.clock.advance(Duration::from_secs(31));
        app.settle().await;
        assert_eq!(lacks(&app, "main").await, (false, false));
    }
}
