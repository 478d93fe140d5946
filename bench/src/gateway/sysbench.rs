//! sysbench against one way into an engine.

use super::{program, write_private};
use crate::server::processor_time;
use anyhow::{Context, Result, ensure};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const TABLES: &str = "--tables=4";
const ROWS: &str = "--table-size=10000";
/// Loaded before sysbench's threads begin. MariaDB's client library, which it may be linked with,
/// loads it at the first login: other threads meanwhile name a method that does not exist, which
/// servers answer by naming theirs, but MySQL Router with an error that the client calls malformed.
const PLUGIN: &str = "caching_sha2_password";
/// A workload that sysbench does not bring: each event is a connect.
const CONNECTS: &str = "function thread_init()
  driver = sysbench.sql.driver()
end
function event()
  local session = driver:connect()
  session:query('DO 1')
  session:disconnect()
end
";

pub(super) fn find() -> Result<PathBuf> {
    program("sysbench").context("sysbench is missing: install the package sysbench")
}

/// How an engine is reached.
pub(super) struct Way {
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) secret: String,
    pub(super) schema: String,
    /// With TLS: the directory of the client's files, named as sysbench wants them.
    pub(super) tls: Option<PathBuf>,
}

impl Way {
    pub(super) fn plain(port: u16, user: &str, secret: &str, schema: &str) -> Self {
        Self {
            port,
            user: user.to_owned(),
            secret: secret.to_owned(),
            schema: schema.to_owned(),
            tls: None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Workload {
    PointSelect,
    ReadWrite,
    /// Login, one statement, goodbye.
    Connects,
}

impl Workload {
    pub(super) const ALL: [Self; 3] = [Self::PointSelect, Self::ReadWrite, Self::Connects];
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PointSelect => "point_select",
            Self::ReadWrite => "read_write",
            Self::Connects => "connects",
        })
    }
}

/// One measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    /// Per second; of connects, one each.
    pub(super) queries: f64,
    /// Of an event, in milliseconds.
    pub(super) p99: f64,
    /// Of the process between client and engine, in microseconds per query.
    pub(super) cpu: f64,
}

pub(super) struct Sysbench {
    program: PathBuf,
    config: PathBuf,
    connects: PathBuf,
    dir: PathBuf,
    time: Duration,
}

impl Sysbench {
    pub(super) fn new(program: PathBuf, dir: &Path, time: Duration) -> Result<Self> {
        let connects = dir.join("connects.lua");
        std::fs::write(&connects, CONNECTS)?;
        Ok(Self {
            program,
            config: dir.join("sysbench.conf"),
            connects,
            dir: dir.to_owned(),
            time,
        })
    }

    /// Makes and fills the tables.
    pub(super) fn prepare(&self, way: &Way) -> Result<()> {
        self.call(
            way,
            &["oltp_read_write", TABLES, ROWS, "--rand-seed=1", "prepare"],
        )?;
        Ok(())
    }

    /// `pid`: whose processor time counts.
    pub(super) fn run(
        &self,
        workload: Workload,
        threads: usize,
        way: &Way,
        pid: Option<u32>,
    ) -> Result<Sample> {
        let before = pid.map(processor_time).transpose()?;
        let mut args = match workload {
            Workload::Connects => vec![self.connects.display().to_string()],
            _ => vec![format!("oltp_{workload}"), TABLES.into(), ROWS.into()],
        };
        args.extend([
            format!("--threads={threads}"),
            format!("--time={}", self.time.as_secs()),
            "--percentile=99".into(),
            "run".into(),
        ]);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let text = self.call(way, &args)?;
        let after = pid.map(processor_time).transpose()?;
        let (count, queries, p99) = parse(&text)
            .with_context(|| format!("sysbench's answer is not understood:\n{text}"))?;
        let cpu = match (before, after) {
            (Some(before), Some(after)) => {
                (after.saturating_sub(before)).as_secs_f64() * 1e6 / count
            }
            _ => 0.0,
        };
        Ok(Sample { queries, p99, cpu })
    }

    fn call(&self, way: &Way, args: &[&str]) -> Result<String> {
        // Secrets are for the file, not for the process list.
        let Way {
            port,
            user,
            secret,
            schema,
            tls,
        } = way;
        let ssl = if tls.is_some() { "mysql-ssl=on\n" } else { "" };
        write_private(
            &self.config,
            &format!(
                "mysql-host=127.0.0.1\nmysql-port={port}\nmysql-user={user}\n\
                 mysql-password={secret}\nmysql-db={schema}\n{ssl}"
            ),
        )?;
        let output = Command::new(&self.program)
            .env("LIBMYSQL_PLUGINS", PLUGIN)
            .current_dir(tls.as_deref().unwrap_or(&self.dir))
            .arg(format!("--config-file={}", self.config.display()))
            .args(args)
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(
            output.status.success(),
            "sysbench {} failed:\n{text}{}",
            args.join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(text)
    }
}

/// Queries, queries per second, and the 99th percentile.
fn parse(text: &str) -> Option<(f64, f64, f64)> {
    let after = |label: &str| {
        let line = text
            .lines()
            .find(|line| line.trim_start().starts_with(label))?;
        Some(line.split_once(':')?.1.trim())
    };
    let (count, rate) = after("queries:")?.split_once('(')?;
    let rate = rate.split_whitespace().next()?;
    let p99 = after("99th percentile:")?;
    Some((
        count.trim().parse().ok()?,
        rate.parse().ok()?,
        p99.parse().ok()?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_is_read() {
        let text = "SQL statistics:\n    queries performed:\n        total:      61524\n    \
                    transactions:   61524  (30752.51 per sec.)\n    \
                    queries:                             61524  (30752.51 per sec.)\n\n\
                    Latency (ms):\n         avg:         0.26\n         99th percentile:    0.64\n";
        assert_eq!(parse(text), Some((61_524.0, 30_752.51, 0.64)));
        assert_eq!(parse("FATAL: no"), None);
    }
}
