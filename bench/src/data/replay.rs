//! A branch at a moment: how many transactions a second its replay applies, beside the engine's own
//! `mysqlbinlog` piped into its own client, for the same transactions on the same data.

use super::load::Load;
use super::{Options, Raw, back_up, gone, seeded};
use crate::report::Row;
use crate::server::{Machine, Server, free_port, milliseconds};
use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use offshoot_core::engine::EngineKind;
use offshoot_mysqld::engine::Catalog;
use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

const DATABASE: &str = "pitr";
const TABLES: u32 = 4;
const ROWS: u64 = 25_000;
/// Each changes two rows, removes one and puts one in.
const TRANSACTIONS: u64 = 40_000;
/// Until what was committed is in the archive.
const ARCHIVED: Duration = Duration::from_secs(60);
/// Times in a binlog are whole seconds.
const APART: Duration = Duration::from_secs(2);

pub(super) async fn replay(
    options: &Options,
    machine: &Machine,
    server: &Server,
    kind: &str,
    raw: &Raw,
    rows: &mut Vec<Row>,
) -> Result<()> {
    let transactions = options.bytes(TRANSACTIONS);
    let main = server.database(DATABASE, kind, 0).await?;
    let load = Load::new(machine.dir(), &main)?;
    load.prepare(TABLES, ROWS)?;
    back_up(server, DATABASE).await?;
    tokio::time::sleep(APART).await;
    let from = now();
    load.write(TABLES, ROWS, transactions)?;
    let binlogs = binlogs(machine, from)?;
    tokio::time::sleep(APART).await;
    let moment = now().to_string();

    let (mut plain, mut replayed) = (Vec::new(), Vec::new());
    archived(server, &moment).await?;
    for n in 0..options.runs().min(5) {
        plain.push(made(server, &format!("p{n}"), "backup").await?);
        replayed.push(made(server, &format!("r{n}"), &moment).await?);
    }
    server.client.delete_database(super::ORG, DATABASE).await?;
    server.settled().await?;
    let piped = piped(machine, kind, raw, from, &binlogs, transactions).await?;

    let row = |name: &str, unit, values: &[f64]| Row::new(name, &raw.engine, unit, values);
    let without = row("data.pitr.backup", "ms", &plain);
    let rate: Vec<f64> = replayed
        .iter()
        .map(|took| transactions as f64 * 1000.0 / (took - without.p50).max(1.0))
        .collect();
    rows.push(row("data.pitr", "tps", &rate).against(&row("mysqlbinlog", "tps", &[piped])));
    rows.push(row("data.pitr.ready", "ms", &replayed).against(&without));
    rows.push(without);
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a moment of the engine's clock")]
fn now() -> Timestamp {
    Timestamp::now()
}

/// Request to first row, in milliseconds.
async fn made(server: &Server, branch: &str, seed: &str) -> Result<f64> {
    let (took, _) = seeded(server, DATABASE, branch, seed).await?;
    gone(server, DATABASE, branch).await?;
    server.settled().await?;
    Ok(took)
}

/// Waits until the moment can be had.
async fn archived(server: &Server, moment: &str) -> Result<()> {
    let until = Instant::now() + ARCHIVED;
    while let Err(error) = made(server, "first", moment).await {
        ensure!(Instant::now() < until, "{moment} cannot be had: {error:#}");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}

/// Copies of the binlogs of the only engine that has written any since.
fn binlogs(machine: &Machine, since: Timestamp) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for volume in fs::read_dir(machine.pool().join("volumes"))? {
        let data = volume?.path().join("data");
        for entry in fs::read_dir(&data).into_iter().flatten() {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let numbered = name.strip_prefix("binlog.");
            let written = Timestamp::try_from(entry.metadata()?.modified()?)?;
            if numbered.is_some_and(|n| n.parse::<u32>().is_ok()) && written >= since {
                let copy = machine.dir().join(&name);
                fs::copy(entry.path(), &copy)?;
                found.push(copy);
            }
        }
    }
    found.sort();
    ensure!(!found.is_empty(), "production writes a binlog");
    Ok(found)
}

/// Transactions a second of `mysqlbinlog … | mysql`, on an engine with a branch's settings and the same
/// tables.
async fn piped(
    machine: &Machine,
    kind: &str,
    raw: &Raw,
    from: Timestamp,
    binlogs: &[PathBuf],
    transactions: u64,
) -> Result<f64> {
    let kind: EngineKind = kind.parse()?;
    let port = free_port()?;
    let (_running, secret) = raw.baseline.serve(port, DATABASE).await?;
    let load = Load::at(machine.dir(), port, DATABASE, &secret, DATABASE)?;
    load.prepare(TABLES, ROWS)?;
    let login = login(machine.dir(), port, &secret)?;

    let catalog = Catalog::new(machine.data().join("engines"), Vec::new());
    let files = catalog.newest(kind).context("the engine is installed")?;
    let (reader, client) = match kind {
        EngineKind::Mysql => ("mysqlbinlog", "mysql"),
        EngineKind::Mariadb => ("mariadb-binlog", "mariadb"),
    };
    let missing = |name: &str| format!("{name} did not come with the engine");
    let mut reader_command = files.client(reader).with_context(|| missing(reader))?;
    let mut client_command = files.client(client).with_context(|| missing(client))?;
    let began = Instant::now();
    reader_command
        .env("TZ", "UTC")
        .arg("--no-defaults")
        .arg(format!("--start-datetime={}", from.strftime("%F %T")));
    if kind == EngineKind::Mysql {
        // The engine has none, as a branch's.
        reader_command.arg("--skip-gtids");
    }
    let mut reading = reader_command
        .args(binlogs)
        .stdout(Stdio::piped())
        .spawn()?;
    let text = reading.stdout.take().context("a pipe has an end")?;
    let applied = client_command
        .arg(format!("--defaults-file={}", login.display()))
        .stdin(text)
        .status()?;
    ensure!(reading.wait()?.success(), "{reader} failed");
    ensure!(applied.success(), "{client} failed");
    Ok(transactions as f64 * 1000.0 / milliseconds(began))
}

/// The client's way in: secrets are for the file, not for the process list.
fn login(dir: &Path, port: u16, secret: &str) -> Result<PathBuf> {
    use std::io::Write;
    let path = dir.join("replay.cnf");
    let _ = fs::remove_file(&path);
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    write!(
        file,
        "[client]\nprotocol=tcp\nhost=127.0.0.1\nport={port}\nuser={DATABASE}\npassword={secret}\n"
    )?;
    Ok(path)
}
