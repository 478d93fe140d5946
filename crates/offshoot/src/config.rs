//! Configuration: defaults, overridden by `offshoot.toml`, overridden by `OFFSHOOT_*` and flags.

mod backups;
mod login;
mod place;
mod planning;
mod reference;
mod region;
mod shadows;

pub(crate) use reference::{KEYS, Preset, markdown};

use anyhow::{Context, Result, anyhow, bail};
use backups::Backups;
use jiff::SignedDuration;
use login::Login;
use offshoot_core::branch::{LEAST_DISK_QUOTA, MAX_CONNECTIONS};
use place::Problem;
use planning::{Outbound, Planning};
use region::Region;
use serde::{Deserialize, Serialize};
use shadows::Shadows;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The content of `offshoot.toml`. Unknown keys are refused: a misspelt limit must not be silently absent.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    pub(crate) http: Http,
    pub(crate) gateway: Gateway,
    pub(crate) engine: Engine,
    pub(crate) instances: Instances,
    pub(crate) pool: Pool,
    pub(crate) backups: Backups,
    pub(crate) shadows: Shadows,
    pub(crate) planning: Planning,
    pub(crate) outbound: Outbound,
    pub(crate) limits: Limits,
    pub(crate) tls: Tls,
    pub(crate) region: Region,
    pub(crate) login: Login,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Http {
    pub(crate) listen: SocketAddr,
    /// What links in answers begin with; default: the listening address.
    pub(crate) public_url: Option<String>,
    /// Refuse clients that are not on this machine and do not use TLS.
    pub(crate) require_tls: bool,
    pub(crate) max_connections: u32,
}

/// A certificate of the operator's own, for both ports; default: one of the private CA.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Tls {
    /// PEM: the certificate, and those between it and its authority.
    pub(crate) certificate: Option<PathBuf>,
    /// PEM.
    pub(crate) key: Option<PathBuf>,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8306)),
            public_url: None,
            require_tls: true,
            max_connections: 4096,
        }
    }
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Gateway {
    pub(crate) listen: SocketAddr,
    /// Listeners for the branches of one engine only: `{ mariadb = "127.0.0.1:7307" }`; default:
    /// one for each installed kind but the default one, on the port after `listen`'s.
    pub(crate) engine_listen: BTreeMap<String, SocketAddr>,
    /// What clients are told to connect to; default: the listening address.
    pub(crate) public_host: Option<String>,
    pub(crate) public_port: Option<u16>,
    /// Refuse clients that are not on this machine and do not use TLS.
    pub(crate) require_tls: bool,
    pub(crate) max_connections: u32,
    pub(crate) max_connections_per_branch: u32,
    /// Addresses of load balancers whose PROXY protocol header is believed.
    pub(crate) proxy_protocol_from: Vec<String>,
}

impl Default for Gateway {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7306)),
            engine_listen: BTreeMap::new(),
            public_host: None,
            public_port: None,
            require_tls: true,
            max_connections: 4096,
            max_connections_per_branch: 256,
            proxy_protocol_from: Vec::new(),
        }
    }
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Engine {
    pub(crate) mysql: EngineProgram,
    pub(crate) mariadb: EngineProgram,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct EngineProgram {
    /// The server program, for an engine that is not on PATH.
    pub(crate) server: Option<PathBuf>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Instances {
    /// What all awake engines may take together, such as `"8G"`; default: 70 % of the machine's memory.
    pub(crate) memory_budget: Option<String>,
    /// Idle time after which a development branch sleeps, such as `"10m"`; `"0"` = never.
    pub(crate) sleep_after: String,
    /// Engines started ahead; default: 1, or 0 below 4 GiB of memory.
    pub(crate) warm_instances: Option<u32>,
    /// What one development engine may take, such as `"512M"`; needs cgroups.
    pub(crate) memory_limit: Option<String>,
    /// Cores that one development engine may take, such as `0.5`; needs cgroups.
    pub(crate) cpu_limit: Option<f64>,
    /// What a development branch's data may take on disk, such as `"10G"`; default: no limit.
    pub(crate) disk_quota: Option<String>,
    /// SIGTERM shuts the engines down; otherwise they live on and the next server adopts them.
    pub(crate) stop_engines: bool,
}

impl Default for Instances {
    fn default() -> Self {
        Self {
            memory_budget: None,
            sleep_after: "10m".to_owned(),
            warm_instances: None,
            memory_limit: None,
            cpu_limit: None,
            disk_quota: None,
            stop_engines: true,
        }
    }
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Pool {
    /// Where volumes live; default: `pool` in the data directory.
    pub(crate) dir: Option<PathBuf>,
    /// What new branches leave free; default: 2 % of the pool, 32 MiB to 1 GiB.
    pub(crate) reserve: Option<String>,
    /// What all branches may take together; default: all but the reserve.
    pub(crate) disk_budget: Option<String>,
}

/// Limits of one server that no other section has.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    pub(crate) branches_per_database: u64,
    pub(crate) passwords_per_branch: u64,
    pub(crate) parallel_workflows: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let limits = offshoot_control::Limits::default();
        Self {
            branches_per_database: limits.branches_per_database,
            passwords_per_branch: limits.passwords_per_branch,
            parallel_workflows: limits.parallel_workflows,
        }
    }
}

impl Config {
    /// The file that counts: the given one, or `offshoot.toml` in the data directory when there is one.
    pub(crate) fn file(given: Option<&Path>, data_dir: &Path) -> Option<PathBuf> {
        let implied = data_dir.join("offshoot.toml");
        match given {
            Some(path) => Some(path.to_owned()),
            None => implied.is_file().then_some(implied),
        }
    }

    pub(crate) fn load(given: Option<&Path>, data_dir: &Path) -> Result<Self> {
        let Some(path) = Self::file(given, data_dir) else {
            return Ok(Self::default());
        };
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).map_err(|problem| anyhow!("{}, {problem}", path.display()))
    }

    fn parse(text: &str) -> Result<Self, Problem> {
        let config: Config =
            toml::from_str(text).map_err(|error| Problem::of_toml(text, &error))?;
        match config.fault() {
            Some((key, what)) => Err(Problem::of_key(text, key, what)),
            None => Ok(config),
        }
    }

    /// The first value that does not make sense, with its key.
    fn fault(&self) -> Option<(&'static str, String)> {
        let (http, gateway, limits) = (&self.http, &self.gateway, &self.limits);
        let oidc = &self.login.oidc;
        let url = http.public_url.as_deref();
        let tls = (self.tls.certificate.is_some(), self.tls.key.is_some());
        let sizes = [
            (
                "instances.memory_budget",
                self.instances.memory_budget(0).map(drop),
            ),
            (
                "instances.memory_limit",
                self.instances.memory_limit().map(drop),
            ),
            ("instances.cpu_limit", self.instances.cpu_limit().map(drop)),
            (
                "instances.sleep_after",
                self.instances.sleep_after().map(drop),
            ),
            (
                "instances.disk_quota",
                self.instances.disk_quota().map(drop),
            ),
            ("pool.reserve", self.pool.reserve(0).map(drop)),
            ("pool.disk_budget", self.pool.disk_budget().map(drop)),
            ("backups.pause_limit", self.backups.pause_limit().map(drop)),
            ("backups.frequency", self.backups.frequency().map(drop)),
            ("backups.time", self.backups.minute().map(drop)),
            ("backups.retention", self.backups.retention().map(drop)),
            ("backups.drill", self.backups.drill().map(drop)),
            (
                "backups.binlog_interval",
                self.backups.binlog_interval().map(drop),
            ),
            (
                "backups.binlog_bytes",
                self.backups.binlog_bytes().map(drop),
            ),
            ("backups.store", self.backups.store_url().map(drop)),
            ("backups.store_options", self.backups.check_options()),
            ("backups.export", self.backups.export().map(drop)),
            ("shadows.buffer_pool", self.shadows.buffer_pool().map(drop)),
            ("shadows.lag_limit", self.shadows.lag_limit().map(drop)),
            (
                "planning.deliveries_kept",
                self.planning.deliveries_kept().map(drop),
            ),
            ("outbound.allow", self.outbound.allow().map(drop)),
            ("region.slug", self.region.check_slug()),
            ("region.name", self.region.check_name()),
            ("login.passwords", self.login.check_passwords()),
            ("login.oidc", oidc.check_whole()),
            ("login.oidc.issuer", oidc.check_issuer()),
            ("login.oidc.client_id", oidc.check_client_id()),
            ("login.oidc.name", oidc.check_name()),
            ("login.oidc.scopes", oidc.check_scopes()),
            ("login.oidc.email_claim", oidc.check_email_claim()),
            ("login.oidc.email_domains", oidc.check_email_domains()),
            ("login.oidc.create_users", oidc.create_users().map(drop)),
        ];
        for (key, result) in sizes {
            if let Err(error) = result {
                return Some((key, error.to_string()));
            }
        }
        let unknown = gateway
            .engine_listen
            .keys()
            .any(|k| k != "mysql" && k != "mariadb");
        let branch = 1..=MAX_CONNECTIONS;
        let faults = [
            (
                url.is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://")),
                "http.public_url",
                "write https://host:port".to_owned(),
            ),
            (
                http.max_connections == 0,
                "http.max_connections",
                "at least 1".to_owned(),
            ),
            (
                tls == (true, false),
                "tls.certificate",
                "give tls.key, too".to_owned(),
            ),
            (
                tls == (false, true),
                "tls.key",
                "give tls.certificate, too".to_owned(),
            ),
            (
                unknown,
                "gateway.engine_listen",
                "an engine is mysql or mariadb".to_owned(),
            ),
            (
                gateway.max_connections == 0,
                "gateway.max_connections",
                "at least 1".to_owned(),
            ),
            (
                !branch.contains(&gateway.max_connections_per_branch),
                "gateway.max_connections_per_branch",
                format!("from 1 to {MAX_CONNECTIONS}, which is what an engine takes"),
            ),
            (
                limits.branches_per_database == 0,
                "limits.branches_per_database",
                "at least 1".to_owned(),
            ),
            (
                limits.passwords_per_branch == 0,
                "limits.passwords_per_branch",
                "at least 1".to_owned(),
            ),
            (
                !(1..=16).contains(&self.backups.at_once),
                "backups.at_once",
                "from 1 to 16".to_owned(),
            ),
            (
                !(1..=64).contains(&self.backups.parallelism),
                "backups.parallelism",
                "from 1 to 64".to_owned(),
            ),
            (
                !(1..=64).contains(&limits.parallel_workflows),
                "limits.parallel_workflows",
                "from 1 to 64".to_owned(),
            ),
        ];
        faults
            .into_iter()
            .find_map(|(wrong, key, what)| wrong.then_some((key, what)))
    }
}

impl Pool {
    /// Bytes; `size` is the pool's.
    pub(crate) fn reserve(&self, pool: u64) -> Result<u64> {
        const LEAST: u64 = 32 << 20;
        const MOST: u64 = 1 << 30;
        match &self.reserve {
            Some(text) => size(text),
            None => Ok((pool / 50).clamp(LEAST, MOST)),
        }
    }

    pub(crate) fn disk_budget(&self) -> Result<Option<u64>> {
        self.disk_budget.as_deref().map(size).transpose()
    }
}

impl Instances {
    pub(crate) fn sleep_after(&self) -> Result<Duration> {
        duration(&self.sleep_after)
    }

    /// Bytes; `memory` is the machine's.
    pub(crate) fn memory_budget(&self, memory: u64) -> Result<u64> {
        match &self.memory_budget {
            Some(text) => size(text),
            None => Ok(memory / 10 * 7),
        }
    }

    /// Bytes. Not less than what an engine starts with.
    pub(crate) fn memory_limit(&self) -> Result<Option<u64>> {
        /// MySQL 9.7 takes up to 211 MiB of its own when it has started, MariaDB 52 MiB.
        const LEAST: u64 = 256 << 20;
        let limit = self.memory_limit.as_deref().map(size).transpose()?;
        if limit.is_some_and(|limit| limit < LEAST) {
            bail!("no engine works with less than 256M");
        }
        Ok(limit)
    }

    /// Thousandths of a core.
    pub(crate) fn cpu_limit(&self) -> Result<Option<u32>> {
        const CORES: std::ops::RangeInclusive<f64> = 0.05..=1024.0;
        match self.cpu_limit {
            None => Ok(None),
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "in range"
            )]
            Some(cores) if CORES.contains(&cores) => Ok(Some((cores * 1000.0).round() as u32)),
            Some(_) => bail!("a number of cores from 0.05 to 1024"),
        }
    }

    /// Bytes; `None` = no limit.
    pub(crate) fn disk_quota(&self) -> Result<Option<u64>> {
        let quota = self.disk_quota.as_deref().map(size).transpose()?;
        if quota.is_some_and(|n| n > 0 && n < LEAST_DISK_QUOTA) {
            bail!("an engine's own files take 64M; \"0\" is no limit");
        }
        Ok(quota.filter(|n| *n > 0))
    }

    pub(crate) fn warm_instances(&self, memory: u64) -> u32 {
        const SMALL: u64 = 4 << 30;
        self.warm_instances.unwrap_or(u32::from(memory >= SMALL))
    }
}

/// Bytes of `20G`, `512M` (powers of 1024, as `fallocate` and LVM mean them).
pub(crate) fn size(text: &str) -> Result<u64> {
    parse_size::Config::new()
        .with_binary()
        .parse_size(text)
        .with_context(|| format!("{text:?} is not a size; write 20G or 512M"))
}

/// A duration such as `10m`, `1h 30m` or `0`.
pub(crate) fn duration(text: &str) -> Result<Duration> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    text.parse::<SignedDuration>()
        .ok()
        .and_then(|d| Duration::try_from(d).ok())
        .with_context(|| format!("{text:?} is not a duration; write 10m, 1h 30m or 0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_overrides_defaults_and_misspelt_keys_are_refused() {
        let temp = tempfile::tempdir().unwrap();
        let write = |text: &str| std::fs::write(temp.path().join("offshoot.toml"), text).unwrap();
        assert_eq!(
            Config::load(None, temp.path())
                .unwrap()
                .gateway
                .listen
                .port(),
            7306
        );
        write("[instances]\nsleep_after = \"90s\"\nmemory_budget = \"8G\"\n");
        let config = Config::load(None, temp.path()).unwrap();
        assert_eq!(
            config.instances.sleep_after().unwrap(),
            Duration::from_secs(90)
        );
        assert_eq!(config.instances.memory_budget(0).unwrap(), 8 << 30);
        for (bad, said) in [
            (
                "[instances]\nsleep_afer = \"1m\"",
                "line 2: instances.sleep_afer: there is no such key; did you mean sleep_after?",
            ),
            (
                "[instanses]\nsleep_after = \"1m\"",
                "line 1: instanses: there is no such key; did you mean instances?",
            ),
            (
                "\n[instances]\n\nsleep_after = \"soon\"",
                "line 4: instances.sleep_after: \"soon\" is not a duration; write 10m, 1h 30m or 0",
            ),
            (
                "[instances]\nmemory_limit = \"10M\"",
                "line 2: instances.memory_limit: no engine works with less than 256M",
            ),
            (
                "[instances]\ncpu_limit = 0.0",
                "line 2: instances.cpu_limit: a number",
            ),
            (
                "[instances]\ncpu_limit = \"all\"",
                "line 2: instances.cpu_limit: invalid type",
            ),
            (
                "[http]\nlisten = \"here\"",
                "line 2: http.listen: invalid socket address",
            ),
            (
                "http.listen = \"here\"",
                "line 1: http.listen: invalid socket address",
            ),
            (
                "[gateway]\nmax_connections_per_branch = 5000",
                "line 2: gateway.max_connections_per_branch: from 1 to 1000",
            ),
            (
                "[tls]\nkey = \"a\"",
                "line 2: tls.key: give tls.certificate, too",
            ),
            (
                "[instances]\ndisk_quota = \"1M\"",
                "line 2: instances.disk_quota: an engine's own",
            ),
            (
                "[backups]\nfrequency = \"daily\"",
                "line 2: backups.frequency: \"daily\" is not a frequency; write 1 day",
            ),
            (
                "[backups]\ndrill = \"1 year\"",
                "line 2: backups.drill: \"1 year\" is not a frequency",
            ),
            (
                "[backups]\ntime = \"3:00\"",
                "line 2: backups.time: \"3:00\" is not a time of day",
            ),
            (
                "[backups]\nretention = \"0 days\"",
                "line 2: backups.retention: \"0 days\" is not a retention",
            ),
            (
                "[backups]\nbinlog_interval = \"10ms\"",
                "line 2: backups.binlog_interval: at least 1s",
            ),
            (
                "[backups]\nbinlog_bytes = \"1G\"",
                "line 2: backups.binlog_bytes: from 1M to 64M",
            ),
            (
                "[shadows]\nbuffer_pool = \"1M\"",
                "line 2: shadows.buffer_pool: at least 8M",
            ),
            (
                "[shadows]\nlag_limit = \"1s\"",
                "line 2: shadows.lag_limit: at least 10s",
            ),
            (
                "[backups]\nstore = \"ftp://a/b\"",
                "line 2: backups.store: a store is file://",
            ),
            (
                "[backups]\nstore = \"s3://a:b@c\"",
                "line 2: backups.store: an address has no credentials",
            ),
            (
                "[backups]\nstore_options = { AWS_SECRET_ACCESS_KEY = \"x\" }",
                "line 2: backups.store_options: AWS_SECRET_ACCESS_KEY is a secret",
            ),
            (
                "[backups]\nexport = \"some\"",
                "line 2: backups.export: production, all or none",
            ),
            (
                "[backups]\nparallelism = 0",
                "line 2: backups.parallelism: from 1 to 64",
            ),
            (
                "[backups]\nat_once = 0",
                "line 2: backups.at_once: from 1 to 16",
            ),
            (
                "[limits]\nbranches_per_database = 0",
                "line 2: limits.branches_per_database: at least",
            ),
            (
                "[region]\nslug = \"EU office\"",
                "line 2: region.slug: 1 to 40 lower-case letters",
            ),
            (
                "[region]\nslug = \"-eu\"",
                "line 2: region.slug: 1 to 40 lower-case letters",
            ),
            (
                "[region]\nname = \" \"",
                "line 2: region.name: 1 to 60 characters",
            ),
            (
                "[login]\npasswords = false",
                "line 2: login.passwords: nobody could log in: set login.oidc.issuer, too",
            ),
            (
                "[login.oidc]\nissuer = \"https://id.example.com\"",
                "line 1: login.oidc: give client_id, too",
            ),
            (
                "[login.oidc]\nclient_id = \"x\"",
                "line 1: login.oidc: give issuer, too",
            ),
            (
                "[login.oidc]\nclient_id = \"x\"\nissuer = \"http://id.example.com\"",
                "line 3: login.oidc.issuer: it begins with https://",
            ),
            (
                "[login.oidc]\nclient_id = \"x\"\nissuer = \"https://id.example.com?a=b\"",
                "line 3: login.oidc.issuer: an issuer has neither",
            ),
            (
                "[login.oidc]\nclient_id = \"x\"\nissuer = \"id.example.com\"",
                "line 3: login.oidc.issuer: write https://host",
            ),
            (
                "[login.oidc]\nclient_secret = \"x\"",
                "line 2: login.oidc.client_secret: there is no such key; did you mean client_secret_file?",
            ),
            (
                "[login.oidc]\nscopes = [\"email\"]",
                "line 2: login.oidc.scopes: openid has to be among them",
            ),
            (
                "[login.oidc]\nemail_domains = [\"@example.com\"]",
                "line 2: login.oidc.email_domains: \"@example.com\" is not a domain",
            ),
            (
                "[login.oidc]\ncreate_users = \"admin\"",
                "line 2: login.oidc.create_users: no or member",
            ),
            (
                "[login.oidc]\nname = \"\"",
                "line 2: login.oidc.name: 1 to 40 characters",
            ),
            ("[pool\n", "line 1: "),
        ] {
            write(bad);
            let error = Config::load(None, temp.path()).unwrap_err().to_string();
            assert!(
                error.contains(said) && error.contains("offshoot.toml"),
                "{bad}: {error}"
            );
        }
    }
}
