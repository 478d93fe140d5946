//! Instances: engine processes, started, confined, watched, adopted after a restart, and ended.
//!
//! Implements the port [`Instances`] with a [`Supervisor`]. It does not know why an engine runs and
//! never starts one unasked: what is to happen after an unasked end is `control`'s decision.

pub mod cgroup;
pub mod confine;
mod freeze;
mod hot_copy;
mod launch;
pub mod log;
mod logged;
pub mod process;
mod ready;
pub mod record;
mod safe_admin;
mod seal;
pub mod settings;

use crate::admin::{self, Session};
use crate::binlog::Readers;
use crate::engine::EngineFiles;
use crate::{DataDirs, VolumeDir};
use async_trait::async_trait;
use cgroup::Cgroups;
pub use confine::Confinement;
use freeze::Freezer;
use jiff::Timestamp;
use offshoot_core::backup::{Examined, Position};
use offshoot_core::engine::EngineRef;
use offshoot_core::id::{InstanceId, VolumeId};
use offshoot_core::instance::{
    Accounts, Activity, Address, Confined, Endpoint, EngineSession, InstanceEvent, InstanceSpec,
    Kill, Observed, Stop,
};
use offshoot_core::port::{Clock, Freeze, Ids, Instances, PortError, PortResult, Progress};
use offshoot_core::refusal::Refusal;
use process::Process;
use record::{Record, Records};
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// How long an engine may take to shut down before it is killed. A busy one with a full redo log
/// needs a few seconds.
pub const STOP_GRACE: Duration = Duration::from_secs(60);
/// How long a killed engine may take to be gone: the kernel frees its memory.
pub const KILL_GRACE: Duration = Duration::from_secs(30);
/// How long a session of ours may take to say goodbye before the engine is asked to shut down.
const GOODBYE_GRACE: Duration = Duration::from_secs(1);
/// How long an administrative session is kept for the next question.
pub const SESSION_IDLE: Duration = Duration::from_secs(5);
/// Unasked ends that wait to be fetched. Engines that end beyond it wait too.
const EVENT_LIMIT: usize = 1024;

/// Finds the files of an installed engine.
pub type FindEngine = Arc<dyn Fn(EngineRef) -> Option<EngineFiles> + Send + Sync>;

/// What a [`Supervisor`] works with.
pub struct Setup {
    /// Directory for sockets and state; made if missing, mode 0711. Every directory above it must
    /// be searchable by the engines' users. At most [`launch::SOCKET_PATH_LIMIT`] bytes less what a
    /// socket's name takes.
    pub run: PathBuf,
    /// Directory for logs; made if missing, mode 0700.
    pub logs: PathBuf,
    pub dirs: Arc<dyn DataDirs>,
    pub engines: FindEngine,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn Ids>,
    /// Memory of the machine in bytes.
    pub machine_memory: u64,
}

/// Why a supervisor could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error(
        "the run directory {} is too long for the sockets in it ({} bytes, at most {}): choose a shorter data directory, or run directory",
        .path.display(), .path.as_os_str().len(), launch::SOCKET_PATH_LIMIT - launch::SOCKET_PATH_REST
    )]
    PathTooLong { path: PathBuf },
    #[error("{}: {source}", .path.display())]
    Directory { path: PathBuf, source: io::Error },
}

/// All engine processes of this machine. Dropping it leaves the engines running: the next one on
/// the same directories adopts them.
pub struct Supervisor {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    run: PathBuf,
    logs: log::Logs,
    records: Records,
    dirs: Arc<dyn DataDirs>,
    engines: FindEngine,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    machine_memory: u64,
    cgroups: Option<Cgroups>,
    confinement: Confinement,
    running: Mutex<HashMap<InstanceId, Running>>,
    /// One start, stop or forget of an instance at a time.
    turns: Mutex<HashMap<InstanceId, Weak<tokio::sync::Mutex<()>>>>,
    sessions: Mutex<HashMap<InstanceId, (u64, Session)>>,
    readers: Readers,
    /// Of whoever made the supervisor. Engines are started from runtimes that end earlier, such as a
    /// gateway thread's; the end of an engine has to be seen after that.
    runtime: tokio::runtime::Handle,
    events: mpsc::Sender<InstanceEvent>,
    next: tokio::sync::Mutex<mpsc::Receiver<InstanceEvent>>,
}

#[derive(Clone)]
struct Running {
    record: Record,
    process: Arc<Process>,
    phase: Arc<AtomicU8>,
    /// How it ended, once it has.
    ended: watch::Receiver<Option<String>>,
    /// When its activity was last looked at.
    looked: Arc<tokio::sync::Mutex<Option<tokio::time::Instant>>>,
    /// One hot copy of it at a time.
    copying: Arc<tokio::sync::Mutex<()>>,
    /// Length of the log when it started.
    log_from: u64,
}

mod phase {
    pub(super) const STARTING: u8 = 0;
    pub(super) const SERVING: u8 = 1;
    pub(super) const STOPPING: u8 = 2;
}

impl Supervisor {
    /// Makes the directories and adopts the engines that live. Inside a tokio runtime.
    pub fn new(setup: Setup) -> Result<Self, SetupError> {
        let supervisor = Self::with(setup, Cgroups::detect())?;
        for sentence in supervisor.confinement().missing() {
            tracing::warn!("{sentence}");
        }
        Ok(supervisor)
    }

    /// The same for engines without limits of memory and CPU, which leaves cgroups alone.
    pub fn without_limits(setup: Setup) -> Result<Self, SetupError> {
        Self::with(setup, None)
    }

    fn with(setup: Setup, cgroups: Option<Cgroups>) -> Result<Self, SetupError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |source| SetupError::Directory { path, source }
        };
        if setup.run.as_os_str().len() > launch::SOCKET_PATH_LIMIT - launch::SOCKET_PATH_REST {
            return Err(SetupError::PathTooLong { path: setup.run });
        }
        fs::create_dir_all(&setup.run).map_err(at(&setup.run))?;
        let searchable = fs::Permissions::from_mode(0o711);
        fs::set_permissions(&setup.run, searchable).map_err(at(&setup.run))?;
        fs::create_dir_all(&setup.logs).map_err(at(&setup.logs))?;
        record::make_private(&setup.logs).map_err(at(&setup.logs))?;
        let records = Records::open(&setup.run).map_err(at(&setup.run))?;
        let confinement = Confinement {
            own_identity: rustix::process::geteuid().is_root(),
            landlock: confine::landlock_works(),
            limits: cgroups.is_some(),
        };
        let (events, next) = mpsc::channel(EVENT_LIMIT);
        let inner = Arc::new(Inner {
            logs: log::Logs::new(&setup.logs),
            run: setup.run,
            records,
            dirs: setup.dirs,
            engines: setup.engines,
            clock: setup.clock,
            ids: setup.ids,
            machine_memory: setup.machine_memory,
            cgroups,
            confinement,
            running: Mutex::default(),
            turns: Mutex::default(),
            sessions: Mutex::default(),
            readers: Readers::default(),
            runtime: tokio::runtime::Handle::current(),
            events,
            next: tokio::sync::Mutex::new(next),
        });
        inner.adopt().map_err(at(&inner.run))?;
        Ok(Self { inner })
    }

    /// How far engines are confined on this machine.
    pub fn confinement(&self) -> &Confinement {
        &self.inner.confinement
    }

    /// The volume of a running engine.
    pub(crate) fn volume_of(&self, id: InstanceId) -> Option<VolumeDir> {
        let volume = self.inner.running(id)?.record.volume;
        self.inner.dirs.locate(volume).ok()
    }

    pub(crate) fn readers(&self) -> &Readers {
        &self.inner.readers
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// The data directory of a running engine.
    pub fn data_dir(&self, id: InstanceId) -> Option<PathBuf> {
        Some(self.volume_of(id)?.path.join("data"))
    }
}

impl Inner {
    /// Takes hold of every recorded engine that lives; removes the directories of the others.
    fn adopt(self: &Arc<Self>) -> io::Result<()> {
        self.records.sweep()?;
        for record in self.records.read()? {
            let process = match &record.process {
                Some(known) => Process::adopt(known),
                None => Process::find(&record.directory),
            };
            match process {
                Some(process) => {
                    // Whoever stopped it may have died before it let it go on.
                    process.go_on();
                    tracing::info!(instance.id = %record.id, "engine adopted");
                    self.hold(record, process, phase::SERVING, 0);
                }
                None => remove_directory(&record.directory)?,
            }
        }
        Ok(())
    }

    /// Registers a process and watches for its end.
    fn hold(
        self: &Arc<Self>,
        record: Record,
        process: Process,
        phase: u8,
        log_from: u64,
    ) -> Running {
        let (tell, ended) = watch::channel(None);
        let running = Running {
            process: Arc::new(process),
            phase: Arc::new(AtomicU8::new(phase)),
            ended,
            looked: Arc::default(),
            copying: Arc::default(),
            log_from,
            record,
        };
        lock(&self.running).insert(running.record.id, running.clone());
        let inner = Arc::downgrade(self);
        let held = running.clone();
        self.runtime.spawn(async move {
            if let Err(error) = held.process.ended().await {
                tracing::error!(instance.id = %held.record.id, %error, "engine cannot be watched");
                return;
            }
            let reason = held.process.reap();
            if let Some(inner) = inner.upgrade() {
                inner.ended(&held, &reason).await;
            }
            // Nobody may be waiting.
            let _ = tell.send(Some(reason));
        });
        running
    }

    async fn ended(&self, running: &Running, reason: &str) {
        let id = running.record.id;
        lock(&self.sessions).remove(&id);
        self.readers.end(id);
        lock(&self.running).remove(&id);
        if let Err(error) = remove_directory(&running.record.directory) {
            tracing::warn!(instance.id = %id, %error, "socket directory cannot be removed");
        }
        if let Some(cgroups) = &self.cgroups {
            cgroups.remove(id);
        }
        if running.phase.load(Ordering::Acquire) == phase::SERVING {
            let last = self.logs.errors(id, 1, running.log_from).pop();
            let reason = match last {
                Some(line) => format!("{reason}; {line}"),
                None => reason.to_owned(),
            };
            // The receiver lives as long as `self`.
            let _ = self.events.send(InstanceEvent::Exited { id, reason }).await;
        }
    }

    fn running(&self, id: InstanceId) -> Option<Running> {
        lock(&self.running).get(&id).cloned()
    }

    fn turn(&self, id: InstanceId) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = lock(&self.turns);
        turns.retain(|_, turn| turn.strong_count() > 0);
        match turns.get(&id).and_then(Weak::upgrade) {
            Some(turn) => turn,
            None => {
                let turn = Arc::new(tokio::sync::Mutex::new(()));
                turns.insert(id, Arc::downgrade(&turn));
                turn
            }
        }
    }

    /// Ends a running engine and waits until it is gone.
    async fn end(&self, running: &Running, how: Stop) -> PortResult<()> {
        running.phase.store(phase::STOPPING, Ordering::Release);
        let session = lock(&self.sessions).remove(&running.record.id);
        let mut ended = running.ended.clone();
        if how == Stop::Clean {
            // MySQL waits 2 s for a session that is still open.
            if let Some((_, session)) = session {
                let _ = tokio::time::timeout(GOODBYE_GRACE, session.close()).await;
            }
            running.process.terminate();
            if gone(&mut ended, STOP_GRACE).await {
                return Ok(());
            }
            tracing::warn!(instance.id = %running.record.id, "engine does not shut down and is killed");
        }
        running.process.kill();
        if gone(&mut ended, KILL_GRACE).await {
            return Ok(());
        }
        Err(PortError::retry(Refusal::unavailable(
            "the branch's engine does not end",
        )))
    }

    async fn look(self: &Arc<Self>, endpoint: &Endpoint) -> PortResult<Activity> {
        let kept = lock(&self.sessions).remove(&endpoint.instance);
        if let Some((_, mut session)) = kept
            && let Ok(activity) = admin::activity::activity(&mut session).await
        {
            self.keep(endpoint.instance, session);
            return Ok(activity);
        }
        let mut session = Session::open(endpoint).await?;
        let activity = admin::activity::activity(&mut session).await?;
        self.keep(endpoint.instance, session);
        Ok(activity)
    }

    /// Keeps a session for the next question, for a few seconds.
    fn keep(self: &Arc<Self>, id: InstanceId, session: Session) {
        let mut bytes = [0; 8];
        self.ids.fill(&mut bytes);
        let ticket = u64::from_le_bytes(bytes);
        if !lock(&self.running).contains_key(&id) {
            return;
        }
        lock(&self.sessions).insert(id, (ticket, session));
        let inner = Arc::downgrade(self);
        self.runtime.spawn(async move {
            tokio::time::sleep(SESSION_IDLE).await;
            if let Some(inner) = inner.upgrade() {
                let mut sessions = lock(&inner.sessions);
                if sessions.get(&id).is_some_and(|(t, _)| *t == ticket) {
                    sessions.remove(&id);
                }
            }
        });
    }
}

async fn gone(ended: &mut watch::Receiver<Option<String>>, within: Duration) -> bool {
    tokio::time::timeout(within, ended.wait_for(Option::is_some))
        .await
        .is_ok()
}

fn remove_directory(path: &Path) -> io::Result<()> {
    // Nobody can enter it, and without root no removal can look into it: it is empty.
    let _ = fs::remove_dir(launch::nowhere(path));
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn not_running() -> PortError {
    PortError::retry(Refusal::unavailable("the branch's engine does not run"))
}

pub(crate) fn internal(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> PortError {
    PortError::retry(Refusal::internal(error))
}

/// Runs blocking calls aside.
pub(crate) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> PortResult<T> + Send + 'static,
) -> PortResult<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(internal(error)))
}

#[async_trait]
impl Instances for Supervisor {
    async fn start(&self, spec: &InstanceSpec) -> PortResult<Endpoint> {
        let inner = &self.inner;
        let turn = inner.turn(spec.id).lock_owned().await;
        let (running, _turn) = match inner.running(spec.id) {
            Some(running) => (running, turn),
            None => {
                let (log_from, held, spec) =
                    (inner.logs.length(spec.id), Arc::clone(inner), spec.clone());
                // Registered on the blocking pool too, with the turn in hand: dropping this future loses no
                // process, and who stops the engine next waits until there is one to stop.
                aside(move || {
                    let _entered = held.runtime.enter();
                    let (record, process) = launch::launch(&held, &spec)?;
                    let running = held.hold(record, process, phase::STARTING, log_from);
                    Ok((running, turn))
                })
                .await?
            }
        };
        let endpoint = Endpoint {
            instance: spec.id,
            engine: spec.engine,
            address: Address::Unix(running.record.socket()),
            secret: spec.secret.clone(),
        };
        match ready::ready(inner, &running, &endpoint, spec.accounts == Accounts::Anew).await {
            Ok(mut session) => {
                if spec.copied
                    && let Err(error) = admin::position::trim(&mut session).await
                {
                    tracing::warn!(instance.id = %spec.id, %error, "binlogs of the parent stay in a copy");
                }
                if let Some(bytes) = launch::pool_from_now_on(inner, spec)
                    && let Err(error) = admin::memory::set_pool(&mut session, bytes).await
                {
                    tracing::warn!(instance.id = %spec.id, %error, "an engine keeps the memory that it recovered with");
                }
                if spec.accounts == Accounts::Anew {
                    let volume = inner.dirs.locate(spec.volume)?;
                    if let Err(error) = hot_copy::tidy(endpoint.clone(), volume).await {
                        tracing::warn!(instance.id = %spec.id, %error, "a plugin of its making stays in a copy");
                    }
                }
                running.phase.store(phase::SERVING, Ordering::Release);
                inner.keep(spec.id, session);
                Ok(endpoint)
            }
            Err(error) => {
                inner.end(&running, Stop::Hard).await?;
                Err(error)
            }
        }
    }

    async fn stop(&self, id: InstanceId, how: Stop) -> PortResult<()> {
        let turn = self.inner.turn(id);
        // An engine that is starting is not waited for when it is to be killed.
        if how == Stop::Hard
            && let Some(running) = self.inner.running(id)
        {
            running.phase.store(phase::STOPPING, Ordering::Release);
            running.process.kill();
        }
        let _turn = turn.lock().await;
        match self.inner.running(id) {
            Some(running) => self.inner.end(&running, how).await,
            None => Ok(()),
        }
    }

    async fn forget(&self, id: InstanceId) -> PortResult<()> {
        let turn = self.inner.turn(id);
        let _turn = turn.lock().await;
        if self.inner.running(id).is_some() {
            return Err(PortError::fatal(Refusal::conflict(
                "the engine still runs; it has to be stopped first",
            )));
        }
        let inner = Arc::clone(&self.inner);
        aside(move || {
            let forget = || -> io::Result<()> {
                if let Some(record) = inner.records.get(id)? {
                    remove_directory(&record.directory)?;
                }
                inner.logs.remove(id)?;
                inner.records.remove(id)
            };
            forget().map_err(internal)
        })
        .await
    }

    async fn observe(&self) -> PortResult<Vec<Observed>> {
        let all: Vec<Running> = lock(&self.inner.running).values().cloned().collect();
        let inner = Arc::clone(&self.inner);
        aside(move || {
            let see = |running: Running| {
                let id = running.record.id;
                if let Err(error) = inner.logs.trim(id) {
                    tracing::warn!(instance.id = %id, %error, "engine log cannot be cut");
                }
                Observed {
                    id,
                    started_at: running.record.started_at,
                    memory: running.process.memory(),
                }
            };
            Ok(all.into_iter().map(see).collect())
        })
        .await
    }

    async fn remains(&self) -> PortResult<Vec<InstanceId>> {
        let inner = Arc::clone(&self.inner);
        aside(move || {
            let mut all: BTreeSet<InstanceId> = lock(&inner.running).keys().copied().collect();
            all.extend(inner.records.read().map_err(internal)?.iter().map(|r| r.id));
            all.extend(inner.logs.list().map_err(internal)?);
            Ok(all.into_iter().collect())
        })
        .await
    }

    async fn next_event(&self) -> InstanceEvent {
        let mut next = self.inner.next.lock().await;
        match next.recv().await {
            Some(event) => event,
            // The sender lives as long as `self`.
            None => std::future::pending().await,
        }
    }

    async fn activity(&self, endpoint: &Endpoint) -> PortResult<Activity> {
        let looked = match self.inner.running(endpoint.instance) {
            Some(running) => running.looked,
            None => Arc::default(),
        };
        let mut looked = looked.lock().await;
        if let Some(at) = *looked {
            tokio::time::sleep_until(at + admin::activity::REFRESH_INTERVAL).await;
        }
        let seen = self.inner.look(endpoint).await;
        *looked = Some(tokio::time::Instant::now());
        seen
    }

    async fn sessions(&self, endpoint: &Endpoint) -> PortResult<Vec<EngineSession>> {
        let mut session = Session::open(endpoint).await?;
        Ok(admin::sessions::sessions(&mut session).await?)
    }

    async fn kill(&self, endpoint: &Endpoint, session: u64, what: Kill) -> PortResult<bool> {
        let mut admin = Session::open(endpoint).await?;
        Ok(admin::sessions::kill(&mut admin, session, what).await?)
    }

    async fn confine(&self, endpoint: &Endpoint, confined: Confined) -> PortResult<Vec<u64>> {
        let mut session = Session::open(endpoint).await?;
        if confined.ddl {
            let data = self.data_dir(endpoint.instance).ok_or_else(not_running)?;
            safe_admin::ensure(&mut session, endpoint, &data).await?;
        }
        Ok(admin::confine::confine(&mut session, endpoint.engine.kind, confined).await?)
    }

    async fn evasions(&self, endpoint: &Endpoint) -> PortResult<Vec<String>> {
        let mut session = Session::open(endpoint).await?;
        Ok(admin::safe_admin::evasions(&mut session, endpoint.engine.kind).await?)
    }

    async fn freezer(&self, id: InstanceId, limit: Duration) -> PortResult<Box<dyn Freeze>> {
        let running = self.inner.running(id).ok_or_else(not_running)?;
        Ok(Box::new(Freezer {
            process: running.process,
            limit,
        }))
    }

    async fn hot_copy(
        &self,
        endpoint: &Endpoint,
        to: VolumeId,
        progress: &dyn Progress,
    ) -> PortResult<()> {
        let running = self.inner.running(endpoint.instance);
        let running = running.ok_or_else(not_running)?;
        hot_copy::hot_copy(&self.inner, running, endpoint, to, progress).await
    }

    async fn position(&self, endpoint: &Endpoint) -> PortResult<Position> {
        let mut session = Session::open(endpoint).await?;
        let found = admin::position::position(&mut session, endpoint.engine.kind).await?;
        match self.inner.running(endpoint.instance) {
            // Its own copy came without the binlog.
            Some(running) if found.file.is_empty() => {
                let volume = self.inner.dirs.locate(running.record.volume)?;
                aside(move || hot_copy::position(&volume, found)).await
            }
            _ => Ok(found),
        }
    }

    async fn examine(&self, endpoint: &Endpoint, progress: &dyn Progress) -> PortResult<Examined> {
        let mut session = Session::open(endpoint).await?;
        admin::examine::examine(&mut session, endpoint.engine.kind, progress).await
    }

    async fn logs(&self, id: InstanceId, lines: usize) -> PortResult<Vec<String>> {
        let inner = Arc::clone(&self.inner);
        aside(move || inner.logs.tail(id, lines, 0).map_err(internal)).await
    }
}
