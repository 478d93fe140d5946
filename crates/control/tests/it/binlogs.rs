//! The binlog archive and branches of moments, over a world in memory: what is archived, when it
//! ends, what goes, and that neither a failure nor a death makes a gap.

use crate::setup::{App, ENGINE, new_branch, settings};
use async_trait::async_trait;
use jiff::Timestamp;
use offshoot_control::branch::{self, SeedRequest};
use offshoot_control::once::Once;
use offshoot_control::revision::Expected;
use offshoot_control::{RestorePoint, Settings, backup, locate};
use offshoot_core::Refusal;
use offshoot_core::backup::BackupState;
use offshoot_core::binlog::{History, Range, Segment};
use offshoot_core::id::BranchId;
use offshoot_core::port::{Clock, Vault};
use offshoot_core::refusal::code;
use offshoot_testkit::crash::{Outcome, Scenario, survives};
use offshoot_testkit::fake::{FakeVault, TestClock, World};
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
    async fn commit(&self, branch: &str) -> Timestamp {
        let instance = self.at(branch).await.branch().instance;
        self.clock.advance(SECOND);
        let now = self.clock.now();
        self.world.commit(instance, now);
        now
    }

    async fn histories(&self) -> Vec<(History, Vec<Segment>)> {
        let mut session = self.store.read().await.unwrap();
        let mut all = Vec::new();
        for history in session.all_histories().await.unwrap() {
            let segments = session.segments(&history, 0).await.unwrap();
            all.push((history, segments));
        }
        all
    }

    /// A branch of `main` as it was.
    async fn past(&self, name: &str, point: &str) -> Result<BranchId, Refusal> {
        let mut new = new_branch(name, None);
        new.seed = SeedRequest::PointInTime(RestorePoint::parse(point));
        let at = self.database().await;
        let made = branch::create(&self.control, &at, new, &Once::unnamed()).await?;
        Ok(made.branch.branch.id)
    }

    async fn committed(&self, branch: &str) -> Vec<Timestamp> {
        let instance = self.at(branch).await.branch().instance;
        self.world.committed(instance)
    }

    /// Every transaction of a branch since its history began is archived, without a gap, in objects
    /// that are as they were written; and there is no other object.
    async fn archived_whole(&self, branch: &str) -> Result<(), String> {
        let at = self.at(branch).await;
        let committed = self.world.committed(at.branch().instance).len();
        let mut objects = Vec::new();
        for (history, segments) in self.histories().await {
            let mut mark = None;
            for (n, segment) in segments.iter().enumerate() {
                if n > 0 && segment.number != segments[n - 1].number + 1 {
                    return Err(format!("segment {} is missing", segment.number - 1));
                }
                if mark.is_some_and(|to| to != segment.from) {
                    return Err(format!("a gap before segment {}", segment.number));
                }
                mark = Some(segment.to);
                let content = FakeVault(self.world.clone())
                    .get(&segment.object)
                    .await
                    .map_err(|e| e.to_string())?;
                let range = Range::decode(&content).map_err(|e| e.to_string())?;
                if (range.from, range.to()) != (segment.from, segment.to) {
                    return Err(format!("{} is not what it should be", segment.object));
                }
                objects.push(segment.object.clone());
            }
            let behind = history.ended_at.is_none()
                && history.branch == at.branch().id
                && !history
                    .archived
                    .to_string()
                    .ends_with(&format!("-{committed}"))
                && committed > 1;
            if behind {
                return Err(format!(
                    "{committed} committed, archived {}",
                    history.archived
                ));
            }
        }
        objects.sort();
        let there = self.world.vault();
        match there == objects {
            true => Ok(()),
            false => Err(format!("rows {objects:?}, vault {there:?}")),
        }
    }
}

#[tokio::test]
async fn what_production_branches_commit_is_archived_and_any_moment_can_be_had() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), archiving()).await;
    app.commit("main").await;
    app.settle().await;
    app.archived_whole("main").await.unwrap();
    let view = branch::show(&app.control, &app.at("main").await)
        .await
        .unwrap();
    let point = view.point_in_time.unwrap();
    assert_eq!(point.window, None, "there is no backup yet");
    let refusal = app
        .past("early", &app.clock.now().to_string())
        .await
        .unwrap_err();
    assert_eq!(refusal.code, code::RESTORE_POINT);
    assert!(refusal.public.contains("a backup"), "{refusal}");

    app.back_up("main").await;
    app.settle().await;
    let first = app.commit("main").await;
    let second = app.commit("main").await;
    app.world.set_now(app.clock.now());
    // Not archived yet: asking for the moment does it.
    app.past("one", &first.to_string()).await.unwrap();
    app.settle().await;
    app.archived_whole("main").await.unwrap();
    assert_eq!(app.committed("main").await.len(), 3);
    assert_eq!(app.committed("one").await.len(), 2);
    let origin = branch::show(&app.control, &app.at("one").await)
        .await
        .unwrap()
        .origin
        .unwrap();
    assert_eq!(origin.restore_point, Some(first.to_string()));
    assert!(origin.position.unwrap().gtid_set.ends_with(":1-2"));

    let set = "abababab-abab-abab-abab-abababababab:1-3";
    app.past("two", set).await.unwrap();
    app.settle().await;
    assert_eq!(app.committed("two").await.last(), Some(&second));

    let window = branch::show(&app.control, &app.at("main").await)
        .await
        .unwrap();
    let window = window.point_in_time.unwrap().window.unwrap();
    let (before, later) = (window.from - SECOND, app.clock.now() + SECOND);
    for (name, point) in [
        ("before", before.to_string()),
        ("later", later.to_string()),
        ("never", set.replace(":1-3", ":1-9")),
    ] {
        let refusal = app.past(name, &point).await.unwrap_err();
        assert_eq!(refusal.code, code::RESTORE_POINT);
        assert!(
            refusal.public.contains(&window.from.to_string()),
            "{refusal}"
        );
    }
    let refusal = app.past("x", "yesterday 5").await.unwrap_err();
    assert_eq!(refusal.field, Some("restore_point"));
}

#[tokio::test]
async fn a_branch_that_writes_no_binlog_begins_another_history() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), archiving()).await;
    app.create("one", None).await;
    app.settle().await;
    assert_eq!(
        app.histories().await.len(),
        1,
        "a development branch has none"
    );
    branch::promote(&app.control, &app.at("one").await)
        .await
        .unwrap();
    app.settle().await;
    app.commit("one").await;
    app.settle().await;
    branch::demote(&app.control, &app.at("one").await)
        .await
        .unwrap();
    app.settle().await;
    app.commit("one").await;
    branch::promote(&app.control, &app.at("one").await)
        .await
        .unwrap();
    app.settle().await;
    let one = app.at("one").await.branch().id;
    let all = app.histories().await;
    let own: Vec<_> = all.iter().filter(|(h, _)| h.branch == one).collect();
    // The first has no backup that could need it, so it is gone.
    assert_eq!(own.len(), 1);
    assert_eq!(own[0].0.ended_at, None);
    assert!(own[0].0.before.to_string().ends_with(":1-2"), "{own:?}");
    app.archived_whole("one").await.unwrap();
}

#[tokio::test]
async fn what_no_backup_needs_goes_and_what_one_needs_stays() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), archiving()).await;
    for _ in 0..2 {
        app.commit("main").await;
        app.settle().await;
        app.back_up("main").await;
        app.settle().await;
        app.commit("main").await;
        app.settle().await;
    }
    let segments = |all: &[(History, Vec<Segment>)]| {
        all.iter()
            .flat_map(|(_, s)| s)
            .map(|s| s.number)
            .collect::<Vec<_>>()
    };
    app.clock.advance(Duration::from_secs(3_600));
    app.settle().await;
    // The first is in the first backup already.
    assert_eq!(segments(&app.histories().await), [1, 2, 3]);
    let oldest = app.backups().await[0].id.to_string();
    let at = locate::backup(
        &app.control,
        app.caller(),
        "default",
        "shop",
        "main",
        &oldest,
        &[],
    )
    .await
    .unwrap();
    backup::delete(&app.control, &at, &Expected::any(), false)
        .await
        .unwrap();
    app.clock.advance(Duration::from_secs(3_600));
    app.settle().await;
    assert_eq!(segments(&app.histories().await), [3]);
    app.archived_whole("main").await.unwrap();
    let moment = app.backups().await[0].completed_at.unwrap();
    app.past("one", &moment.to_string()).await.unwrap();
    app.settle().await;
    assert_eq!(app.committed("one").await.len(), 3);
}

#[tokio::test]
async fn a_damaged_object_is_refused_by_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), archiving()).await;
    app.settle().await;
    app.back_up("main").await;
    app.settle().await;
    let moment = app.commit("main").await;
    app.settle().await;
    let object = app.world.vault().pop().unwrap();
    app.world.damage_object(&object);
    app.clock.advance(SECOND);
    app.world.set_now(app.clock.now());
    let id = app.past("one", &moment.to_string()).await.unwrap();
    app.settle().await;
    let refusal = branch::wait_ready(&app.control, id, SECOND)
        .await
        .unwrap_err();
    assert!(refusal.to_string().contains(&object), "{refusal}");
    app.whole().await.unwrap();
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Archive,
    PointInTime,
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
        app.commit("main").await;
        app.settle().await;
        if self.0 == What::PointInTime {
            app.back_up("main").await;
            app.settle().await;
            app.commit("main").await;
            app.commit("main").await;
            app.settle().await;
        }
    }

    async fn act(&self, app: &App, _: &World) -> Result<(), String> {
        match self.0 {
            What::Archive => {
                app.commit("main").await;
                app.commit("main").await;
                Ok(())
            }
            What::PointInTime => {
                let moment = app.committed("main").await[1];
                let made = app.past("past", &moment.to_string()).await;
                made.map(drop).map_err(|e| e.to_string())
            }
        }
    }

    async fn settle(&self, app: &App) {
        app.settle().await;
    }

    async fn check(&self, app: &App, _: &World, outcome: Outcome) -> Result<(), String> {
        app.whole().await?;
        app.archived_whole("main").await?;
        if self.0 == What::Archive {
            return Ok(());
        }
        let there =
            locate::branch(&app.control, app.caller(), "default", "shop", "past", &[]).await;
        match there {
            Ok(_) => match app.committed("past").await.len() {
                2 => Ok(()),
                n => Err(format!("{n} transactions, not 2")),
            },
            Err(_) if outcome.fatal || !outcome.acknowledged => Ok(()),
            Err(_) => Err("the branch is gone".to_owned()),
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

#[tokio::test(flavor = "multi_thread")]
async fn archiving_survives_everything() {
    survives(&Breaking(What::Archive)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_of_a_moment_survives_everything() {
    survives(&Breaking(What::PointInTime)).await;
}

#[tokio::test]
async fn a_backup_under_way_keeps_what_it_will_need() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::fresh(dir.path(), archiving()).await;
    app.commit("main").await;
    app.settle().await;
    app.back_up("main").await;
    assert_eq!(app.backups().await[0].state, BackupState::Pending);
    app.commit("main").await;
    app.settle().await;
    app.archived_whole("main").await.unwrap();
}
