//! sysbench on the parent: the load of the issue, `oltp_read_write` with four threads.

use anyhow::{Context, Result, ensure};
use offshoot_api_types::Password;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const THREADS: &str = "--threads=4";

pub(super) struct Load {
    config: PathBuf,
}

/// sysbench while it runs.
pub(super) struct Running(Child);

impl Load {
    pub(super) fn new(dir: &Path, way: &Password) -> Result<Self> {
        let secret = way.plain_text.as_deref();
        let secret = secret.context("a password has a secret")?;
        let schema = &way.connection.database;
        Self::at(dir, way.connection.port, &way.username, secret, schema)
    }

    /// On a server at this port.
    pub(super) fn at(
        dir: &Path,
        port: u16,
        user: &str,
        secret: &str,
        schema: &str,
    ) -> Result<Self> {
        use std::io::Write;
        let config = dir.join(format!("load-{port}-{schema}.conf"));
        let _ = std::fs::remove_file(&config);
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&config)?;
        // Secrets are for the file, not for the process list.
        write!(
            file,
            "mysql-host=127.0.0.1\nmysql-port={port}\nmysql-user={user}\nmysql-password={secret}\nmysql-db={schema}\n",
        )?;
        Ok(Self { config })
    }

    /// Makes and fills the tables.
    pub(super) fn prepare(&self, tables: u32, rows: u64) -> Result<()> {
        let output = self
            .command(tables, rows)
            .args([THREADS, "prepare"])
            .output()
            .context("sysbench is missing: install the package sysbench")?;
        ensure!(
            output.status.success(),
            "sysbench prepare failed:\n{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }

    /// Commits this many transactions of writes.
    pub(super) fn write(&self, tables: u32, rows: u64, transactions: u64) -> Result<()> {
        let output = self
            .command(tables, rows)
            .args([THREADS, "--time=0"])
            .arg(format!("--events={transactions}"))
            .arg("run")
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "sysbench failed:\n{text}");
        Ok(())
    }

    pub(super) fn start(&self, tables: u32, rows: u64, time: Duration) -> Result<Running> {
        let child = self
            .command(tables, rows)
            .args([THREADS, &format!("--time={}", time.as_secs()), "run"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        Ok(Running(child))
    }

    fn command(&self, tables: u32, rows: u64) -> Command {
        let mut command = Command::new("sysbench");
        command
            .env("LIBMYSQL_PLUGINS", "caching_sha2_password")
            .arg(format!("--config-file={}", self.config.display()))
            .arg("oltp_read_write")
            .arg(format!("--tables={tables}"))
            .arg(format!("--table-size={rows}"))
            .args(["--rand-seed=1", "--percentile=99"]);
        // Each thread prepares nine statements for each table, and engines allow 16,382 in all.
        if tables > 100 {
            command.arg("--db-ps-mode=disable");
        }
        command
    }
}

impl Running {
    /// Waits for its end; transactions per second.
    pub(super) fn end(self) -> Result<f64> {
        let output = self.0.wait_with_output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(
            output.status.success(),
            "sysbench failed:\n{text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        rate(&text).with_context(|| format!("sysbench's answer is not understood:\n{text}"))
    }
}

fn rate(text: &str) -> Option<f64> {
    let line = text
        .lines()
        .find(|line| line.trim_start().starts_with("transactions:"))?;
    let (_, rate) = line.split_once('(')?;
    rate.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_read() {
        let text = "    transactions:                        4210   (418.88 per sec.)\n";
        assert_eq!(rate(text), Some(418.88));
        assert_eq!(rate("FATAL"), None);
    }
}
