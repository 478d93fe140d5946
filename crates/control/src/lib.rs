//! Use-cases, workflows, reconcilers: the only place that decides and acts.
//!
//! A use-case is a function `noun::verb(&Control, &located, …)`; the located value proves the
//! caller's right ([`locate`]). It sees machines through [`Ports`] and its memory through
//! [`Store`]; it knows no HTTP, no SQL, no paths.

mod at_once;
pub mod audit;
pub mod automation;
pub mod backup;
pub mod backup_policy;
mod binlog;
mod bootstrap;
pub mod branch;
pub mod caller;
mod copy;
pub mod database;
pub mod delivery;
pub mod drill;
pub mod engine;
mod fail;
mod fleet;
pub mod handover;
mod hashing;
pub mod import;
pub mod inbound;
pub mod integration;
pub mod iteration;
pub mod keyspace;
pub mod locate;
pub mod login;
pub mod member;
mod memory;
pub mod off_site;
pub mod once;
pub mod organization;
pub mod page;
pub mod password;
mod planning;
pub mod pool;
mod quota;
mod recent;
mod reconcile;
mod rest;
pub mod revision;
mod routes;
mod run;
mod safe_migrations;
pub mod seed_rules;
pub mod session;
pub mod settings;
pub mod shadow;
pub mod size;
mod tell;
pub mod token;
mod trail;
pub mod under_way;
mod usage;
pub mod webhook;
mod workflow;

pub use binlog::{PointInTime, RestorePoint};
pub use bootstrap::{FirstAdmin, RootToken};
pub use offshoot_schema::lint;
pub use settings::{Backups, GatewayAddress, Limits, Login, Settings, Shadows};

use jiff::Timestamp;
use offshoot_core::Refusal;
use offshoot_core::id::{BackupId, DrillId, RawId, SnapshotId};
use offshoot_core::port::{
    Archive, Binlogs, Clock, CredentialFiles, Engines, IdentityProvider, Ids, Instances, Outbound,
    Sessions, Vault, Volumes,
};
use offshoot_schema::port::{Fingerprint, Schemas};
use offshoot_schema::seed::Seeds;
use offshoot_store::{Session, Store, StoreResult};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// The machines, as control sees them.
#[derive(Clone)]
pub struct Ports {
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn Ids>,
    pub volumes: Arc<dyn Volumes>,
    pub engines: Arc<dyn Engines>,
    pub instances: Arc<dyn Instances>,
    pub schemas: Arc<dyn Schemas>,
    pub seeds: Arc<dyn Seeds>,
    pub sessions: Arc<dyn Sessions>,
    pub binlogs: Arc<dyn Binlogs>,
    /// Where archived binlogs are kept.
    pub vault: Arc<dyn Vault>,
    /// Off-site copies of backups; `None`: no store is configured.
    pub archive: Option<Arc<dyn Archive>>,
    /// Requests to planning tools and to receivers of credentials.
    pub outbound: Arc<dyn Outbound>,
    pub credential_files: Arc<dyn CredentialFiles>,
    /// Whom users may log in with beside their password; `None`: nobody is configured.
    pub identities: Option<Arc<dyn IdentityProvider>>,
    /// How the API shows what webhooks tell of.
    pub shapes: Arc<dyn webhook::Shapes>,
}

/// Everything that decides and acts. Cheap to clone.
#[derive(Clone)]
pub struct Control(Arc<Inner>);

struct Inner {
    store: Store,
    ports: Ports,
    settings: Settings,
    fleet: fleet::Fleet,
    runner: workflow::Runner,
    usage: usage::Ledger,
    quotas: quota::Quotas,
    safe_migrations: safe_migrations::Told,
    archives: binlog::Archives,
    shadows: shadow::Shadows,
    off_site: off_site::OffSite,
    /// Backups that are being made, copied or fetched.
    under_way: under_way::UnderWay<BackupId>,
    drills_under_way: under_way::UnderWay<DrillId>,
    signals: Signals,
    /// Schema stamps of template snapshots, which never change.
    fingerprints: Mutex<HashMap<SnapshotId, Arc<Fingerprint>>>,
    /// Engines end with [`Control::run`]; else they live on and are adopted.
    stop_engines: AtomicBool,
    /// Creates under way: preparing ahead waits for them.
    creating: AtomicUsize,
    /// When the last one ended, in microseconds since 1970.
    created_at: AtomicI64,
    recent: recent::Recent,
    /// Passwords of users that are hashed at once.
    hashing: tokio::sync::Semaphore,
    filters: automation::Filters,
    automations: automation::Kept,
    /// Keyed requests that are under way, by scope.
    in_flight: Mutex<HashSet<[u8; 32]>>,
    /// Only one of the callers that keep things true at a time.
    tidying: tokio::sync::Mutex<reconcile::Memory>,
}

/// In-process hints; the database is polled as well.
struct Signals {
    /// Something a client may wait for has changed.
    changed: watch::Sender<u64>,
    /// Reconcilers have something to do.
    tidy: Notify,
    /// An event came in, or a rule was changed.
    planning: Notify,
    /// A credential is to be sent.
    handovers: Notify,
    /// A tool is to be asked.
    polls: Notify,
    /// There may be news for people.
    news: Notify,
}

impl Control {
    pub fn new(store: Store, ports: Ports, settings: Settings) -> Self {
        let runner = workflow::Runner::new(&*ports.ids, settings.limits.parallel_workflows);
        Self(Arc::new(Inner {
            stop_engines: AtomicBool::new(settings.stop_engines),
            store,
            ports,
            settings,
            fleet: fleet::Fleet::default(),
            runner,
            usage: usage::Ledger::default(),
            quotas: quota::Quotas::default(),
            safe_migrations: safe_migrations::Told::default(),
            archives: binlog::Archives::default(),
            shadows: shadow::Shadows::default(),
            off_site: off_site::OffSite::default(),
            under_way: under_way::UnderWay::default(),
            drills_under_way: under_way::UnderWay::default(),
            signals: Signals {
                changed: watch::Sender::new(0),
                tidy: Notify::new(),
                planning: Notify::new(),
                handovers: Notify::new(),
                polls: Notify::new(),
                news: Notify::new(),
            },
            fingerprints: Mutex::default(),
            creating: AtomicUsize::new(0),
            created_at: AtomicI64::new(0),
            recent: recent::Recent::default(),
            hashing: tokio::sync::Semaphore::new(hashing::AT_ONCE),
            filters: automation::Filters::default(),
            automations: automation::Kept::default(),
            in_flight: Mutex::default(),
            tidying: tokio::sync::Mutex::default(),
        }))
    }

    /// The server can do its work: its store answers. One read, for supervisors that ask every second.
    pub async fn ready(&self) -> Result<(), Refusal> {
        self.0.store.read().await?.node().await?;
        Ok(())
    }

    /// The clock's time.
    pub fn time(&self) -> Timestamp {
        self.now()
    }

    /// Whether engines are stopped when [`Control::run`] ends, other than the settings say.
    pub fn stop_engines_at_end(&self, stop: bool) {
        self.0.stop_engines.store(stop, Ordering::SeqCst);
    }

    /// The clock's time in the store's precision.
    pub(crate) fn now(&self) -> Timestamp {
        let now = self.0.ports.clock.now();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    pub(crate) fn id<T: From<RawId>>(&self) -> T {
        T::from(self.0.ports.ids.id())
    }

    /// Somebody waits for a branch, or did a moment ago: what is prepared ahead would be in the way.
    pub(crate) fn creates_under_way(&self) -> bool {
        if self.0.creating.load(Ordering::SeqCst) > 0 {
            return true;
        }
        let quiet = i64::try_from(self.0.settings.limits.quiet.as_micros()).unwrap_or(i64::MAX);
        let since = self
            .now()
            .as_microsecond()
            .saturating_sub(self.0.created_at.load(Ordering::SeqCst));
        (0..quiet).contains(&since)
    }

    pub(crate) fn changed(&self) {
        self.0
            .signals
            .changed
            .send_modify(|n| *n = n.wrapping_add(1));
    }

    /// Returns when it is `over`, which is asked after every change, or `timeout` is.
    pub(crate) async fn until<Over: Future<Output = StoreResult<bool>>>(
        &self,
        timeout: Duration,
        over: impl Fn(Session) -> Over,
    ) -> Result<(), Refusal> {
        let waiting = async {
            let mut changes = self.0.signals.changed.subscribe();
            loop {
                changes.mark_unchanged();
                if over(self.0.store.read().await?).await? || changes.changed().await.is_err() {
                    return Ok(());
                }
            }
        };
        tokio::time::timeout(timeout, waiting)
            .await
            .unwrap_or(Ok(()))
    }

    pub(crate) fn tidy_soon(&self) {
        self.0.signals.tidy.notify_one();
    }
}

/// Nothing of ours panics while it holds a lock for a line or two; if it does, the data is still whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
