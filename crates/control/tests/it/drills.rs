//! Restore drills: what they find, when they begin, and what hangs on their results.

use crate::setup::{App, new_branch, settings};
use offshoot_control::audit::{self, AuditQuery};
use offshoot_control::backup;
use offshoot_control::branch::{self, SeedRequest};
use offshoot_control::drill;
use offshoot_control::once::{Asked, Once};
use offshoot_control::revision::Expected;
use offshoot_control::{Settings, locate};
use offshoot_core::backup_policy::{Every, Unit};
use offshoot_core::drill::{Drill, DrillState};
use offshoot_core::port::Clock;
use offshoot_core::refusal::code;
use std::time::Duration;

const HOUR: u64 = 3_600;
/// From the beginning of the world, a Friday morning, until the weekly drill is due.
const DUE: Duration = Duration::from_secs(48 * HOUR);

/// Drills every week, no backups by themselves.
fn weekly() -> Settings {
    let mut settings = settings();
    settings.backups.drill = Some(Every::new(1, Unit::Week));
    settings
}

async fn begin(app: &App) -> Drill {
    let at = app.backup().await;
    drill::create(&app.control, &at, &Once::unnamed())
        .await
        .unwrap()
}

/// Actions on drills in the audit log, by name: several may be of one moment.
async fn actions(app: &App) -> Vec<String> {
    let at = locate::organization(&app.control, app.caller(), "default", &[]).await;
    let query = AuditQuery {
        limit: 100,
        ..AuditQuery::default()
    };
    let slice = audit::list(&app.control, &at.unwrap(), &query).await;
    let events = slice.unwrap().events.into_iter();
    let actions = events.map(|e| e.action);
    let mut actions: Vec<String> = actions.filter(|a| a.starts_with("drill.")).collect();
    actions.sort_unstable();
    actions
}

#[tokio::test]
async fn a_backup_is_restored_compared_and_thrown_away() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    app.back_up("main").await;
    app.settle().await;
    let asked = Asked {
        method: "POST",
        path: "/drills",
        key: "k",
        body: b"{}",
    };
    let once = Once::begin(&app.control, app.caller(), asked).await;
    let at = app.backup().await;
    let made = drill::create(&app.control, &at, &once.unwrap())
        .await
        .unwrap();
    assert_eq!(made.state, DrillState::Pending);
    let again = Once::begin(&app.control, app.caller(), asked).await;
    let again = drill::create(&app.control, &at, &again.unwrap()).await;
    assert_eq!(again.unwrap().id, made.id, "the same key makes nothing new");
    let twin = drill::create(&app.control, &at, &Once::unnamed()).await;
    assert_eq!(twin.unwrap_err().code, code::CONFLICT);

    app.settle().await;
    let drills = app.drills().await;
    let [ended] = drills.as_slice() else {
        panic!("{drills:?}");
    };
    assert_eq!(ended.state, DrillState::Success, "{ended:?}");
    assert_eq!(ended.outcome.found.as_ref(), Some(&ended.expected));
    assert!(ended.outcome.restored_in.is_some() && ended.started_at.is_some());
    let backup = app.backups().await.remove(0);
    let said = backup.drilled.clone().unwrap();
    assert_eq!((said.drill, said.state), (made.id, DrillState::Success));
    assert!(backup.good());
    let view = branch::show(&app.control, &app.at("main").await).await;
    assert_eq!(view.unwrap().drilled, Some(said));
    assert_eq!(actions(&app).await, ["drill.created", "drill.succeeded"]);
    app.whole().await.unwrap();
}

#[tokio::test]
async fn a_backup_that_is_not_what_it_was_is_not_chosen_any_more() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    for _ in 0..2 {
        app.clock.advance(Duration::from_secs(1));
        app.back_up("main").await;
        app.settle().await;
    }
    let backups = app.backups().await;
    // The second one loses its tables: it can be read in full, and is another one.
    app.world.empty(backups[1].snapshot);
    let id = backups[1].id.to_string();
    let (control, caller) = (&app.control, app.caller());
    let at = locate::backup(control, caller, "default", "shop", "main", &id, &[])
        .await
        .unwrap();
    drill::create(control, &at, &Once::unnamed()).await.unwrap();
    app.settle().await;
    let ended = app.drills().await.remove(0);
    assert_eq!(ended.state, DrillState::Failed);
    assert_eq!(
        ended.outcome.differences,
        ["0 tables, 2 when it was backed up"]
    );
    assert!(app.backups().await[1].damaged());
    assert_eq!(actions(&app).await, ["drill.created", "drill.failed"]);

    // The older one is the last good one: it is chosen, and cannot be deleted.
    let mut new = new_branch("seeded", None);
    new.seed = SeedRequest::LastBackup;
    let database = app.database().await;
    branch::create(control, &database, new, &Once::unnamed())
        .await
        .unwrap();
    app.settle().await;
    assert_eq!(app.tables("seeded").await, ["orders"]);
    let kept = backup::delete(control, &app.backup().await, &Expected::any(), false).await;
    assert_eq!(kept.unwrap_err().code, code::BACKUP_KEPT);
    backup::delete(control, &at, &Expected::any(), false)
        .await
        .unwrap();
    app.settle().await;
    assert_eq!(app.drills().await.len(), 1, "its result is still there");
    app.whole().await.unwrap();
}

#[tokio::test]
async fn a_backup_that_cannot_be_read_fails_its_drill() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    app.back_up("main").await;
    app.settle().await;
    app.world.damage(app.backups().await[0].snapshot);
    begin(&app).await;
    app.settle().await;
    let ended = app.drills().await.remove(0);
    assert_eq!(ended.state, DrillState::Failed);
    let failure = ended.outcome.failure.unwrap();
    assert!(failure.contains("shop.orders"), "{failure}");
    assert!(app.backups().await[0].damaged());
    app.whole().await.unwrap();
}

#[tokio::test]
async fn what_the_machine_cannot_do_says_nothing_about_the_backup() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    app.back_up("main").await;
    app.settle().await;
    app.world.breaks("volumes.fork");
    begin(&app).await;
    app.settle().await;
    app.world.mend();
    let ended = app.drills().await.remove(0);
    assert_eq!(ended.state, DrillState::Error);
    assert_eq!(app.backups().await[0].drilled, None);
    assert_eq!(actions(&app).await, ["drill.aborted", "drill.created"]);
    app.settle().await;
    app.whole().await.unwrap();
}

#[tokio::test]
async fn a_backup_that_is_drilled_is_not_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    for _ in 0..2 {
        app.clock.advance(Duration::from_secs(1));
        app.back_up("main").await;
    }
    app.settle().await;
    begin(&app).await;
    let at = app.backup().await;
    let refused = backup::delete(&app.control, &at, &Expected::any(), false).await;
    assert_eq!(refused.unwrap_err().code, code::BACKUP_KEPT);
    app.settle().await;
    backup::delete(&app.control, &at, &Expected::any(), false)
        .await
        .unwrap();
    app.settle().await;
    app.whole().await.unwrap();
}

#[tokio::test]
async fn a_policy_drills_the_newest_backup_of_each_branch_and_a_missed_drill_once() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), weekly()).await;
    for _ in 0..2 {
        app.clock.advance(Duration::from_secs(1));
        app.back_up("main").await;
        app.settle().await;
    }
    app.clock.advance(DUE);
    app.settle().await;
    let drills = app.drills().await;
    let [first] = drills.as_slice() else {
        panic!("{drills:?}");
    };
    assert_eq!(first.state, DrillState::Success);
    assert_eq!(first.backup_id, app.backups().await[1].id);
    assert!(first.policy.is_some() && first.actor == "system");
    // Five weeks without a server: one drill.
    app.clock.advance(Duration::from_secs(5 * 7 * 24 * HOUR));
    app.settle().await;
    assert_eq!(app.drills().await.len(), 2);
    let mut session = app.store.read().await.unwrap();
    let due = session.due_backup_policies(app.clock.now()).await.unwrap();
    assert!(due.is_empty(), "{due:?}");
    app.whole().await.unwrap();
}

#[tokio::test]
async fn a_due_drill_follows_the_backup_that_is_due_as_well() {
    let mut settings = weekly();
    settings.backups.schedule.every = Every::new(1, Unit::Week);
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings).await;
    app.back_up("main").await;
    app.settle().await;
    app.clock.advance(DUE);
    app.settle().await;
    let drills = app.drills().await;
    assert_eq!(drills.len(), 1);
    let backups = app.backups().await;
    assert_eq!(backups.len(), 2);
    assert_eq!(drills[0].backup_id, backups[1].id, "the one just made");
}

#[tokio::test]
async fn drills_and_backups_of_policies_share_what_is_under_way_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), weekly()).await;
    for name in ["one", "two"] {
        app.create(name, None).await;
        app.settle().await;
        branch::promote(&app.control, &app.at(name).await)
            .await
            .unwrap();
        app.settle().await;
    }
    for name in ["main", "one", "two"] {
        app.back_up(name).await;
    }
    app.settle().await;
    app.clock.advance(DUE);
    for _ in 0..30 {
        app.control.settle(1).await;
        app.clock.advance(Duration::from_secs(1));
        let mut session = app.store.read().await.unwrap();
        assert!(session.policy_drills_under_way().await.unwrap() <= 1);
    }
    let drills = app.drills().await;
    let mut names: Vec<_> = drills.iter().map(|d| d.branch_name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["main", "one", "two"]);
    assert!(drills.iter().all(|d| d.state == DrillState::Success));
    app.settle().await;
    app.whole().await.unwrap();
}

#[tokio::test]
async fn a_due_drill_waits_for_memory_that_nobody_would_have_to_give_up() {
    let mut settings = weekly();
    settings.warm_instances = 0;
    // One production engine, one development engine.
    settings.memory_budget = 800 << 20;
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings).await;
    app.back_up("main").await;
    app.settle().await;
    app.create("one", None).await;
    app.settle().await;
    // It may have given way to the making of a template.
    branch::wake(&app.control, &app.at("one").await)
        .await
        .unwrap();
    app.clock.advance(DUE);
    app.settle().await;
    assert!(app.drills().await.is_empty(), "there is no memory for it");
    assert_eq!(app.tables("one").await, ["orders"], "it is awake");
    branch::delete(&app.control, &app.at("one").await, false, &Expected::any())
        .await
        .unwrap();
    app.settle().await;
    let drills = app.drills().await;
    assert_eq!(drills.len(), 1);
    assert_eq!(drills[0].state, DrillState::Success);
}
