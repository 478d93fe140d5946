//! Checks of this machine and the server on it: each says what it found and what to do about it.
//! Nothing that is there is changed; engines are tried in a directory that goes afterwards.

mod data;
mod engines;
mod machine;
mod network;
mod off_site;
mod pool;
mod store;

pub(crate) use network::answers;

use crate::config::Config;
use crate::data_dir::DataDir;
use anyhow::Result;
use jiff::Timestamp;
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    Ok,
    /// It works, but not as well or as safely as it could.
    Warn,
    Fail,
}

impl Verdict {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Verdict::Ok => "ok",
            Verdict::Warn => "warn",
            Verdict::Fail => "fail",
        }
    }
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Finding {
    pub(crate) check: &'static str,
    pub(crate) verdict: Verdict,
    pub(crate) found: String,
    /// The next step.
    pub(crate) next: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self {
            check,
            verdict: Verdict::Ok,
            found: found.into(),
            next: None,
        }
    }

    fn warn(check: &'static str, found: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            check,
            verdict: Verdict::Warn,
            found: found.into(),
            next: Some(next.into()),
        }
    }

    fn fail(check: &'static str, found: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Fail,
            ..Self::warn(check, found, next)
        }
    }
}

/// What is looked at.
pub(crate) struct Case<'a> {
    pub(crate) dir: &'a DataDir,
    pub(crate) config: Result<Config>,
    pub(crate) now: Timestamp,
    /// No engine is started.
    pub(crate) quick: bool,
}

/// Looks at everything. Takes seconds, most of them for engines.
pub(crate) async fn examine(case: Case<'_>) -> Vec<Finding> {
    let mut all = Vec::new();
    let config = match case.config {
        Ok(config) => {
            all.push(Finding::ok(
                "config",
                "offshoot.toml is right, or there is none",
            ));
            config
        }
        Err(error) => {
            let next = "correct it; `offshoot config reference` shows every key";
            all.push(Finding::fail("config", format!("{error:#}"), next));
            Config::default()
        }
    };
    let server = match case.dir.holder() {
        Ok(holder) => holder,
        Err(error) => {
            let next = "run this as the user of the server, or as root";
            all.push(Finding::warn("server", format!("{error:#}"), next));
            None
        }
    };
    all.extend(data::directory(case.dir));
    all.push(data::master_key(case.dir));
    all.push(data::root_token(case.dir));
    all.extend(store::store(case.dir, case.now).await);
    all.extend(off_site::off_site(case.dir, &config).await);
    all.push(machine::clock_service());
    all.extend(pool::pool(case.dir, &config));
    all.extend(engines::engines(case.dir, &config, case.quick).await);
    all.extend(machine::kernel());
    all.push(machine::memory(case.dir, &config));
    all.push(machine::open_files(&config));
    all.extend(network::ports(&config, server));
    all.extend(network::certificates(case.dir, &config, case.now));
    all.push(match server {
        Some(pid) => match answers(&config).await {
            Finding {
                verdict: Verdict::Ok,
                ..
            } => Finding::ok(
                "server",
                format!("process {} is ready", pid.as_raw_nonzero()),
            ),
            finding => finding,
        },
        None => Finding::ok(
            "server",
            "none runs on this data directory; `offshoot serve` starts one",
        ),
    });
    all
}

/// Whether a failure is only that this user may not look.
fn hidden(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::PermissionDenied && !rustix::process::geteuid().is_root()
}

const AS_ROOT: &str = "run this as the user of the server, or as root, to see more";
