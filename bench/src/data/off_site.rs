//! Off-site copies: bytes for each second of a core, out and back, and the memory that it takes, beside
//! `tar | zstd` on the same files.

use super::{Options, back_up};
use crate::report::Row;
use crate::server::{Machine, ORG, Server, connect};
use anyhow::{Context, Result, bail, ensure};
use mysql_async::prelude::Queryable;
use offshoot_api_types::{Backup, BackupState, CopyState, ImportBackup, Password};
use offshoot_client::BackupsOf;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const GIB: u64 = 1 << 30;
const MEGABYTE: f64 = 1e6;
/// Ticks of a second in `/proc/PID/stat`.
const TICKS: f64 = 100.0;
/// Longest that a copy may take.
const COPY: Duration = Duration::from_secs(1_800);

/// The lines of the configuration that make copies possible, and nothing copied unasked.
pub(super) fn config(options: &Options, machine: &Machine) -> Result<String> {
    machine.offshoot(&["admin", "backup-key"])?;
    let store = match &options.store {
        Some(url) => url.clone(),
        None => {
            let dir = machine.dir().join("store");
            fs::create_dir_all(&dir)?;
            format!("file://{}", dir.display())
        }
    };
    Ok(format!(
        "[backups]\nstore = \"{store}\"\nexport = \"none\"\n"
    ))
}

pub(super) async fn copies(
    options: &Options,
    machine: &Machine,
    server: &Server,
    kind: &str,
    engine: &str,
    rows: &mut Vec<Row>,
) -> Result<()> {
    let main = server.database("copies", kind, 0).await?;
    fill(&main, options.bytes(GIB)).await?;
    let backup = back_up(server, "copies").await?;
    server.settled().await?;
    let out = measured(server, export(server, &backup)).await?;
    let image = image(machine)?;
    let file = machine.dir().join("baseline.tar.zst");
    let script = format!(
        "tar -C {0} -cf - . | zstd -q -3 -T1 -f -o {1} && sync {1}",
        image.display(),
        file.display()
    );
    let packed = shell(&script)?;
    push(rows, "data.export", engine, &out, packed);

    let back = measured(server, import(server, &backup)).await?;
    let target = machine.pool().join("baseline");
    fs::create_dir(&target)?;
    let script = format!(
        "zstd -q -d -c {1} | tar -C {0} -xf - && sync -f {0}",
        target.display(),
        file.display()
    );
    let unpacked = shell(&script);
    fs::remove_dir_all(&target)?;
    fs::remove_file(&file)?;
    push(rows, "data.import", engine, &back, unpacked?);
    server.client.delete_database(ORG, "copies").await?;
    server.settled().await
}

/// What a piece of work of the server took.
struct Cost {
    bytes: f64,
    /// Seconds of processor time.
    busy: f64,
    seconds: f64,
    /// The most memory that the server had meanwhile, in MiB.
    memory: f64,
}

fn push(rows: &mut Vec<Row>, name: &str, engine: &str, cost: &Cost, other: (f64, f64)) {
    let megabytes = cost.bytes / MEGABYTE;
    let row = |name: &str, unit, value: f64| Row::new(name, engine, unit, &[value]);
    let alone = row("tar | zstd", "MB/s/core", megabytes / other.1);
    rows.push(row(name, "MB/s/core", megabytes / cost.busy).against(&alone));
    let alone = row("tar | zstd", "MB/s", megabytes / other.0);
    rows.push(row(&format!("{name}.wall"), "MB/s", megabytes / cost.seconds).against(&alone));
    rows.push(row(&format!("{name}.memory"), "MiB", cost.memory));
}

async fn measured(server: &Server, work: impl Future<Output = Result<i64>>) -> Result<Cost> {
    let proc = PathBuf::from(format!("/proc/{}", server.pid()));
    // Forgets the most that it had before.
    fs::write(proc.join("clear_refs"), "5")?;
    let (before, began) = (processor(&proc)?, Instant::now());
    let bytes = work.await?;
    let seconds = began.elapsed().as_secs_f64();
    let status = fs::read_to_string(proc.join("status"))?;
    let most = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    let most: f64 = most
        .and_then(|l| l.split_whitespace().next())
        .context("no VmHWM")?
        .parse()?;
    Ok(Cost {
        bytes: bytes as f64,
        busy: processor(&proc)? - before,
        seconds,
        memory: most / 1024.0,
    })
}

/// Seconds of processor time that a process has taken.
fn processor(proc: &Path) -> Result<f64> {
    let stat = fs::read_to_string(proc.join("stat"))?;
    let (_, rest) = stat.rsplit_once(") ").context("no name in stat")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    let ticks = |n: usize| -> Result<f64> { Ok(fields.get(n).context("a short stat")?.parse()?) };
    Ok((ticks(11)? + ticks(12)?) / TICKS)
}

/// Seconds, and seconds of processor time, of a script.
fn shell(script: &str) -> Result<(f64, f64)> {
    let timed = format!("TIMEFORMAT='%R %U %S'; time (set -eo pipefail; {script})");
    let output = Command::new("bash").args(["-c", &timed]).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{script}: {said}");
    let line = said.lines().last().context("bash tells the time")?;
    let times: Vec<f64> = line
        .split(' ')
        .map(str::parse)
        .collect::<Result<_, _>>()
        .with_context(|| format!("not three times: {said}"))?;
    match times.as_slice() {
        [real, user, system] => Ok((*real, user + system)),
        _ => bail!("not three times: {said}"),
    }
}

const OF: BackupsOf<'static> = BackupsOf {
    org: ORG,
    database: "copies",
    branch: "main",
};

/// Bytes that were copied.
async fn export(server: &Server, backup: &Backup) -> Result<i64> {
    server.client.export_backup(OF, &backup.id).await?;
    let until = Instant::now() + COPY;
    loop {
        let shown = server.client.show_backup(OF, &backup.id).await?;
        let copy = shown.off_site.context("a copy was asked for")?;
        match copy.state {
            CopyState::Exported => return Ok(copy.bytes),
            CopyState::Failed => bail!("the copy failed: {:?}", copy.failure),
            _ => ensure!(
                Instant::now() < until,
                "the copy takes longer than {COPY:?}"
            ),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Until the copy has been fetched; the check that follows is the engine's.
async fn import(server: &Server, backup: &Backup) -> Result<i64> {
    let body = ImportBackup::default();
    let made = server.client.import_backup(ORG, &backup.id, &body, None);
    let made = made.await?;
    let until = Instant::now() + COPY;
    loop {
        let shown = server.client.show_backup(OF, &made.id).await?;
        match shown.state {
            BackupState::Pending => {
                ensure!(
                    Instant::now() < until,
                    "the import takes longer than {COPY:?}"
                );
            }
            BackupState::Failed => bail!("the import failed: {:?}", shown.failure),
            BackupState::Running | BackupState::Success => break,
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let copy = server.client.show_backup(OF, &backup.id).await?.off_site;
    Ok(copy.context("a copy was made")?.bytes)
}

/// The image of the only backup: the largest snapshot of the pool.
fn image(machine: &Machine) -> Result<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(machine.pool().join("snapshots"))? {
        let data = entry?.path().join("data");
        let du = Command::new("du").arg("-s").arg(&data).output()?;
        let text = String::from_utf8(du.stdout)?;
        let size: u64 = text.split_whitespace().next().unwrap_or("0").parse()?;
        found.push((size, data));
    }
    let (_, data) = found.into_iter().max().context("no snapshot in the pool")?;
    Ok(data)
}

/// Rows of 256 hexadecimal digits, all different, which pack to about half, until the table holds
/// these bytes.
async fn fill(main: &Password, bytes: u64) -> Result<()> {
    const ROW: u64 = 290;
    let mut session = connect(main).await?;
    let sql = "CREATE TABLE filled (id BIGINT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(300) NOT NULL)";
    session.query_drop(sql).await?;
    let parts: Vec<String> = (0..4).map(|n| format!("SHA2(RAND() + {n}, 256)")).collect();
    let value = format!("CONCAT({})", parts.join(", "));
    let first: Vec<String> = (0..1024).map(|_| format!("({value})")).collect();
    let sql = format!("INSERT INTO filled (v) VALUES {}", first.join(","));
    session.query_drop(sql).await?;
    let mut rows = 1024;
    while rows * ROW < bytes {
        // A transaction of some MiB.
        let step = rows
            .min(16_384)
            .min((bytes / ROW).saturating_sub(rows).max(1));
        let sql = format!("INSERT INTO filled (v) SELECT {value} FROM filled LIMIT {step}");
        session.query_drop(sql).await?;
        rows += step;
    }
    Ok(session.disconnect().await?)
}
