//! A supervisor over a temporary directory, with volumes made from an initialised data directory.
//! Everything it started is gone when it is dropped.

use async_trait::async_trait;
use offshoot_core::engine::EngineKind;
use offshoot_core::id::{InstanceId, VolumeId};
use offshoot_core::instance::{
    Accounts, Address, Endpoint, InstanceSecret, InstanceSpec, Profile, Purpose,
};
use offshoot_core::password::Role;
use offshoot_core::port::{Clock, Ids, PortResult};
use offshoot_mysqld::admin::Session;
use offshoot_mysqld::engine::EngineFiles;
use offshoot_mysqld::instance::{Setup, SetupError, Supervisor};
use offshoot_mysqld::{DataDirs, Owner, VolumeDir};
use secrecy::ExposeSecret;
use std::collections::HashMap;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};
use tempfile::TempDir;

/// An initialised data directory, shared by the tests that run at the same time.
struct Initialised {
    dir: TempDir,
}

static INITIALISED: Mutex<Option<HashMap<EngineKind, Weak<Initialised>>>> = Mutex::new(None);

fn initialised(files: &EngineFiles) -> Arc<Initialised> {
    let mut all = INITIALISED
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let all = all.get_or_insert_default();
    let kind = files.engine.kind;
    if let Some(there) = all.get(&kind).and_then(Weak::upgrade) {
        return there;
    }
    let dir = TempDir::with_prefix("offshoot-it-").unwrap();
    let data = dir.path().join("data");
    let mut command = files.command();
    command
        .arg(format!("--datadir={}", data.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if rustix::process::geteuid().is_root() {
        command.arg("--user=root");
    }
    match kind {
        EngineKind::Mysql => {
            command.args(["--initialize-insecure", "--secure-file-priv=NULL"]);
        }
        EngineKind::Mariadb => {
            std::fs::create_dir_all(data.join("mysql")).unwrap();
            let script = dir.path().join("boot.sql");
            let mut text = b"USE mysql;\n".to_vec();
            for part in ["system_tables", "performance_tables", "system_tables_data"] {
                let file = files.messages.join(format!("mysql_{part}.sql"));
                text.extend(std::fs::read(file).unwrap());
            }
            std::fs::write(&script, text).unwrap();
            command.args(["--bootstrap", "--skip-grant-tables"]);
            command.stdin(std::fs::File::open(&script).unwrap());
        }
    }
    assert!(command.status().unwrap().success());
    let made = Arc::new(Initialised { dir });
    all.insert(kind, Arc::downgrade(&made));
    made
}

/// A machine of its own for one test.
pub(crate) struct Stand {
    // The supervisor goes before the directory.
    pub(crate) supervisor: Supervisor,
    pub(crate) files: EngineFiles,
    dirs: Arc<TestDirs>,
    _initialised: Arc<Initialised>,
    dir: TempDir,
}

struct TestDirs {
    root: PathBuf,
    owners: Mutex<HashMap<VolumeId, Owner>>,
}

impl DataDirs for TestDirs {
    fn locate(&self, volume: VolumeId) -> PortResult<VolumeDir> {
        Ok(VolumeDir {
            path: self.root.join(volume.as_str()),
            owner: self.owners.lock().unwrap().get(&volume).copied(),
        })
    }
}

pub(crate) struct TestClock;

impl Clock for TestClock {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::from_second(1_800_000_000).unwrap()
    }
}

/// Unguessable enough: distinct within the machine's tests.
pub(crate) struct TestIds;

impl Ids for TestIds {
    fn fill(&self, bytes: &mut [u8]) {
        use std::io::Read;
        std::fs::File::open("/dev/urandom")
            .unwrap()
            .read_exact(bytes)
            .unwrap();
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        kill_engines(&self.run());
    }
}

/// Kills by the number in the state files, what the supervisors of a run directory started.
pub(crate) fn kill_engines(run: &Path) {
    let Ok(records) = offshoot_mysqld::instance::record::Records::open(run) else {
        return;
    };
    for record in records.read().unwrap_or_default() {
        let process = record
            .process
            .as_ref()
            .and_then(offshoot_mysqld::instance::process::Process::adopt);
        if let Some(process) = process {
            process.kill();
            // Its directory can only be removed when it writes no more.
            for _ in 0..500 {
                if process.memory() == 0 {
                    break;
                }
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
        }
    }
}

impl Stand {
    pub(crate) fn new(files: EngineFiles) -> Self {
        let initialised = initialised(&files);
        let dir = TempDir::with_prefix("offshoot-it-").unwrap();
        let open = std::fs::Permissions::from_mode(0o711);
        std::fs::set_permissions(dir.path(), open).unwrap();
        let dirs = Arc::new(TestDirs {
            root: dir.path().join("pool"),
            owners: Mutex::default(),
        });
        std::fs::create_dir(&dirs.root).unwrap();
        let supervisor = supervisor(dir.path(), &files, &dirs).unwrap();
        Self {
            supervisor,
            files,
            dirs,
            _initialised: initialised,
            dir,
        }
    }

    pub(crate) fn run(&self) -> PathBuf {
        self.dir.path().join("run")
    }

    pub(crate) fn volume_path(&self, volume: VolumeId) -> PathBuf {
        self.dirs.root.join(volume.as_str())
    }

    /// Another supervisor on the same directories, as after a restart of Offshoot.
    pub(crate) fn restart(&mut self) {
        self.supervisor = supervisor(self.dir.path(), &self.files, &self.dirs).unwrap();
    }

    /// A spec with a volume of its own, ready to start.
    pub(crate) fn spec(&self, profile: Profile) -> InstanceSpec {
        self.spec_with(&self._initialised.dir.path().join("data"), profile)
    }

    /// The same with a copy of another volume, whose engine is stopped.
    pub(crate) fn fork(&self, from: VolumeId, profile: Profile) -> InstanceSpec {
        self.spec_with(&self.volume_path(from).join("data"), profile)
    }

    fn spec_with(&self, from: &Path, profile: Profile) -> InstanceSpec {
        let volume = VolumeId::from(TestIds.id());
        let path = self.volume_path(volume);
        std::fs::create_dir(&path).unwrap();
        let copied = Command::new("cp")
            .args(["-r", "--reflink=auto"])
            .args([from, &path.join("data")])
            .status();
        assert!(copied.unwrap().success());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        if rustix::process::geteuid().is_root() {
            let owner = unused_owner();
            self.dirs.owners.lock().unwrap().insert(volume, owner);
            give(&path, owner);
        }
        let mut secret = [0; 32];
        TestIds.fill(&mut secret);
        InstanceSpec {
            id: InstanceId::from(TestIds.id()),
            volume,
            engine: self.files.engine,
            purpose: Purpose::Warm,
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
}

/// User numbers above those that pools give out, different in each test.
fn unused_owner() -> Owner {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let n = NEXT.fetch_add(1, Ordering::Relaxed) % 64;
    let uid = 1_700_000 + (std::process::id() % 10_000) * 64 + n;
    Owner { uid, gid: uid }
}

pub(crate) fn give(path: &Path, owner: Owner) {
    chown(path, Some(owner.uid), Some(owner.gid)).unwrap();
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path(), owner);
        }
    }
}

fn supervisor(
    root: &Path,
    files: &EngineFiles,
    dirs: &Arc<TestDirs>,
) -> Result<Supervisor, SetupError> {
    let files = files.clone();
    Supervisor::new(Setup {
        run: root.join("run"),
        logs: root.join("logs"),
        dirs: Arc::clone(dirs) as Arc<dyn DataDirs>,
        engines: Arc::new(move |engine| (engine == files.engine).then(|| files.clone())),
        clock: Arc::new(TestClock),
        ids: Arc::new(TestIds),
        machine_memory: 2 << 30,
    })
}

pub(crate) fn socket(endpoint: &Endpoint) -> &Path {
    let Address::Unix(socket) = &endpoint.address;
    socket
}

/// A session with a role's account.
pub(crate) async fn session_of(endpoint: &Endpoint, role: Role) -> Session {
    let secret = endpoint.secret.of_role(role);
    Session::open_as(socket(endpoint), role.account(), secret.expose_secret())
        .await
        .unwrap()
}

/// The first column of the first row, as text.
pub(crate) async fn value(session: &mut Session, sql: &str) -> String {
    let rows = session.query(sql).await.unwrap();
    let value = rows.into_iter().next().and_then(|mut row| row.take(0));
    match value {
        Some(mysql_async::Value::Bytes(bytes)) => String::from_utf8(bytes).unwrap(),
        other => panic!("{sql}: {other:?}"),
    }
}

#[async_trait]
pub(crate) trait Refused {
    /// The error number with which the engine refuses a statement.
    async fn refused(&mut self, sql: &str) -> u16;
}

#[async_trait]
impl Refused for Session {
    async fn refused(&mut self, sql: &str) -> u16 {
        match self.query(sql).await {
            Ok(rows) => panic!("went through: {sql}: {rows:?}"),
            Err(error) => error.code().unwrap_or_else(|| panic!("{sql}: {error}")),
        }
    }
}
