//! A control over a world in memory, and what tests say about it.

use offshoot_control::automation::AutomationView;
use offshoot_control::backup::{self, BackupView, NewBackup};
use offshoot_control::branch::{self, BranchView, NewBranch, SeedRequest};
use offshoot_control::caller::{Caller, authenticate};
use offshoot_control::database::{self, DatabaseView, NewDatabase};
use offshoot_control::drill::{self, DrillFilter};
use offshoot_control::iteration::IterationView;
use offshoot_control::locate::{
    self, LocatedBackup, LocatedBranch, LocatedDatabase, LocatedImport,
};
use offshoot_control::once::Once;
use offshoot_control::page::Page;
use offshoot_control::webhook::Shapes;
use offshoot_control::{Control, Limits, Ports, Settings};
use offshoot_core::backup::Backup;
use offshoot_core::backup_policy::{Every, Unit};
use offshoot_core::drill::Drill;
use offshoot_core::id::BranchId;
use offshoot_core::import::Import;
use offshoot_core::name::{BranchName, DatabaseName};
use offshoot_core::off_site::CopyState;
use offshoot_core::port::Clock;
use offshoot_core::volume::{Stored, StoredState};
use offshoot_store::{Durability, MasterKey, Store};
use offshoot_testkit::fake::{
    FakeArchive, FakeBinlogs, FakeCredentialFiles, FakeEngines, FakeInstances, FakeOutbound,
    FakeSchemas, FakeSeeds, FakeSessions, FakeVault, FakeVolumes, SeededIds, TestClock, World,
};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub(crate) const ENGINE: &str = "mysql-9.7.4";
const MIB: u64 = 1 << 20;

/// One process.
pub(crate) struct App {
    pub(crate) control: Control,
    pub(crate) store: Store,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) world: World,
    pub(crate) root: Option<Caller>,
}

pub(crate) fn settings() -> Settings {
    let mut settings = Settings::new(
        "nnnnnnnnnnnn".parse().unwrap(),
        "llllllllllll".parse().unwrap(),
    );
    settings.copy_on_write = true;
    settings.memory_budget = 8192 * MIB;
    settings.sleep_after = Duration::ZERO;
    // Only where a test is about it: it looks at every production branch in every pass.
    settings.backups.binlog_interval = Duration::ZERO;
    // No policy is due by itself.
    settings.backups.schedule.every = Every::new(12, Unit::Month);
    settings.backups.drill = None;
    settings.limits = Limits {
        quiet: Duration::from_millis(1),
        poll: Duration::from_millis(20),
        wake_timeout: Duration::from_secs(5),
        admission_patience: Duration::from_millis(50),
        admission_timeout: Duration::from_millis(150),
        spare_volumes: 1,
        ..Limits::default()
    };
    settings
}

/// Shows what webhooks tell of by its state.
struct PlainShapes;

impl Shapes for PlainShapes {
    fn branch(&self, view: BranchView) -> Value {
        json!({"id": view.branch.id, "name": view.branch.name, "state": format!("{:?}", view.branch.state).to_lowercase()})
    }

    fn database(&self, view: DatabaseView) -> Value {
        json!({"id": view.database.id, "name": view.database.name})
    }

    fn backup(&self, view: BackupView) -> Value {
        json!({"id": view.backup.id, "name": view.backup.name})
    }

    fn drill(&self, drill: Drill) -> Value {
        json!({"id": drill.id})
    }

    fn iteration(&self, view: IterationView) -> Value {
        let links = view.bindings.iter().flat_map(|b| &b.handovers);
        assert!(links.into_iter().all(|h| h.link.is_none()), "{view:?}");
        json!({"id": view.known.id, "branches": view.bindings.len()})
    }

    fn automation(&self, view: AutomationView) -> Value {
        json!({"id": view.automation.id})
    }
}

/// Ids differ between two processes on one world.
static SEED: AtomicU64 = AtomicU64::new(1);

impl App {
    pub(crate) async fn open(
        world: &World,
        dir: &Path,
        clock: Arc<TestClock>,
        settings: Settings,
    ) -> Self {
        let key = MasterKey::from_bytes([9; 32]);
        let store = Store::open(&dir.join("offshoot.db"), key, Durability::Process)
            .await
            .unwrap();
        let ports = Ports {
            clock: clock.clone(),
            ids: Arc::new(SeededIds::new(SEED.fetch_add(1, Ordering::SeqCst))),
            volumes: Arc::new(FakeVolumes(world.clone())),
            engines: Arc::new(FakeEngines(world.clone())),
            instances: Arc::new(FakeInstances(world.clone())),
            schemas: Arc::new(FakeSchemas(world.clone())),
            seeds: Arc::new(FakeSeeds(world.clone())),
            sessions: Arc::new(FakeSessions(world.clone())),
            binlogs: Arc::new(FakeBinlogs(world.clone())),
            vault: Arc::new(FakeVault(world.clone())),
            archive: Some(Arc::new(FakeArchive(world.clone()))),
            outbound: Arc::new(FakeOutbound(world.clone())),
            identities: None,
            credential_files: Arc::new(FakeCredentialFiles(world.clone())),
            shapes: Arc::new(PlainShapes),
        };
        let control = Control::new(store.clone(), ports, settings);
        let mut app = Self {
            control,
            store,
            clock,
            world: world.clone(),
            root: None,
        };
        if let Some(root) = app.control.bootstrap().await.unwrap() {
            let caller = app.login(&root.id, &root.token).await;
            app.root = Some(caller);
        }
        app
    }

    pub(crate) async fn login(&self, id: &str, token: &SecretString) -> Caller {
        authenticate(&self.control, id, token, None).await.unwrap()
    }

    /// A new installation with database `shop`, table `orders` on `main`, at rest.
    pub(crate) async fn fresh(dir: &Path, settings: Settings) -> Self {
        let clock = Arc::new(TestClock::default());
        let app = Self::open(&World::new(ENGINE), dir, clock, settings).await;
        app.shop().await;
        app
    }

    pub(crate) async fn shop(&self) {
        let at = locate::organization(&self.control, self.caller(), "default", &[])
            .await
            .unwrap();
        let new = NewDatabase {
            name: DatabaseName::parse("shop").unwrap(),
            engine: None,
            default_branch: None,
            deletion_protected: false,
            size: None,
            password: None,
        };
        database::create(&self.control, &at, new, &Once::unnamed())
            .await
            .unwrap();
        self.settle().await;
        let main = self.at("main").await;
        let instance = main.branch().instance;
        self.world
            .put_table(instance, "shop", "orders", "CREATE TABLE orders (id INT)");
    }

    pub(crate) fn clock_now(&self) -> jiff::Timestamp {
        self.clock.now()
    }

    pub(crate) fn caller(&self) -> &Caller {
        self.root.as_ref().unwrap()
    }

    pub(crate) async fn database(&self) -> LocatedDatabase {
        locate::database(&self.control, self.caller(), "default", "shop", &[])
            .await
            .unwrap()
    }

    pub(crate) async fn at(&self, branch: &str) -> LocatedBranch {
        locate::branch(&self.control, self.caller(), "default", "shop", branch, &[])
            .await
            .unwrap()
    }

    pub(crate) async fn create(&self, name: &str, parent: Option<&str>) -> BranchId {
        let new = new_branch(name, parent);
        self.clock.advance(Duration::from_millis(1));
        branch::create(&self.control, &self.database().await, new, &Once::unnamed())
            .await
            .unwrap()
            .branch
            .branch
            .id
    }

    pub(crate) async fn tables(&self, branch: &str) -> Vec<String> {
        let at = self.at(branch).await;
        self.world.tables(at.branch().instance)
    }

    /// The import of branch `one` that has not ended.
    pub(crate) async fn live_import(&self) -> Option<Import> {
        let one = self.at("one").await.branch().id;
        let mut session = self.store.read().await.unwrap();
        session.live_import(one).await.unwrap()
    }

    pub(crate) async fn back_up(&self, branch: &str) {
        let at = self.at(branch).await;
        backup::create(&self.control, &at, NewBackup::default(), &Once::unnamed())
            .await
            .unwrap();
    }

    pub(crate) async fn backups(&self) -> Vec<Backup> {
        let mut session = self.store.read().await.unwrap();
        session.all_backups().await.unwrap()
    }

    /// The oldest backup of branch `main`.
    pub(crate) async fn backup(&self) -> LocatedBackup {
        let id = self.backups().await[0].id.to_string();
        let (control, caller) = (&self.control, self.caller());
        locate::backup(control, caller, "default", "shop", "main", &id, &[])
            .await
            .unwrap()
    }

    /// Newest first.
    pub(crate) async fn drills(&self) -> Vec<Drill> {
        let at = self.database().await;
        let filter = DrillFilter::default();
        let listed = drill::list(&self.control, &at, &filter, Page::default()).await;
        listed.unwrap().items
    }

    /// More than an hour has passed since the world began, as in a process after a death.
    pub(crate) fn late(&self) -> bool {
        let began = TestClock::default().now();
        self.clock.now() > began.checked_add(Duration::from_secs(3_600)).unwrap()
    }

    pub(crate) async fn import(&self) -> LocatedImport {
        let id = self.live_import().await.unwrap().id.to_string();
        let control = &self.control;
        locate::import(control, self.caller(), "default", "shop", "one", &id, &[])
            .await
            .unwrap()
    }

    /// Time passes until there is nothing left to do. Ends early when the process is dead.
    pub(crate) async fn settle(&self) {
        for _ in 0..60 {
            if self.store.faults().dead() {
                return;
            }
            self.world.set_now(self.clock.now());
            let done = self.control.settle(2).await;
            self.clock.advance(Duration::from_secs(31));
            if done && self.control.settle(1).await {
                self.clock.advance(Duration::from_secs(61));
                self.control.settle(2).await;
                return;
            }
        }
        panic!("does not come to rest");
    }

    /// What the store has belongs to backups that are here, and no removal is left. `fatal`: what
    /// failed for good is tried again much later.
    pub(crate) async fn copies_follow(&self, fatal: bool) -> Result<(), String> {
        let mut session = self.store.read().await.map_err(|e| e.to_string())?;
        let rows = session.backup_copies().await.unwrap();
        let settled = |state| matches!(state, CopyState::Exported | CopyState::Failed);
        if let Some(left) = rows.iter().find(|c| !settled(c.state) && !fatal) {
            return Err(format!("not settled: {left:?}"));
        }
        let known: Vec<_> = rows.iter().map(|c| c.backup).collect();
        let there = self.world.copies();
        if let Some(lost) = there.iter().find(|id| !known.contains(id)) {
            return Err(format!("nobody knows of copy {lost}: {rows:?}"));
        }
        let exported = rows.iter().filter(|c| c.state == CopyState::Exported);
        match exported.map(|c| c.backup).find(|id| !there.contains(id)) {
            Some(missing) => Err(format!("copy {missing} is not there")),
            None => Ok(()),
        }
    }

    /// The backup's image is in the pool.
    pub(crate) async fn has_image(&self, backup: &Backup) -> Result<(), String> {
        match self.world.snapshots().contains(&backup.snapshot) {
            true => Ok(()),
            false => Err(format!("no image: {backup:?}")),
        }
    }

    /// What is there is owned, and what is owned is there.
    pub(crate) async fn whole(&self) -> Result<(), String> {
        let mut session = self.store.read().await.map_err(|e| e.to_string())?;
        let left = session.workflows_left().await.unwrap();
        if left > 0 {
            return Err(format!("{left} workflows are left"));
        }
        let volumes = session.volumes().await.unwrap();
        if let Some(v) = volumes.iter().find(|v| v.state != StoredState::Ready) {
            return Err(format!("not ready: {v:?}"));
        }
        let snapshots = session.snapshots().await.unwrap();
        if let Some(s) = snapshots.iter().find(|s| s.state != StoredState::Ready) {
            return Err(format!("not ready: {s:?}"));
        }
        let rows: BTreeSet<Stored> = volumes
            .iter()
            .map(|v| Stored::Volume(v.id))
            .chain(snapshots.iter().map(|s| Stored::Snapshot(s.id)))
            .collect();
        let there: BTreeSet<Stored> = self
            .world
            .volumes()
            .into_iter()
            .map(Stored::Volume)
            .chain(self.world.snapshots().into_iter().map(Stored::Snapshot))
            .collect();
        if rows != there {
            return Err(format!("rows {rows:?}, pool {there:?}"));
        }
        let wanted: BTreeSet<_> = session
            .active_instances()
            .await
            .unwrap()
            .iter()
            .map(|i| i.id)
            .collect();
        let running: BTreeSet<_> = self.world.running().into_iter().collect();
        if wanted != running {
            return Err(format!("wanted {wanted:?}, running {running:?}"));
        }
        let known: BTreeSet<_> = session.instance_ids().await.unwrap().into_iter().collect();
        let remains: BTreeSet<_> = self.world.remains().into_iter().collect();
        if !remains.is_subset(&known) {
            return Err(format!("remains {remains:?}, known {known:?}"));
        }
        Ok(())
    }
}

pub(crate) fn new_branch(name: &str, parent: Option<&str>) -> NewBranch {
    NewBranch {
        seed: SeedRequest::Schema,
        name: BranchName::parse(name).unwrap(),
        parent: parent.map(str::to_owned),
        password: None,
        expires_at: None,
        ttl: None,
        labels: BTreeMap::new(),
        deletion_protected: false,
        sleep_after: None,
        event_scheduler: false,
        size: None,
        max_connections: None,
        disk_quota: None,
    }
}
