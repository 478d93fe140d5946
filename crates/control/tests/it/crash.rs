//! Every workflow through the crash harness.

use crate::seed_rules::{rules, set};
use crate::setup::{App, ENGINE, new_branch, settings};
use async_trait::async_trait;
use offshoot_control::backup::NewBackup;
use offshoot_control::branch::{BranchChange, SeedRequest};
use offshoot_control::once::Once;
use offshoot_control::revision::Expected;
use offshoot_control::{backup, branch, database, drill, import, locate, off_site, seed_rules};
use offshoot_core::Refusal;
use offshoot_core::backup::BackupState;
use offshoot_core::branch::{BranchState, QuotaState, SafeMigrations};
use offshoot_core::drill::DrillState;
use offshoot_core::import::ImportState;
use offshoot_core::off_site::CopyState;
use offshoot_core::port::Clock;
use offshoot_core::seed_rules::TestState;
use offshoot_testkit::crash::{Outcome, Scenario, survives};
use offshoot_testkit::fake::{TestClock, World};
use std::path::Path;
use std::sync::Arc;

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    FirstDatabase,
    CreateFromEngine,
    CreateWarm,
    CreateAfterChange,
    DeleteTree,
    Reset,
    Promote,
    DeleteDatabase,
    Sleep,
    Wake,
    QuotaExceeded,
    QuotaLifted,
    SafeMigrationsOn,
    SafeMigrationsOff,
    ImportOpen,
    ImportOfSleeping,
    ImportByRestart,
    ImportComplete,
    ImportRevert,
    ImportExpire,
    ImportDelete,
    Backup,
    BackupOfSleeping,
    BackupByHotCopy,
    BackupDelete,
    RestoreBackup,
    CreateLive,
    ResetLive,
    PolicyRun,
    CreateMasked,
    RestoreMasked,
    CreateBroken,
    ResetMasked,
    TestRules,
    TestBrokenRules,
    Drill,
    DrillDamaged,
    DrillRun,
    DrillDatabaseDelete,
    Export,
    ImportCopy,
    ImportCopyOfKnown,
}

struct Breaking(What);

/// Rules that the fake engine carries out, and some that fail half-way.
const RULES: &str = r#"{"tables": {"orders": {"columns": {"email": "hash"}}}}"#;
const BROKEN_RULES: &str = r#"{"tables": {"orders": {"where": "FAILS"}}}"#;

/// From the beginning of the world until the daily policy is due.
const DUE: std::time::Duration = std::time::Duration::from_secs(20 * 3_600);

/// Until the weekly drill is due.
const DRILL_DUE: std::time::Duration = std::time::Duration::from_secs(48 * 3_600);

/// The caller of the first process is used in the next ones too.
static ROOT: std::sync::Mutex<Vec<(std::path::PathBuf, offshoot_control::caller::Caller)>> =
    std::sync::Mutex::new(Vec::new());

impl Breaking {
    async fn exists(&self, app: &App, name: &str) -> bool {
        locate::branch(&app.control, app.caller(), "default", "shop", name, &[])
            .await
            .is_ok()
    }

    /// The branch works, and its data has passed the rules.
    async fn masked(&self, app: &App, name: &str) -> Result<(), String> {
        self.works(app, name, &["orders"]).await?;
        let view = branch::show(&app.control, &app.at(name).await).await;
        let view = view.map_err(|e| e.to_string())?;
        match view.seeded {
            Some(seeded) if seeded.version == 1 && app.world.seeded(view.branch.volume) => Ok(()),
            other => Err(format!("{name} is not masked: {other:?}")),
        }
    }

    /// The branch works: its engine runs, with these tables.
    async fn works(&self, app: &App, name: &str, tables: &[&str]) -> Result<(), String> {
        let at = app.at(name).await;
        let view = branch::show(&app.control, &at)
            .await
            .map_err(|e| e.to_string())?;
        if view.branch.state == BranchState::Sleeping {
            branch::wake(&app.control, &at)
                .await
                .map_err(|e| e.to_string())?;
        } else if !view.ready {
            return Err(format!("{name} is {:?}", view.branch.state));
        }
        let found = app.tables(name).await;
        if found != tables {
            return Err(format!("{name} has tables {found:?}, not {tables:?}"));
        }
        Ok(())
    }
}

async fn safe(app: &App, on: bool) -> Result<(), Refusal> {
    let at = app.at("main").await;
    branch::set_safe_migrations(&app.control, &at, on, &Expected::any())
        .await
        .map(drop)
}

async fn quota(app: &App, bytes: u64) -> Result<(), Refusal> {
    let change = BranchChange {
        disk_quota: Some(Some(bytes)),
        ..BranchChange::default()
    };
    let at = app.at("one").await;
    branch::update(&app.control, &at, change).await.map(drop)
}

#[async_trait]
impl Scenario for Breaking {
    type App = App;

    fn world(&self) -> World {
        World::new(ENGINE)
    }

    async fn open(&self, world: &World, dir: &Path) -> App {
        let clock = Arc::new(TestClock::default());
        // A later process has a later clock.
        clock.advance(std::time::Duration::from_secs(world.calls() * 100));
        let mut settings = settings();
        if self.0 == What::PolicyRun {
            settings.backups.schedule = offshoot_control::Backups::default().schedule;
            if world.calls() > 0 {
                clock.advance(DUE);
            }
        }
        if self.0 == What::DrillRun {
            settings.backups.drill = offshoot_control::Backups::default().drill;
            if world.calls() > 0 {
                clock.advance(DRILL_DUE);
            }
        }
        let mut app = App::open(world, dir, clock, settings).await;
        let mut roots = ROOT.lock().unwrap();
        match &app.root {
            Some(root) => roots.push((dir.to_owned(), root.clone())),
            None => {
                let known = roots.iter().find(|(path, _)| path == dir);
                app.root = known.map(|(_, caller)| caller.clone());
            }
        }
        app
    }

    async fn prepare(&self, app: &App, world: &World) {
        if self.0 == What::FirstDatabase {
            return;
        }
        app.shop().await;
        if self.0 == What::CreateFromEngine {
            return;
        }
        app.create("one", None).await;
        app.settle().await;
        match self.0 {
            What::CreateAfterChange => {
                let main = app.at("main").await.branch().instance;
                world.put_table(main, "shop", "users", "CREATE TABLE users");
                world.drop_table(main, "shop", "orders");
            }
            What::DeleteTree | What::DeleteDatabase => {
                app.create("two", Some("one")).await;
                app.settle().await;
            }
            What::Reset => {
                let one = app.at("one").await.branch().instance;
                world.put_table(one, "shop", "junk", "CREATE TABLE junk");
            }
            What::ImportComplete | What::ImportRevert | What::ImportExpire | What::ImportDelete => {
                let ttl = Some(std::time::Duration::from_secs(3_000));
                import::open(&app.control, &app.at("one").await, ttl, &Once::unnamed())
                    .await
                    .unwrap();
                // Not longer: its time to live would be over.
                app.control.settle(3).await;
                let one = app.at("one").await.branch().instance;
                world.put_table(one, "shop", "junk", "CREATE TABLE junk");
            }
            What::Wake | What::ImportOfSleeping => {
                branch::sleep(&app.control, &app.at("one").await)
                    .await
                    .unwrap();
                app.settle().await;
            }
            What::BackupOfSleeping => {
                branch::sleep(&app.control, &app.at("one").await)
                    .await
                    .unwrap();
                app.settle().await;
            }
            What::BackupByHotCopy | What::ImportByRestart => world.set_pause(None),
            What::Drill | What::DrillDamaged | What::DrillRun | What::DrillDatabaseDelete => {
                app.back_up("main").await;
                app.settle().await;
                if self.0 == What::DrillDamaged {
                    world.damage(app.backups().await[0].snapshot);
                }
                if self.0 == What::DrillDatabaseDelete {
                    drill::create(&app.control, &app.backup().await, &Once::unnamed())
                        .await
                        .unwrap();
                }
            }
            What::Export => {
                app.back_up("one").await;
                app.settle().await;
            }
            What::BackupDelete
            | What::RestoreBackup
            | What::ImportCopy
            | What::ImportCopyOfKnown => {
                app.back_up("main").await;
                app.back_up("main").await;
                app.settle().await;
            }
            What::CreateMasked | What::TestRules => drop(set(app, RULES).await),
            What::CreateBroken => drop(set(app, BROKEN_RULES).await),
            What::RestoreMasked => {
                set(app, RULES).await;
                app.back_up("main").await;
                app.settle().await;
            }
            What::ResetMasked => {
                set(app, RULES).await;
                let junk = app.at("one").await.branch().instance;
                world.put_table(junk, "shop", "junk", "CREATE TABLE junk");
            }
            What::ResetLive => {
                let main = app.at("main").await.branch().instance;
                world.put_table(main, "shop", "users", "CREATE TABLE users");
            }
            What::SafeMigrationsOff => {
                safe(app, true).await.unwrap();
                app.settle().await;
            }
            What::QuotaExceeded | What::QuotaLifted => {
                let volume = app.at("one").await.branch().volume;
                world.set_unique(volume, 1 << 30);
                if self.0 == What::QuotaLifted {
                    quota(app, 1 << 27).await.unwrap();
                    app.settle().await;
                }
            }
            _ => {}
        }
    }

    async fn act(&self, app: &App, _world: &World) -> Result<(), String> {
        let control = &app.control;
        match self.0 {
            What::FirstDatabase => {
                let at = locate::organization(control, app.caller(), "default", &[])
                    .await
                    .map_err(|e| e.to_string())?;
                let new = database::NewDatabase {
                    name: offshoot_core::name::DatabaseName::parse("shop").unwrap(),
                    engine: None,
                    default_branch: None,
                    deletion_protected: false,
                    size: None,
                    password: None,
                };
                database::create(control, &at, new, &Once::unnamed())
                    .await
                    .map(drop)
            }
            What::CreateFromEngine | What::CreateWarm | What::CreateAfterChange => {
                let at = app.database().await;
                branch::create(control, &at, new_branch("new", None), &Once::unnamed())
                    .await
                    .map(drop)
            }
            What::CreateLive
            | What::CreateMasked
            | What::CreateBroken
            | What::RestoreBackup
            | What::RestoreMasked => {
                let at = app.database().await;
                let mut new = new_branch("new", None);
                // So that it is started again when it is masked.
                new.event_scheduler = self.0 == What::CreateMasked;
                new.seed = match self.0 {
                    What::RestoreBackup | What::RestoreMasked => SeedRequest::LastBackup,
                    _ => SeedRequest::Live,
                };
                branch::create(control, &at, new, &Once::unnamed())
                    .await
                    .map(drop)
            }
            What::TestRules | What::TestBrokenRules => {
                let draft = match self.0 {
                    What::TestRules => RULES,
                    _ => BROKEN_RULES,
                };
                let (at, draft) = (app.at("main").await, Some(rules(draft)));
                seed_rules::test(control, &at, draft, &Once::unnamed())
                    .await
                    .map(drop)
            }
            What::ResetLive | What::ResetMasked => {
                let at = app.at("one").await;
                branch::reset(control, &at, Some(SeedRequest::Live))
                    .await
                    .map(drop)
            }
            What::Backup | What::BackupByHotCopy => {
                let at = app.at("main").await;
                let new = NewBackup::default();
                backup::create(control, &at, new, &Once::unnamed())
                    .await
                    .map(drop)
            }
            What::BackupOfSleeping => {
                let at = app.at("one").await;
                let new = NewBackup::default();
                backup::create(control, &at, new, &Once::unnamed())
                    .await
                    .map(drop)
            }
            What::Export => {
                let id = app.backups().await[0].id.to_string();
                let at = locate::backup(control, app.caller(), "default", "shop", "one", &id, &[])
                    .await
                    .map_err(|e| e.to_string())?;
                off_site::export(control, &at).await.map(drop)
            }
            What::ImportCopy | What::ImportCopyOfKnown => {
                let at = locate::organization(control, app.caller(), "default", &[])
                    .await
                    .map_err(|e| e.to_string())?;
                let copy = app.world.copies()[0].to_string();
                let database = (self.0 == What::ImportCopy).then_some("rescue");
                off_site::import(control, &at, &copy, database, &Once::unnamed())
                    .await
                    .map(drop)
            }
            What::BackupDelete => {
                let all = app.backups().await;
                let Some(id) = all.first().map(|b| b.id.to_string()) else {
                    return Err("no backup is left".to_owned());
                };
                let at = locate::backup(control, app.caller(), "default", "shop", "main", &id, &[])
                    .await
                    .map_err(|e| e.to_string())?;
                backup::delete(control, &at, &Expected::any(), false).await
            }
            What::Drill | What::DrillDamaged => {
                drill::create(control, &app.backup().await, &Once::unnamed())
                    .await
                    .map(drop)
            }
            What::DrillRun => {
                app.clock.advance(DRILL_DUE);
                Ok(())
            }
            What::DrillDatabaseDelete => {
                database::delete(control, &app.database().await, &Expected::any()).await
            }
            What::DeleteTree => {
                branch::delete(control, &app.at("one").await, true, &Expected::any()).await
            }
            What::Reset => branch::reset(control, &app.at("one").await, None)
                .await
                .map(drop),
            What::Promote => branch::promote(control, &app.at("one").await)
                .await
                .map(drop),
            What::DeleteDatabase => {
                database::delete(control, &app.database().await, &Expected::any()).await
            }
            What::Sleep => branch::sleep(control, &app.at("one").await).await.map(drop),
            What::ImportOpen | What::ImportOfSleeping | What::ImportByRestart => {
                let ttl = Some(std::time::Duration::from_secs(3_600));
                import::open(control, &app.at("one").await, ttl, &Once::unnamed())
                    .await
                    .map(drop)
            }
            What::ImportComplete => import::complete(control, &app.import().await)
                .await
                .map(drop),
            What::ImportRevert => import::revert(control, &app.import().await).await.map(drop),
            What::ImportExpire => {
                app.clock.advance(std::time::Duration::from_secs(3_001));
                Ok(())
            }
            What::PolicyRun => {
                app.clock.advance(DUE);
                Ok(())
            }
            What::ImportDelete => {
                branch::delete(control, &app.at("one").await, false, &Expected::any()).await
            }
            What::Wake => branch::wake(control, &app.at("one").await).await.map(drop),
            What::SafeMigrationsOn => safe(app, true).await,
            What::SafeMigrationsOff => safe(app, false).await,
            What::QuotaExceeded => quota(app, 1 << 27).await,
            What::QuotaLifted => quota(app, 0).await,
        }
        .map_err(|e| e.to_string())
    }

    async fn settle(&self, app: &App) {
        app.settle().await;
    }

    async fn check(&self, app: &App, world: &World, outcome: Outcome) -> Result<(), String> {
        app.whole().await?;
        app.copies_follow(outcome.fatal).await?;
        let done = outcome.acknowledged;
        match self.0 {
            What::FirstDatabase => {
                let found =
                    locate::database(&app.control, app.caller(), "default", "shop", &[]).await;
                match found {
                    Ok(_) => self.works(app, "main", &[]).await,
                    Err(_) if outcome.fatal || !done => Ok(()),
                    Err(_) => Err("the database is gone".to_owned()),
                }
            }
            What::CreateFromEngine | What::CreateWarm | What::CreateAfterChange => {
                let tables: &[&str] = if self.0 == What::CreateAfterChange {
                    &["users"]
                } else {
                    &["orders"]
                };
                self.works(app, "main", tables).await?;
                match self.exists(app, "new").await {
                    true => self.works(app, "new", tables).await,
                    false if outcome.fatal || !done => Ok(()),
                    false => Err("the branch is gone".to_owned()),
                }
            }
            What::CreateLive | What::RestoreBackup => {
                self.works(app, "main", &["orders"]).await?;
                match self.exists(app, "new").await {
                    true => self.works(app, "new", &["orders"]).await,
                    false if outcome.fatal || !done => Ok(()),
                    false => Err("the branch is gone".to_owned()),
                }
            }
            What::CreateMasked | What::RestoreMasked => {
                self.works(app, "main", &["orders"]).await?;
                match self.exists(app, "new").await {
                    true => self.masked(app, "new").await,
                    false if outcome.fatal || !done => Ok(()),
                    false => Err("the branch is gone".to_owned()),
                }
            }
            What::CreateBroken => {
                self.works(app, "main", &["orders"]).await?;
                match self.exists(app, "new").await {
                    true => Err("there is a branch".to_owned()),
                    false => Ok(()),
                }
            }
            What::ResetMasked => match self.masked(app, "one").await {
                Err(_) if !done => self.works(app, "one", &["junk", "orders"]).await,
                reset => reset,
            },
            What::TestRules | What::TestBrokenRules => {
                self.works(app, "main", &["orders"]).await?;
                let mut session = app.store.read().await.unwrap();
                let id = app.database().await.database().id;
                let broken = self.0 == What::TestBrokenRules;
                let fails = broken || outcome.fatal;
                match session.seed_rules_tests(id).await.unwrap().as_slice() {
                    [] if !done => Ok(()),
                    [test] if test.state == TestState::Failed && fails => Ok(()),
                    [test] if test.state == TestState::Passed && !broken => Ok(()),
                    other => Err(format!("{other:?}")),
                }
            }
            What::ResetLive => {
                let reset = self.works(app, "one", &["orders", "users"]).await;
                if reset.is_err() && !done {
                    return self.works(app, "one", &["orders"]).await;
                }
                reset
            }
            What::Backup | What::BackupOfSleeping | What::BackupByHotCopy => {
                self.works(app, "main", &["orders"]).await?;
                self.works(app, "one", &["orders"]).await?;
                match app.backups().await.as_slice() {
                    [] if !done => Ok(()),
                    [b] if b.state == BackupState::Success && b.examined.is_some() => Ok(()),
                    [b] if b.state == BackupState::Failed && outcome.fatal => Ok(()),
                    other => Err(format!("{other:?}")),
                }
            }
            What::Export => {
                let mut session = app.store.read().await.unwrap();
                let copies = session.backup_copies().await.unwrap();
                match copies.as_slice() {
                    [] if !done => Ok(()),
                    [c] if c.state == CopyState::Exported => Ok(()),
                    [c] if c.state == CopyState::Failed && outcome.fatal => Ok(()),
                    other => Err(format!("{other:?}")),
                }
            }
            What::ImportCopy | What::ImportCopyOfKnown => {
                self.works(app, "main", &["orders"]).await?;
                let imported: Vec<_> = app
                    .backups()
                    .await
                    .into_iter()
                    .filter(|b| b.imported_from.is_some())
                    .collect();
                match imported.as_slice() {
                    [] if !done => Ok(()),
                    // The new database's branch failed for good, and took the database with it.
                    [] if outcome.fatal && self.0 == What::ImportCopy => Ok(()),
                    [b] if b.state == BackupState::Success && b.examined.is_some() => {
                        app.has_image(b).await
                    }
                    [b] if b.state == BackupState::Failed && outcome.fatal => Ok(()),
                    other => Err(format!("{other:?}")),
                }
            }
            What::PolicyRun => {
                self.works(app, "main", &["orders"]).await?;
                let mut session = app.store.read().await.unwrap();
                let due = session.due_backup_policies(app.clock.now()).await.unwrap();
                match app.backups().await.as_slice() {
                    _ if !due.is_empty() => Err(format!("still due: {due:?}")),
                    [b] if b.policy.is_none() => Err(format!("{b:?}")),
                    [b] if b.state == BackupState::Success => Ok(()),
                    [b] if b.state == BackupState::Failed && outcome.fatal => Ok(()),
                    other => Err(format!("{other:?}")),
                }
            }
            What::BackupDelete => {
                self.works(app, "main", &["orders"]).await?;
                match app.backups().await.len() {
                    1 => Ok(()),
                    2 if !done => Ok(()),
                    n => Err(format!("{n} backups")),
                }
            }
            What::DeleteTree => {
                self.works(app, "main", &["orders"]).await?;
                let left = (self.exists(app, "one").await, self.exists(app, "two").await);
                match left {
                    (false, false) => Ok(()),
                    (true, true) if !done => Ok(()),
                    _ => Err(format!("left: {left:?}")),
                }
            }
            What::Reset => {
                let reset = self.works(app, "one", &["orders"]).await;
                if reset.is_err() && !done {
                    return self.works(app, "one", &["junk", "orders"]).await;
                }
                reset
            }
            What::Promote => {
                self.works(app, "one", &["orders"]).await?;
                let production = app.at("one").await.branch().production;
                if production || !done {
                    Ok(())
                } else {
                    Err("not promoted".to_owned())
                }
            }
            What::Drill | What::DrillDamaged | What::DrillRun => {
                self.works(app, "main", &["orders"]).await?;
                let drills = app.drills().await;
                let backup = app.backups().await.remove(0);
                let expected = match self.0 {
                    What::DrillDamaged => DrillState::Failed,
                    _ => DrillState::Success,
                };
                match drills.as_slice() {
                    [] if !done => Ok(()),
                    [d] if d.state == expected => {
                        let said = backup.drilled.map(|d| d.state);
                        match said == Some(expected) {
                            true => Ok(()),
                            false => Err(format!("the backup says {said:?}")),
                        }
                    }
                    [d] if d.state.ended() && outcome.fatal => Ok(()),
                    other => Err(format!("{other:?}")),
                }
            }
            What::DeleteDatabase | What::DrillDatabaseDelete => {
                let found =
                    locate::database(&app.control, app.caller(), "default", "shop", &[]).await;
                match found {
                    Err(_) => Ok(()),
                    Ok(_) if !done => self.works(app, "main", &["orders"]).await,
                    Ok(_) => Err("the database is there".to_owned()),
                }
            }
            What::ImportOpen | What::ImportOfSleeping | What::ImportByRestart => {
                self.works(app, "one", &["orders"]).await?;
                match app.live_import().await {
                    Some(import) if import.state == ImportState::Open => Ok(()),
                    None if outcome.fatal || !done || app.late() => Ok(()),
                    other => Err(format!("{other:?}")),
                }
            }
            What::ImportComplete => {
                let kept = self.works(app, "one", &["junk", "orders"]).await;
                match (&kept, app.live_import().await) {
                    (Ok(()), None) => Ok(()),
                    (Ok(()), Some(_)) if !done => Ok(()),
                    // Nobody completed it in time.
                    (Err(_), None) if !done => self.works(app, "one", &["orders"]).await,
                    other => Err(format!("{other:?}")),
                }
            }
            What::ImportRevert | What::ImportExpire => {
                let live = app.live_import().await;
                if live.is_some() && !done {
                    return self.works(app, "one", &["junk", "orders"]).await;
                }
                if live.is_some() {
                    return Err(format!("{live:?}"));
                }
                self.works(app, "one", &["orders"]).await
            }
            What::ImportDelete => match self.exists(app, "one").await {
                false => Ok(()),
                true if !done => Ok(()),
                true => Err("the branch is there".to_owned()),
            },
            What::Sleep | What::Wake => {
                self.works(app, "one", &["orders"]).await?;
                app.whole().await
            }
            What::SafeMigrationsOn | What::SafeMigrationsOff => {
                let at = app.at("main").await;
                let branch = at.branch();
                let state = branch.safe_migrations;
                let lacks = world.accounts_lack(branch.volume).ddl;
                let told = world.withheld(branch.id).is_some();
                if state.on() != lacks || state.on() != told {
                    return Err(format!("{state:?}, {lacks}, {told}"));
                }
                match state {
                    SafeMigrations::On if done && self.0 == What::SafeMigrationsOff => {
                        Err("they are on".to_owned())
                    }
                    SafeMigrations::Off if done && self.0 == What::SafeMigrationsOn => {
                        Err("they are off".to_owned())
                    }
                    SafeMigrations::On | SafeMigrations::Off => Ok(()),
                    half => Err(format!("{half:?}")),
                }
            }
            What::QuotaExceeded | What::QuotaLifted => {
                let at = app.at("one").await;
                let branch = at.branch();
                let over = branch.quota == QuotaState::Over;
                let (confined, told) = (world.confined(branch.volume), world.explained(branch.id));
                if over != confined || over != told.is_some() {
                    return Err(format!("{:?}, {confined}, {told:?}", branch.quota));
                }
                if done && over != (self.0 == What::QuotaExceeded) {
                    return Err(format!("{:?}", branch.quota));
                }
                Ok(())
            }
        }
    }

    async fn close(&self, app: App) {
        app.store.close().await;
    }

    fn commits(&self, app: &App) -> u64 {
        app.store.faults().commits()
    }

    fn kill_after(&self, app: &App, commits: u32) {
        app.store.faults().kill_after(commits);
    }

    fn killer(&self, app: &App) -> Arc<dyn Fn() + Send + Sync> {
        let store = app.store.clone();
        Arc::new(move || store.faults().kill())
    }

    fn dead(&self, app: &App) -> bool {
        app.store.faults().dead()
    }

    fn double(&self, app: &App) {
        app.control.double_steps();
    }
}

macro_rules! survives {
    ($($name:ident: $what:ident),+ $(,)?) => {$(
        #[tokio::test]
        async fn $name() {
            survives(&Breaking(What::$what)).await;
        }
    )+};
}

survives! {
    the_first_database: FirstDatabase,
    a_branch_from_the_engines_image: CreateFromEngine,
    a_branch_from_a_warm_engine: CreateWarm,
    a_branch_of_a_changed_parent: CreateAfterChange,
    the_deletion_of_a_tree: DeleteTree,
    a_reset: Reset,
    a_promotion: Promote,
    the_deletion_of_a_database: DeleteDatabase,
    a_sleep: Sleep,
    a_wake: Wake,
    a_quota_that_is_exceeded: QuotaExceeded,
    a_quota_that_is_lifted: QuotaLifted,
    safe_migrations_switched_on: SafeMigrationsOn,
    safe_migrations_switched_off: SafeMigrationsOff,
    an_import: ImportOpen,
    an_import_of_a_sleeping_branch: ImportOfSleeping,
    an_import_that_restarts_the_engine: ImportByRestart,
    the_completion_of_an_import: ImportComplete,
    the_revert_of_an_import: ImportRevert,
    an_import_that_expires: ImportExpire,
    the_deletion_of_a_branch_under_import: ImportDelete,
    a_backup: Backup,
    a_backup_of_a_sleeping_branch: BackupOfSleeping,
    a_backup_by_hot_copy: BackupByHotCopy,
    the_deletion_of_a_backup: BackupDelete,
    a_branch_from_a_backup: RestoreBackup,
    a_live_branch: CreateLive,
    a_reset_to_the_parents_data: ResetLive,
    a_policy_that_is_due: PolicyRun,
    a_branch_whose_data_is_masked: CreateMasked,
    a_branch_of_a_backup_that_is_masked: RestoreMasked,
    a_branch_whose_rules_fail: CreateBroken,
    a_reset_to_masked_data: ResetMasked,
    a_test_of_rules: TestRules,
    a_test_of_rules_that_fail: TestBrokenRules,
    a_restore_drill: Drill,
    a_restore_drill_of_a_damaged_backup: DrillDamaged,
    a_restore_drill_that_is_due: DrillRun,
    the_deletion_of_a_database_whose_backup_is_drilled: DrillDatabaseDelete,
    an_off_site_copy: Export,
    a_backup_of_an_off_site_copy_in_a_new_database: ImportCopy,
    a_backup_of_an_off_site_copy: ImportCopyOfKnown,
}
