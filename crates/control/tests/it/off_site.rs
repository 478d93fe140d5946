//! Off-site copies: which backups have one, what becomes of it, and backups that are made of one.

use crate::setup::{App, settings};
use offshoot_control::backup::{self, BackupView, NewBackup};
use offshoot_control::branch::{self, SeedRequest};
use offshoot_control::locate::{self, LocatedBackup, LocatedOrganization};
use offshoot_control::off_site;
use offshoot_control::once::Once;
use offshoot_control::revision::Expected;
use offshoot_core::Refusal;
use offshoot_core::backup::{Backup, BackupState};
use offshoot_core::id::BackupId;
use offshoot_core::off_site::{Automatic, CopyState};
use offshoot_core::refusal::code;
use std::time::Duration;

async fn organization(app: &App) -> LocatedOrganization {
    let found = locate::organization(&app.control, app.caller(), "default", &[]);
    found.await.unwrap()
}

async fn at(app: &App, database: &str, backup: &Backup) -> LocatedBackup {
    let (id, branch) = (backup.id.to_string(), &backup.branch_name);
    let caller = app.caller();
    locate::backup(&app.control, caller, "default", database, branch, &id, &[])
        .await
        .unwrap()
}

async fn made(app: &App, branch: &str) -> Backup {
    app.clock.advance(Duration::from_secs(1));
    app.back_up(branch).await;
    app.settle().await;
    let mut all = app.backups().await;
    all.sort_by_key(|b| b.created_at);
    all.pop().unwrap()
}

async fn copy_of(app: &App, backup: &Backup) -> Option<CopyState> {
    let view = backup::show(&app.control, &at(app, "shop", backup).await).await;
    view.unwrap().copy.map(|c| c.state)
}

async fn import(app: &App, copy: BackupId, name: Option<&str>) -> Result<BackupView, Refusal> {
    let (at, copy) = (organization(app).await, copy.to_string());
    off_site::import(&app.control, &at, &copy, name, &Once::unnamed()).await
}

#[tokio::test]
async fn backups_of_production_are_copied_unasked_and_others_when_asked() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    app.create("dev", None).await;
    let main = made(&app, "main").await;
    assert_eq!(copy_of(&app, &main).await, Some(CopyState::Exported));
    let dev = made(&app, "dev").await;
    assert_eq!(copy_of(&app, &dev).await, None);
    assert_eq!(app.world.copies(), [main.id]);

    let located = at(&app, "shop", &dev).await;
    off_site::export(&app.control, &located).await.unwrap();
    assert_eq!(copy_of(&app, &dev).await, Some(CopyState::Pending));
    app.settle().await;
    let view = off_site::export(&app.control, &located).await.unwrap();
    let copy = view.copy.unwrap();
    assert_eq!(
        (copy.state, copy.bytes > copy.stored),
        (CopyState::Exported, true)
    );
    assert_eq!(app.world.copies().len(), 2);
    app.copies_follow(false).await.unwrap();
}

#[tokio::test]
async fn a_copy_goes_with_its_backup_unless_it_is_to_stay() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    let first = made(&app, "main").await;
    let second = made(&app, "main").await;
    made(&app, "main").await;
    let any = Expected::any();
    for (backup, keep) in [(&first, true), (&second, false)] {
        let at = at(&app, "shop", backup).await;
        backup::delete(&app.control, &at, &any, keep).await.unwrap();
    }
    app.settle().await;
    let left = app.world.copies();
    assert!(left.contains(&first.id) && !left.contains(&second.id));

    // What belongs to nothing here is listed, and can be removed.
    let org = organization(&app).await;
    let listed = off_site::list(&app.control, &org).await.unwrap();
    let here: Vec<bool> = listed.copies.iter().map(|c| c.here).collect();
    assert_eq!(here, [true, false], "newest first");
    let owned = listed.copies[0].copy.id.to_string();
    let refused = off_site::delete(&app.control, &org, &owned).await;
    assert_eq!(refused.unwrap_err().code, code::BACKUP_KEPT);
    let id = first.id.to_string();
    off_site::delete(&app.control, &org, &id).await.unwrap();
    let listed = off_site::list(&app.control, &org).await.unwrap();
    assert_eq!(listed.copies.len(), 1);
    app.settle().await;
    assert_eq!(app.world.copies().len(), 1);
    let gone = off_site::delete(&app.control, &org, &id).await;
    assert_eq!(gone.unwrap_err().code, code::NOT_FOUND);
    app.copies_follow(false).await.unwrap();
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    app.world.breaks("archive.export");
    let backup = made(&app, "main").await;
    assert_eq!(
        backup.state,
        BackupState::Success,
        "it can be restored here"
    );
    let view = backup::show(&app.control, &at(&app, "shop", &backup).await).await;
    let copy = view.unwrap().copy.unwrap();
    assert_eq!(copy.state, CopyState::Failed);
    assert!(copy.attempts > 0 && copy.failure.is_some(), "{copy:?}");
    app.world.mend();
    app.clock.advance(Duration::from_secs(3_600));
    app.settle().await;
    assert_eq!(copy_of(&app, &backup).await, Some(CopyState::Exported));
}

#[tokio::test]
async fn the_last_one_with_a_copy_does_not_expire() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    let retention = Some(offshoot_core::backup_policy::Retention::new(
        1,
        offshoot_core::backup_policy::Unit::Hour,
    ));
    let expiring = NewBackup {
        name: None,
        retention,
    };
    let main = app.at("main").await;
    let begun = backup::create(&app.control, &main, expiring, &Once::unnamed()).await;
    let first = begun.unwrap().backup.id;
    app.settle().await;
    app.world.breaks("archive.export");
    made(&app, "main").await;
    app.clock.advance(Duration::from_secs(7_200));
    app.settle().await;
    assert_eq!(app.world.copies(), [first]);
    assert_eq!(app.backups().await.len(), 2);
    app.world.mend();
    app.clock.advance(Duration::from_secs(7_200));
    app.settle().await;
    assert_eq!(app.backups().await.len(), 1);
    assert!(!app.world.copies().contains(&first));
    app.copies_follow(false).await.unwrap();
}

#[tokio::test]
async fn a_branch_starts_with_what_a_copy_holds() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    let backup = made(&app, "main").await;
    // Nothing but the store is left, as on another machine.
    let at = at(&app, "shop", &backup).await;
    made(&app, "main").await;
    let any = Expected::any();
    backup::delete(&app.control, &at, &any, true).await.unwrap();
    let shop = app.database().await;
    offshoot_control::database::delete(&app.control, &shop, &any)
        .await
        .unwrap();
    app.settle().await;
    assert_eq!(app.world.copies(), [backup.id]);

    let begun = import(&app, backup.id, None).await.unwrap();
    assert_eq!(begun.backup.state, BackupState::Pending);
    app.settle().await;
    let all = app.backups().await;
    assert_eq!(all[0].state, BackupState::Success, "{all:?}");
    assert_eq!(all[0].imported_from, Some(backup.id));
    assert_ne!(all[0].id, backup.id);
    assert_eq!(all[0].created_at, backup.created_at);
    assert_eq!(all[0].examined, backup.examined);
    // The database was made anew, its branch is empty, and the backup is its.
    assert_eq!(app.tables("main").await, Vec::<String>::new());
    let mut new = crate::setup::new_branch("rescued", None);
    new.seed = SeedRequest::LastBackup;
    branch::create(&app.control, &app.database().await, new, &Once::unnamed())
        .await
        .unwrap();
    app.settle().await;
    assert_eq!(app.tables("rescued").await, ["orders"]);
    // It is not copied again, and what is done to it is not done to the copy.
    assert_eq!(app.world.copies(), [backup.id]);
    made(&app, "main").await;
    let imported = &all[0];
    let at = self::at(&app, "shop", imported).await;
    backup::delete(&app.control, &at, &any, false)
        .await
        .unwrap();
    app.settle().await;
    assert!(app.world.copies().contains(&backup.id));
    app.whole().await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_imported_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), settings()).await;
    let backup = made(&app, "main").await;
    let refused = import(&app, "aaaaaaaaaaaa".parse().unwrap(), None).await;
    assert_eq!(refused.unwrap_err().code, code::NOT_FOUND);
    // Another database has its tables elsewhere.
    let new = offshoot_control::database::NewDatabase {
        name: offshoot_core::name::DatabaseName::parse("other").unwrap(),
        engine: None,
        default_branch: None,
        deletion_protected: false,
        size: None,
        password: None,
    };
    let org = organization(&app).await;
    offshoot_control::database::create(&app.control, &org, new, &Once::unnamed())
        .await
        .unwrap();
    let refused = import(&app, backup.id, Some("other")).await.unwrap_err();
    assert!(refused.to_string().contains("--database"), "{refused}");

    // Damaged while it is fetched.
    app.settle().await;
    let begun = import(&app, backup.id, None).await.unwrap().backup.id;
    app.world.damage_copy(backup.id);
    app.settle().await;
    let all = app.backups().await;
    let failed = all.iter().find(|b| b.id == begun).unwrap();
    assert_eq!(failed.state, BackupState::Failed);
    let reason = failed.failure.clone().unwrap();
    assert!(
        reason.contains(&format!("chunks/{}", backup.id)),
        "{reason}"
    );
    let refused = import(&app, backup.id, None).await.unwrap_err();
    assert_eq!(refused.code, code::COPY_DAMAGED);
    app.whole().await.unwrap();

    // What nobody can read can be removed all the same, once its backup is gone.
    made(&app, "main").await;
    let (at, any) = (at(&app, "shop", &backup).await, Expected::any());
    backup::delete(&app.control, &at, &any, true).await.unwrap();
    let org = organization(&app).await;
    let listed = off_site::list(&app.control, &org).await.unwrap();
    assert_eq!(listed.unreadable.len(), 1);
    let id = backup.id.to_string();
    off_site::delete(&app.control, &org, &id).await.unwrap();
    app.settle().await;
    assert!(!app.world.copies().contains(&backup.id));
}

#[tokio::test]
async fn nothing_is_copied_where_nobody_wants_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut none = settings();
    none.backups.off_site = Automatic::None;
    let app = App::fresh(dir.path(), none).await;
    let backup = made(&app, "main").await;
    assert_eq!(copy_of(&app, &backup).await, None);
    assert_eq!(app.world.copies(), []);
}
