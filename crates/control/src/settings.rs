//! What the binary decides about this server before it starts, and the limits of control's own work.

use offshoot_core::backup_policy::{Every, Retention, Schedule, Unit};
use offshoot_core::engine::{EngineKind, EngineRef};
use offshoot_core::id::{NodeId, PoolId};
use offshoot_core::off_site::Automatic;
use offshoot_core::oidc::Policy;
use std::collections::BTreeMap;
use std::time::Duration;

/// Settings of one server.
#[derive(Clone, Debug)]
pub struct Settings {
    pub node: NodeId,
    pub pool: PoolId,
    /// The pool forks without copying.
    pub copy_on_write: bool,
    /// Bytes that all engines together may take.
    pub memory_budget: u64,
    /// Idle time after which a development branch sleeps; zero = never. A branch may say otherwise.
    pub sleep_after: Duration,
    /// Engines that are kept running ahead, to become a branch at once.
    pub warm_instances: u32,
    /// Bytes that one development engine may take, where the machine can enforce it.
    pub memory_limit: Option<u64>,
    /// Thousandths of a core that one development engine may take, where the machine can enforce it.
    pub cpu_limit: Option<u32>,
    /// Bytes that a development branch's volume may take alone; `None` = no limit. A branch may say otherwise.
    pub disk_quota: Option<u64>,
    /// Bytes of the pool that new branches leave free, for engines that run.
    pub pool_reserve: u64,
    /// Bytes that all volumes together may take; `None` = all but the reserve.
    pub disk_budget: Option<u64>,
    /// How long the engine of a branch may stand still while the branch is copied.
    pub pause_limit: Duration,
    pub backups: Backups,
    pub shadows: Shadows,
    /// How long events that came in are kept.
    pub deliveries_kept: Duration,
    /// New databases are made with it; `None` = what the engines port calls default.
    pub default_engine: Option<EngineRef>,
    pub gateway: GatewayAddress,
    /// Where clients reach the API, for links: without a slash at the end.
    pub public_url: String,
    /// Engines are stopped cleanly when [`crate::Control::run`] ends; otherwise they live on and are adopted.
    pub stop_engines: bool,
    pub login: Login,
    pub limits: Limits,
}

impl Settings {
    /// Defaults for everything that has one.
    pub fn new(node: NodeId, pool: PoolId) -> Self {
        Self {
            node,
            pool,
            copy_on_write: false,
            memory_budget: 2 << 30,
            sleep_after: Duration::from_secs(600),
            warm_instances: 1,
            memory_limit: None,
            cpu_limit: None,
            disk_quota: None,
            pool_reserve: 0,
            disk_budget: None,
            pause_limit: Duration::from_millis(200),
            backups: Backups::default(),
            shadows: Shadows::default(),
            deliveries_kept: Duration::from_secs(30 * 86_400),
            default_engine: None,
            gateway: GatewayAddress::default(),
            public_url: "http://127.0.0.1:8306".to_owned(),
            stop_engines: false,
            login: Login::default(),
            limits: Limits::default(),
        }
    }
}

/// How users log in.
#[derive(Clone, Debug)]
pub struct Login {
    /// With a password of this server.
    pub passwords: bool,
    /// With the OIDC provider of [`crate::Ports`]; `None`: not so.
    pub oidc: Option<Policy>,
}

impl Default for Login {
    fn default() -> Self {
        Self {
            passwords: true,
            oidc: None,
        }
    }
}

/// The policy that every database gets, and what policies may take at once.
#[derive(Clone, Debug)]
pub struct Backups {
    pub schedule: Schedule,
    pub retention: Retention,
    /// How often the newest backup is restored and compared; `None` = never.
    pub drill: Option<Every>,
    /// Backups and drills that policies have under way at once: each runs an engine that reads
    /// every row, while others work.
    pub at_once: u32,
    /// How often production branches' binlogs are archived; zero = never.
    pub binlog_interval: Duration,
    /// Bytes that are archived before that.
    pub binlog_bytes: u64,
    /// Which backups are copied off-site unasked, where there is a store.
    pub off_site: Automatic,
}

impl Default for Backups {
    fn default() -> Self {
        Self {
            schedule: Schedule {
                every: Every::new(1, Unit::Day),
                minute: 3 * 60,
                day: None,
                week: None,
            },
            retention: Retention::new(2, Unit::Day),
            drill: Some(Every::new(1, Unit::Week)),
            off_site: Automatic::default(),
            at_once: 1,
            binlog_interval: Duration::from_secs(10),
            binlog_bytes: 16 << 20,
        }
    }
}

/// How shadows of production branches are kept.
#[derive(Clone, Copy, Debug)]
pub struct Shadows {
    /// Bytes of the buffer pool of a shadow's engine.
    pub buffer_pool: u64,
    /// How far a shadow may be behind, beyond the time that it follows in, for a copy to be taken of it;
    /// and how long a copy waits for it. Otherwise its parent is copied itself.
    pub lag_limit: Duration,
}

impl Default for Shadows {
    fn default() -> Self {
        Self {
            buffer_pool: 128 << 20,
            lag_limit: Duration::from_secs(600),
        }
    }
}

/// Host and ports that clients of the gateway use, for connection strings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayAddress {
    pub host: String,
    pub port: u16,
    /// Host and port of the HTTP data API, which is reached with `https://`. The port is left away where it is 443.
    pub https: String,
    /// Ports that are bound to the branches of one engine kind; they are named before `port`.
    pub ports: BTreeMap<EngineKind, u16>,
    /// Certificate (PEM) of the CA that its own is signed by, where that is no public one.
    pub ca: Option<String>,
}

impl Default for GatewayAddress {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 7306,
            https: "127.0.0.1:8306".to_owned(),
            ports: BTreeMap::new(),
            ca: None,
        }
    }
}

impl GatewayAddress {
    /// The port for branches of a kind: their clients decide by the version in its greeting.
    pub(crate) fn port(&self, kind: EngineKind) -> u16 {
        self.ports.get(&kind).copied().unwrap_or(self.port)
    }
}

/// Limits of control's own work, each with its reason.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Workflows that run at once: more only make each other slow on small machines.
    pub parallel_workflows: usize,
    /// Tries of a workflow before it is undone.
    pub attempts: u32,
    /// First pause after a failure; doubles with each, up to `backoff_max`.
    pub backoff: Duration,
    pub backoff_max: Duration,
    /// How long a runner owns a workflow without renewing; short, because another may only go on after it.
    pub lease: Duration,
    /// How often the database is polled where no signal came.
    pub poll: Duration,
    /// How long a connection waits for its branch to be there, or awake.
    pub wake_timeout: Duration,
    /// How long a wake waits for memory before it is refused.
    pub admission_timeout: Duration,
    /// How long a wake waits before it puts another branch to sleep: most waits end by themselves.
    pub admission_patience: Duration,
    /// Pre-forked volumes kept for each recently used template.
    pub spare_volumes: u32,
    /// Templates that spares and warm instances are kept for: the most recently used ones.
    pub recent_templates: u32,
    /// Pause before unsettled stamps are read again: engines stamp in whole seconds.
    pub stamps_settle: Duration,
    /// Pause after the last create before anything is prepared ahead: creates come in bursts, and
    /// preparing takes their processor.
    pub quiet: Duration,
    /// Branches of one database, so that a runaway job cannot fill the pool.
    pub branches_per_database: u64,
    /// Passwords of one branch.
    pub passwords_per_branch: u64,
    /// Backup policies of one database: more than schedules make sense.
    pub policies_per_database: u64,
    /// Automations of one database: more rules than anybody keeps in mind.
    pub automations_per_database: u64,
    /// Integrations of one organization.
    pub integrations: u64,
    /// How long a creating request may be sent again under its key: longer than any client tries.
    pub keys_kept: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            parallel_workflows: 8,
            attempts: 5,
            backoff: Duration::from_millis(200),
            backoff_max: Duration::from_secs(30),
            lease: Duration::from_secs(60),
            poll: Duration::from_secs(1),
            wake_timeout: Duration::from_secs(60),
            admission_timeout: Duration::from_secs(10),
            admission_patience: Duration::from_millis(300),
            spare_volumes: 2,
            recent_templates: 3,
            stamps_settle: Duration::from_millis(1_100),
            quiet: Duration::from_millis(300),
            branches_per_database: 5_000,
            passwords_per_branch: 1_000,
            policies_per_database: 50,
            automations_per_database: 100,
            integrations: 100,
            keys_kept: Duration::from_secs(24 * 3600),
        }
    }
}
