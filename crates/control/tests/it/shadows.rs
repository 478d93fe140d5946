//! Shadows over a world in memory: they follow, copies are taken of them and not of their parents, they are
//! made again when they cannot go on, and nothing that fails or dies makes a copy of another position.

use crate::setup::{App, ENGINE, new_branch, settings};
use async_trait::async_trait;
use offshoot_control::branch::{self, SeedRequest};
use offshoot_control::once::Once;
use offshoot_control::revision::Expected;
use offshoot_control::shadow::{self, ShadowView};
use offshoot_control::{Settings, database};
use offshoot_core::backup::{BackupState, Method};
use offshoot_core::port::Clock;
use offshoot_core::refusal::code;
use offshoot_core::shadow::{Shadow, ShadowState};
use offshoot_testkit::crash::{Outcome, Scenario, survives};
use offshoot_testkit::fake::{TestClock, World};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn archiving() -> Settings {
    let mut settings = settings();
    settings.backups.binlog_interval = Duration::from_secs(10);
    settings
}

impl App {
    async fn put(&self, transactions: usize) {
        let instance = self.at("main").await.branch().instance;
        for _ in 0..transactions {
            self.clock.advance(SECOND);
            let now = self.clock.now();
            self.world.commit(instance, now);
        }
        self.world.set_now(self.clock.now());
    }

    async fn shadow(&self) -> Option<Shadow> {
        let main = self.at("main").await.branch().id;
        self.store.read().await.unwrap().shadow(main).await.unwrap()
    }

    async fn view(&self) -> ShadowView {
        let at = self.at("main").await;
        shadow::show(&self.control, &at).await.unwrap()
    }

    async fn give(&self, every: Option<Duration>) {
        let at = self.at("main").await;
        shadow::create(&self.control, &at, every, &Once::unnamed())
            .await
            .unwrap();
    }

    /// Until it follows; a broken one is made again meanwhile.
    async fn follows(&self) {
        for _ in 0..8 {
            self.settle().await;
            match self.shadow().await {
                Some(s) if s.state != ShadowState::Following => {}
                _ => return,
            }
        }
        panic!("{:?}", self.shadow().await);
    }

    async fn live(&self, name: &str) {
        let mut new = new_branch(name, None);
        new.seed = SeedRequest::Live;
        let at = self.database().await;
        branch::create(&self.control, &at, new, &Once::unnamed())
            .await
            .unwrap();
    }

    /// By which means the branch's parent was copied, up to which transaction, and how many there are.
    async fn made(&self, name: &str) -> (Method, String, usize) {
        let at = self.at(name).await;
        let view = branch::show(&self.control, &at).await.unwrap();
        let origin = view.origin.unwrap();
        let set = origin.position.unwrap().gtid_set;
        let last = set.rsplit([':', '-']).next().unwrap().to_owned();
        let held = self.world.committed(at.branch().instance).len();
        (origin.copied.unwrap().method, last, held)
    }

    fn called(&self, since: u64, name: &str) -> usize {
        (since + 1..=self.world.calls())
            .filter(|n| self.world.call(*n) == name)
            .count()
    }
}

#[tokio::test]
async fn copies_are_taken_of_the_shadow_at_or_after_the_request() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), archiving()).await;
    app.put(2).await;
    app.settle().await;
    app.give(None).await;
    app.follows().await;
    let made = app.shadow().await.unwrap();
    assert_eq!((made.method, made.backup), (Some(Method::Frozen), None));

    let since = app.world.calls();
    app.put(3).await;
    app.live("one").await;
    app.settle().await;
    assert_eq!(app.made("one").await, (Method::Shadow, "5".to_owned(), 5));
    app.put(1).await;
    app.back_up("main").await;
    app.settle().await;
    let backup = app.backups().await.remove(0);
    assert_eq!(backup.state, BackupState::Success);
    assert_eq!(backup.copied.unwrap().method, Method::Shadow);
    assert!(backup.position.unwrap().gtid_set.ends_with(":1-6"));
    assert_eq!(app.called(since, "instances.freezer"), 0);
    assert_eq!(app.called(since, "instances.hot_copy"), 0);

    let view = app.view().await;
    assert_eq!(view.shadow.state, ShadowState::Following);
    assert_eq!((view.shadow.copies, view.shadow.passed_over_at), (2, None));
    assert_eq!(view.lag_bytes, Some(0));
    assert!(view.lag.unwrap() <= Duration::from_secs(200), "{view:?}");
    // It rests: nothing is to be given to it.
    assert!(!view.running && !view.shadow.opened, "{view:?}");
    app.whole().await.unwrap();
}

#[tokio::test]
async fn one_stop_serves_all_who_ask_before_the_next_transaction() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), archiving()).await;
    app.give(None).await;
    app.follows().await;
    app.put(1).await;
    let before = app.world.starts();
    app.back_up("main").await;
    app.live("one").await;
    app.live("two").await;
    app.control.settle(1).await;
    app.settle().await;
    // The shadow once, and each of the three copies.
    assert_eq!(app.world.starts() - before, 4);
    assert_eq!(app.shadow().await.unwrap().copies, 3);
    for name in ["one", "two"] {
        assert_eq!(app.made(name).await, (Method::Shadow, "1".to_owned(), 1));
    }
}

#[tokio::test]
async fn it_is_made_of_the_latest_backup_where_there_is_one() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), archiving()).await;
    app.put(1).await;
    app.settle().await;
    app.back_up("main").await;
    app.settle().await;
    app.put(2).await;
    app.settle().await;
    let since = app.world.calls();
    app.give(None).await;
    app.follows().await;
    assert_eq!(app.called(since, "instances.freezer"), 0);
    let shadow = app.shadow().await.unwrap();
    assert_eq!(shadow.backup, Some(app.backups().await[0].id));
    assert!(shadow.position.unwrap().gtid_set.ends_with(":1-3"));
    // A branch of a moment in the past needs no other backup than that of a shadow.
    app.back_up("main").await;
    app.settle().await;
    assert_eq!(
        app.backups().await[1].copied.unwrap().method,
        Method::Shadow
    );
}

#[tokio::test]
async fn one_that_follows_every_so_often_does_so() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), archiving()).await;
    app.give(Some(Duration::from_secs(3_600))).await;
    app.follows().await;
    assert!(app.world.running().len() == 1, "it rests at once");
    app.put(2).await;
    app.control.settle(1).await;
    let view = app.view().await;
    assert_eq!(view.shadow.next, 0, "it is not its time");
    assert!(view.lag_bytes.unwrap() > 0, "{view:?}");
    app.clock.advance(Duration::from_secs(3_600));
    app.control.settle(1).await;
    assert_eq!(app.view().await.shadow.next, 1);
    // Whoever asks gets what is there now.
    app.put(1).await;
    app.live("one").await;
    app.settle().await;
    assert_eq!(app.made("one").await, (Method::Shadow, "3".to_owned(), 3));
    let at = app.at("main").await;
    let read = Expected::one_of(vec![app.view().await.revision().to_string()]);
    app.clock.advance(SECOND);
    let changed = shadow::update(&app.control, &at, Some(None), &read).await;
    assert_eq!(changed.unwrap().shadow.every, None);
    let refusal = shadow::update(&app.control, &at, Some(None), &read).await;
    assert_eq!(refusal.unwrap_err().code, code::CHANGED);
}

#[tokio::test]
async fn what_cannot_be_used_is_passed_over_and_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), archiving()).await;
    app.give(Some(Duration::from_secs(3_600))).await;
    // Not made yet.
    app.world.breaks("binlogs.read");
    app.live("early").await;
    app.control.settle(1).await;
    app.world.mend();
    app.follows().await;
    assert_eq!(app.made("early").await.0, Method::Frozen);
    assert!(app.shadow().await.unwrap().passed_over.is_some());

    let old = app.shadow().await.unwrap();
    app.put(1).await;
    app.clock.advance(10 * SECOND);
    app.world.set_now(app.clock.now());
    app.control.settle(1).await;
    let object = app.world.vault().pop().unwrap();
    app.world.damage_object(&object);
    app.put(1).await;
    app.live("direct").await;
    app.control.settle(1).await;
    let broken = app.shadow().await.unwrap();
    assert_eq!(broken.state, ShadowState::Broken, "{broken:?}");
    assert!(broken.reason.unwrap().contains(&object));
    assert!(broken.passed_over.unwrap().contains(&object));
    app.follows().await;
    assert_eq!(
        app.made("direct").await,
        (Method::Frozen, "2".to_owned(), 2)
    );
    let again = app.shadow().await.unwrap();
    assert_ne!((again.volume, again.instance), (old.volume, old.instance));
    assert!(again.position.unwrap().gtid_set.ends_with(":1-2"));
    app.live("later").await;
    app.settle().await;
    assert_eq!(app.made("later").await.0, Method::Shadow);
    app.whole().await.unwrap();
}

#[tokio::test]
async fn one_that_is_too_far_behind_is_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = archiving();
    settings.shadows.lag_limit = Duration::from_secs(100);
    let app = App::fresh(dir.path(), settings).await;
    app.give(Some(Duration::from_secs(600))).await;
    app.follows().await;
    app.put(1).await;
    app.clock.advance(Duration::from_secs(800));
    app.world.set_now(app.clock.now());
    // As if the reconciler had been held up: it would have been given this before.
    app.world.breaks("binlogs.held");
    app.control.settle(1).await;
    app.live("one").await;
    app.control.settle(2).await;
    assert_eq!(app.made("one").await.0, Method::Frozen);
    let why = app.shadow().await.unwrap().passed_over.unwrap();
    assert!(why.contains("s behind"), "{why}");
    app.world.mend();
    app.follows().await;
}

#[tokio::test]
async fn after_an_unclean_end_it_goes_on_or_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut app = App::fresh(dir.path(), archiving()).await;
    app.give(None).await;
    app.follows().await;
    let first = app.shadow().await.unwrap();
    for (name, same) in [("one", true), ("two", false)] {
        app.put(1).await;
        app.clock.advance(10 * SECOND);
        app.world.set_now(app.clock.now());
        app.control.settle(1).await;
        let shadow = app.shadow().await.unwrap();
        assert!(shadow.opened, "{shadow:?}");
        if !same {
            app.world.without_undo();
        }
        // Its engine and Offshoot end.
        app.world.crash(shadow.instance, false);
        app.store.close().await;
        let (world, clock, root) = (app.world.clone(), app.clock.clone(), app.root.take());
        app = App::open(&world, dir.path(), clock, archiving()).await;
        app.root = root;
        app.put(1).await;
        app.follows().await;
        app.live(name).await;
        app.settle().await;
        let again = app.shadow().await.unwrap();
        assert_eq!(again.instance == first.instance, same, "{again:?}");
    }
    assert_eq!(app.made("one").await, (Method::Shadow, "2".to_owned(), 2));
    assert_eq!(app.made("two").await, (Method::Shadow, "4".to_owned(), 4));
}

#[tokio::test]
async fn it_goes_with_its_branch_and_with_production() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), archiving()).await;
    app.create("prod", None).await;
    app.settle().await;
    let development = app.at("prod").await;
    let refusal = shadow::create(&app.control, &development, None, &Once::unnamed()).await;
    assert_eq!(refusal.unwrap_err().code, code::SHADOW);
    branch::promote(&app.control, &development).await.unwrap();
    app.settle().await;
    let at = app.at("prod").await;
    let soon = Some(Duration::from_secs(59));
    let refusal = shadow::create(&app.control, &at, soon, &Once::unnamed()).await;
    assert_eq!(refusal.unwrap_err().field, Some("every_seconds"));
    let none = shadow::show(&app.control, &at).await.unwrap_err();
    assert_eq!(none.code, code::NOT_FOUND);
    for action in ["demote", "delete", "database"] {
        let at = app.at("prod").await;
        shadow::create(&app.control, &at, None, &Once::unnamed())
            .await
            .unwrap();
        let twice = shadow::create(&app.control, &at, None, &Once::unnamed()).await;
        assert_eq!(twice.unwrap_err().code, code::SHADOW);
        if action != "delete" {
            app.settle().await;
        }
        match action {
            "demote" => drop(branch::demote(&app.control, &at).await.unwrap()),
            "delete" => shadow::delete(&app.control, &at, &Expected::any())
                .await
                .unwrap(),
            _ => {
                let at = app.database().await;
                database::delete(&app.control, &at, &Expected::any())
                    .await
                    .unwrap();
            }
        }
        app.settle().await;
        app.whole().await.unwrap();
        let left = app.store.read().await.unwrap().shadows().await.unwrap();
        assert!(left.is_empty(), "{action}: {left:?}");
        if action == "demote" {
            branch::promote(&app.control, &at).await.unwrap();
            app.settle().await;
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Make,
    MakeOfBackup,
    LiveBranch,
    Backup,
    Demote,
}

struct Breaking(What);

static ROOT: std::sync::Mutex<Vec<(std::path::PathBuf, offshoot_control::caller::Caller)>> =
    std::sync::Mutex::new(Vec::new());

#[async_trait]
impl Scenario for Breaking {
    type App = App;

    fn world(&self) -> World {
        World::new(ENGINE)
    }

    async fn open(&self, world: &World, dir: &Path) -> App {
        let clock = Arc::new(TestClock::default());
        // A later process has a later clock.
        clock.advance(Duration::from_secs(world.calls() * 100));
        let mut app = App::open(world, dir, clock, archiving()).await;
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

    async fn prepare(&self, app: &App, _: &World) {
        app.shop().await;
        app.put(1).await;
        app.settle().await;
        match self.0 {
            What::Make => {}
            What::MakeOfBackup => {
                app.back_up("main").await;
                app.settle().await;
                app.put(1).await;
            }
            What::LiveBranch | What::Backup | What::Demote => {
                app.give(None).await;
                app.follows().await;
            }
        }
        if self.0 == What::Demote {
            // Another one is the default branch then.
            app.create("other", None).await;
            app.settle().await;
            branch::promote(&app.control, &app.at("other").await)
                .await
                .unwrap();
            app.settle().await;
            let change = database::DatabaseChange {
                default_branch: Some("other".to_owned()),
                ..database::DatabaseChange::default()
            };
            database::update(&app.control, &app.database().await, change)
                .await
                .unwrap();
        }
        app.put(2).await;
    }

    async fn act(&self, app: &App, _: &World) -> Result<(), String> {
        let (control, at) = (&app.control, app.at("main").await);
        match self.0 {
            What::Make | What::MakeOfBackup => shadow::create(control, &at, None, &Once::unnamed())
                .await
                .map(drop),
            What::LiveBranch => {
                let mut new = new_branch("live", Some("main"));
                new.seed = SeedRequest::Live;
                branch::create(control, &app.database().await, new, &Once::unnamed())
                    .await
                    .map(drop)
            }
            What::Backup => {
                let new = offshoot_control::backup::NewBackup::default();
                offshoot_control::backup::create(control, &at, new, &Once::unnamed())
                    .await
                    .map(drop)
            }
            What::Demote => branch::demote(control, &at).await.map(drop),
        }
        .map_err(|e| e.to_string())
    }

    async fn settle(&self, app: &App) {
        app.settle().await;
    }

    async fn check(&self, app: &App, world: &World, outcome: Outcome) -> Result<(), String> {
        let (fatal, done) = (outcome.fatal, outcome.acknowledged);
        app.follows().await;
        app.whole().await?;
        let committed = world.committed(app.at("main").await.branch().instance);
        let shadow = app.shadow().await;
        match (self.0, &shadow) {
            (What::Make | What::MakeOfBackup, None) if !done => return Ok(()),
            (What::Demote, None) => return Ok(()),
            (What::Demote, Some(_)) if done => return Err("it is still there".to_owned()),
            (_, None) => return Err("there is no shadow".to_owned()),
            (_, Some(shadow)) => {
                let set = &shadow.position.as_ref().ok_or("no position")?.gtid_set;
                if !set.ends_with(&format!("-{}", committed.len())) {
                    return Err(format!("{} committed: {shadow:?}", committed.len()));
                }
            }
        }
        match self.0 {
            What::LiveBranch => {
                let mut session = app.store.read().await.unwrap();
                let branches = session.all_branches().await.unwrap();
                drop(session);
                match branches
                    .iter()
                    .any(|b| b.name.as_str() == "live" && !b.deleting)
                {
                    true => {
                        let (_, last, held) = app.made("live").await;
                        match held == committed.len() && last == held.to_string() {
                            true => Ok(()),
                            false => Err(format!("{held} are there, {last} are said to be")),
                        }
                    }
                    false if fatal || !done => Ok(()),
                    false => Err("the branch is gone".to_owned()),
                }
            }
            What::Backup => match app.backups().await.as_slice() {
                [] if !done => Ok(()),
                [b] if b.state == BackupState::Success => {
                    let set = &b.position.as_ref().unwrap().gtid_set;
                    match set.ends_with(&format!("-{}", committed.len())) {
                        true => Ok(()),
                        false => Err(set.clone()),
                    }
                }
                [b] if b.state == BackupState::Failed && fatal => Ok(()),
                other => Err(format!("{other:?}")),
            },
            What::Make | What::MakeOfBackup | What::Demote => Ok(()),
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
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            survives(&Breaking(What::$what)).await;
        }
    )+};
}

survives! {
    a_shadow_is_made: Make,
    a_shadow_is_made_of_a_backup: MakeOfBackup,
    a_live_branch_of_a_shadow: LiveBranch,
    a_backup_of_a_shadow: Backup,
    a_demotion_with_a_shadow: Demote,
}
