//! A supervisor over a real pool, and a production engine with writers whose history can be checked.

use crate::instance_stand::{TestClock, TestIds, give, kill_engines, session_of, value};
use offshoot_core::backup::Position;
use offshoot_core::engine::EngineKind;
use offshoot_core::id::{InstanceId, VolumeId};
use offshoot_core::instance::{
    Accounts, Endpoint, InstanceSecret, InstanceSpec, Profile, Purpose, Stop,
};
use offshoot_core::password::Role;
use offshoot_core::port::{Ids, Instances, PortResult, Volumes};
use offshoot_core::volume::Stored;
use offshoot_mysqld::admin::Session;
use offshoot_mysqld::engine::EngineFiles;
use offshoot_mysqld::instance::record::Records;
use offshoot_mysqld::instance::{Setup, Supervisor};
use offshoot_mysqld::{DataDirs, Owner, VolumeDir};
use offshoot_testkit::engines;
use offshoot_testkit::pool::TestPool;
use offshoot_volumes::{Pool, PoolOptions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::task::JoinSet;

/// Writers beside the one with the chain: they keep several commits under way at once.
const OTHERS: u32 = 3;
/// Longest a busy test machine may let an engine stand still.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

pub(crate) struct Stand {
    // In this order: engines' owner, pool, filesystem.
    pub(crate) supervisor: Supervisor,
    pub(crate) pool: Arc<Pool>,
    pub(crate) files: EngineFiles,
    dir: TempDir,
    _place: TestPool,
}

struct Dirs(Arc<Pool>);

impl DataDirs for Dirs {
    fn locate(&self, volume: VolumeId) -> PortResult<VolumeDir> {
        let located = self.0.locate(volume)?;
        Ok(VolumeDir {
            path: located.path,
            owner: located.owner.map(|(uid, gid)| Owner { uid, gid }),
        })
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        kill_engines(&self.dir.path().join("run"));
    }
}

impl Stand {
    pub(crate) fn new(place: TestPool, files: EngineFiles) -> Self {
        let pool = Arc::new(Pool::open(&place.dir, PoolOptions::default()).unwrap());
        let dir = TempDir::with_prefix("offshoot-it-").unwrap();
        let open = std::fs::Permissions::from_mode(0o711);
        std::fs::set_permissions(dir.path(), open).unwrap();
        Self {
            supervisor: supervisor(&dir, &pool, &files),
            pool,
            files,
            dir,
            _place: place,
        }
    }

    /// As after a restart of Offshoot.
    pub(crate) fn restart(&mut self) {
        self.supervisor = supervisor(&self.dir, &self.pool, &self.files);
    }

    pub(crate) fn records(&self) -> Records {
        Records::open(&self.dir.path().join("run")).unwrap()
    }

    pub(crate) fn spec(&self, volume: VolumeId, profile: Profile) -> InstanceSpec {
        let mut secret = [0; 32];
        TestIds.fill(&mut secret);
        InstanceSpec {
            id: InstanceId::from(TestIds.id()),
            volume,
            engine: self.files.engine,
            purpose: Purpose::Prepare,
            profile,
            secret: InstanceSecret::new(secret),
            accounts: Accounts::Anew,
            copied: false,
            event_scheduler: false,
            memory_limit: None,
            buffer_pool: None,
            cpu_limit: None,
        }
    }

    pub(crate) fn data(&self, volume: VolumeId) -> PathBuf {
        self.pool.locate(volume).unwrap().path.join("data")
    }

    /// A production engine with an empty chain, and what it has written in its history so far.
    pub(crate) async fn parent(&self) -> (InstanceSpec, Endpoint, Position) {
        let volume = VolumeId::from(TestIds.id());
        self.pool.create(volume).await.unwrap();
        let located = self.pool.locate(volume).unwrap();
        let template = engines::template(self.files.engine.kind).unwrap();
        let copied = Command::new("cp")
            .arg("-r")
            .args([&template, &located.path.join("data")])
            .status();
        assert!(copied.unwrap().success());
        if let Some((uid, gid)) = located.owner {
            give(&located.path.join("data"), Owner { uid, gid });
        }
        let spec = self.spec(volume, Profile::Production);
        let endpoint = self.supervisor.start(&spec).await.unwrap();
        let mut admin = session_of(&endpoint, Role::Admin).await;
        for sql in [
            "CREATE DATABASE shop",
            "CREATE TABLE shop.chain (n BIGINT PRIMARY KEY, h CHAR(64) NOT NULL) ENGINE=InnoDB",
            "CREATE TABLE shop.noise (n BIGINT AUTO_INCREMENT PRIMARY KEY, w INT NOT NULL) ENGINE=InnoDB",
            "INSERT INTO shop.chain VALUES (0, SHA2('', 256))",
        ] {
            admin.execute(sql).await.unwrap();
        }
        let begin = self.supervisor.position(&endpoint).await.unwrap();
        (spec, endpoint, begin)
    }

    /// Recovers a copy and compares it with the history. Its engine runs on.
    pub(crate) async fn examine(
        &self,
        spec: &InstanceSpec,
        begin: &Position,
    ) -> (Endpoint, Position) {
        let endpoint = self.supervisor.start(spec).await.unwrap();
        let position = self.supervisor.position(&endpoint).await.unwrap();
        let examined = self.supervisor.examine(&endpoint, &()).await.unwrap();
        let mut session = Session::open(&endpoint).await.unwrap();
        let rows = count(&mut session, "SELECT COUNT(*) FROM shop.chain").await;
        let last = count(&mut session, "SELECT MAX(n) FROM shop.chain").await;
        let noise = count(&mut session, "SELECT COUNT(*) FROM shop.noise").await;
        assert_eq!(rows, last + 1, "a row of the chain is missing");
        let broken = "SELECT COUNT(*) FROM shop.chain a JOIN shop.chain b ON b.n = a.n + 1 \
                      WHERE b.h <> SHA2(CONCAT(a.h, b.n), 256)";
        assert_eq!(count(&mut session, broken).await, 0);
        assert_eq!((examined.tables, examined.rows), (2, rows + noise));
        assert_eq!(
            transactions(&position) - transactions(begin),
            last + noise,
            "{position:?}"
        );
        (endpoint, position)
    }

    /// In the history of the running parent, the transaction after the position is the next one.
    pub(crate) async fn compare(&self, parent: &Endpoint, position: &Position) {
        let mut session = Session::open(parent).await.unwrap();
        let sql = format!(
            "SHOW BINLOG EVENTS IN '{}' FROM {} LIMIT 1",
            position.file, position.offset
        );
        let next = session.query(&sql).await.unwrap();
        let next: String = next.into_iter().next().unwrap().take(5).unwrap();
        let wanted = match self.files.engine.kind {
            EngineKind::Mysql => format!(":{}'", transactions(position) + 1),
            EngineKind::Mariadb => format!("-{}", transactions(position) + 1),
        };
        assert!(next.contains(&wanted), "{next} after {position:?}");
    }

    pub(crate) async fn discard(&self, spec: &InstanceSpec) {
        self.supervisor.stop(spec.id, Stop::Hard).await.unwrap();
        self.supervisor.forget(spec.id).await.unwrap();
        let volume = Stored::Volume(spec.volume);
        self.pool.remove(volume).await.unwrap();
    }
}

fn supervisor(dir: &TempDir, pool: &Arc<Pool>, files: &EngineFiles) -> Supervisor {
    let files = files.clone();
    Supervisor::new(Setup {
        run: dir.path().join("run"),
        logs: dir.path().join("logs"),
        dirs: Arc::new(Dirs(Arc::clone(pool))),
        engines: Arc::new(move |engine| (engine == files.engine).then(|| files.clone())),
        clock: Arc::new(TestClock),
        ids: Arc::new(TestIds),
        machine_memory: 2 << 30,
    })
    .unwrap()
}

/// How many transactions a history of one server has.
fn transactions(position: &Position) -> u64 {
    let last = position.gtid_set.rsplit([':', '-']).next().unwrap();
    last.parse().unwrap_or_else(|_| panic!("{position:?}"))
}

pub(crate) async fn count(session: &mut Session, sql: &str) -> u64 {
    value(session, sql).await.parse().unwrap()
}

/// Commit one row after the other until they are dropped or told to end.
pub(crate) struct Writers {
    go_on: Arc<AtomicBool>,
    tasks: JoinSet<u64>,
}

impl Writers {
    pub(crate) async fn start(endpoint: &Endpoint) -> Self {
        let go_on = Arc::new(AtomicBool::new(true));
        let mut tasks = JoinSet::new();
        let chain = "INSERT INTO shop.chain SELECT n + 1, SHA2(CONCAT(h, n + 1), 256) \
                     FROM shop.chain ORDER BY n DESC LIMIT 1";
        let noise = |n| format!("INSERT INTO shop.noise (w) VALUES ({n})");
        for sql in std::iter::once(chain.to_owned()).chain((0..OTHERS).map(noise)) {
            let mut session = session_of(endpoint, Role::Admin).await;
            let go_on = Arc::clone(&go_on);
            tasks.spawn(async move {
                let mut written = 0;
                while go_on.load(Ordering::Relaxed) && session.execute(&sql).await.is_ok() {
                    written += 1;
                }
                written
            });
        }
        Self { go_on, tasks }
    }

    /// Rows that were acknowledged. Their engine may be gone.
    pub(crate) async fn end(self) -> u64 {
        self.go_on.store(false, Ordering::Relaxed);
        self.tasks.join_all().await.into_iter().sum()
    }
}
