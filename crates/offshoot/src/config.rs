//! Configuration: defaults, overridden by `offshoot.toml`, overridden by `OFFSHOOT_*` and flags.

use anyhow::{Context, Result, bail};
use jiff::SignedDuration;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The content of `offshoot.toml`. Unknown keys are refused: a misspelt limit must not be silently absent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    pub(crate) http: Http,
    pub(crate) gateway: Gateway,
    pub(crate) engine: Engine,
    pub(crate) instances: Instances,
    pub(crate) pool: Pool,
    pub(crate) tls: Tls,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Http {
    pub(crate) listen: SocketAddr,
    /// What links in answers begin with; default: the listening address.
    pub(crate) public_url: Option<String>,
    /// Refuse clients that are not on this machine and do not use TLS.
    pub(crate) require_tls: bool,
}

/// A certificate of the operator's own, for both ports; default: one of the private CA.
#[derive(Clone, Debug, Default, Deserialize)]
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
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
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

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Engine {
    pub(crate) mysql: EngineProgram,
    pub(crate) mariadb: EngineProgram,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct EngineProgram {
    /// The server program, for an engine that is not on PATH.
    pub(crate) server: Option<PathBuf>,
}

#[derive(Clone, Debug, Deserialize)]
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
}

impl Default for Instances {
    fn default() -> Self {
        Self {
            memory_budget: None,
            sleep_after: "10m".to_owned(),
            warm_instances: None,
            memory_limit: None,
            cpu_limit: None,
        }
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Pool {
    /// Where volumes live; default: `pool` in the data directory.
    pub(crate) dir: Option<PathBuf>,
}

impl Config {
    /// Reads `file`, or `offshoot.toml` in the data directory when there is one.
    pub(crate) fn load(file: Option<&Path>, data_dir: &Path) -> Result<Self> {
        let implied = data_dir.join("offshoot.toml");
        let path = match file {
            Some(path) => path,
            None if implied.is_file() => &implied,
            None => return Ok(Self::default()),
        };
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let config: Config =
            toml::from_str(&text).with_context(|| format!("{} is not valid", path.display()))?;
        config.instances.sleep_after()?;
        config.instances.memory_budget(0)?;
        config.instances.memory_limit()?;
        config.instances.cpu_limit()?;
        if config.tls.certificate.is_some() != config.tls.key.is_some() {
            bail!(
                "{}: tls.certificate and tls.key: give both or none",
                path.display()
            );
        }
        let url = config.http.public_url.as_deref();
        if url.is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
            bail!(
                "{}: http.public_url: write https://host:port",
                path.display()
            );
        }
        if let Some(name) = config
            .gateway
            .engine_listen
            .keys()
            .find(|k| *k != "mysql" && *k != "mariadb")
        {
            bail!(
                "{}: gateway.engine_listen.{name}: an engine is mysql or mariadb",
                path.display()
            );
        }
        Ok(config)
    }
}

impl Instances {
    pub(crate) fn sleep_after(&self) -> Result<Duration> {
        duration(&self.sleep_after).context("instances.sleep_after")
    }

    /// Bytes; `memory` is the machine's.
    pub(crate) fn memory_budget(&self, memory: u64) -> Result<u64> {
        match &self.memory_budget {
            Some(text) => size(text).context("instances.memory_budget"),
            None => Ok(memory / 10 * 7),
        }
    }

    /// Bytes. Not less than what an engine starts with.
    pub(crate) fn memory_limit(&self) -> Result<Option<u64>> {
        /// MySQL 9.7 takes up to 211 MiB of its own when it has started, MariaDB 52 MiB.
        const LEAST: u64 = 256 << 20;
        let limit = self.memory_limit.as_deref().map(size).transpose();
        let limit = limit.context("instances.memory_limit")?;
        if limit.is_some_and(|limit| limit < LEAST) {
            bail!("instances.memory_limit: no engine works with less than 256M");
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
            Some(_) => bail!("instances.cpu_limit: a number of cores from 0.05 to 1024"),
        }
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
        for bad in [
            "[instances]\nsleep_afer = \"1m\"",
            "[instances]\nsleep_after = \"soon\"",
            "[instances]\nmemory_limit = \"10M\"",
            "[instances]\ncpu_limit = 0.0",
            "[http]\nlisten = \"here\"",
            "[http]\npublic_url = \"here\"",
            "[tls]\nkey = \"key.pem\"",
        ] {
            write(bad);
            assert!(Config::load(None, temp.path()).is_err(), "{bad}");
        }
    }
}
