//! Branches with data: how long they take, and what their parent notices.

mod load;
mod off_site;
mod replay;
mod shadow;
mod stall;

use crate::baseline::Baseline;
use crate::report::{Measured, Row};
use crate::server::{Machine, ORG, PATIENCE, Server, connect, milliseconds, select_1};
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use load::Load;
use mysql_async::prelude::Queryable;
use offshoot_api_types::{
    Backup, BackupState, CreateBackup, CreateBranch, CreateBranchPassword, Password,
};
use offshoot_client::{BackupsOf, PageOf, Wait};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What is measured is the cold path; branches stay awake.
const CONFIG: &str =
    "[instances]\nwarm_instances = 0\nsleep_after = \"0\"\nmemory_budget = \"12G\"\n";
const GIB: u64 = 1 << 30;
const MIB: f64 = 1024.0 * 1024.0;
/// Longest that a backup of a large branch may take: it is read three times.
const BACKUP: Duration = Duration::from_secs(1_800);
/// Time between two live branches of a busy parent.
const BETWEEN: Duration = Duration::from_secs(5);

#[derive(Args)]
pub(crate) struct Options {
    /// Only this engine: mysql or mariadb
    #[arg(long)]
    engine: Option<String>,
    /// Samples of each quantity
    #[arg(long, default_value_t = 9)]
    runs: usize,
    /// Live branches of a busy parent
    #[arg(long, default_value_t = 20)]
    shots: usize,
    /// A tenth of the data, few samples
    #[arg(long)]
    quick: bool,
    /// Only what begins with this, such as data.live
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Write the rows to this file
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
    /// Measure this server instead of building the one of this checkout
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// Filesystem of the pool: btrfs, xfs or copy
    #[arg(long, default_value = "btrfs")]
    pool: String,
    /// Store of off-site copies, such as s3://bucket, with its options in the environment [default: a directory]
    #[arg(long, value_name = "URL")]
    store: Option<String>,
}

impl Options {
    fn wants(&self, name: &str) -> bool {
        let within = |name: &str, of: &str| {
            let rest = name.strip_prefix(of);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.only
            .as_deref()
            .is_none_or(|only| within(name, only) || within(only, name))
    }

    /// Bytes of data, a tenth with `--quick`.
    fn bytes(&self, whole: u64) -> u64 {
        if self.quick { whole / 10 } else { whole }
    }

    fn runs(&self) -> usize {
        if self.quick {
            self.runs.min(3)
        } else {
            self.runs
        }
    }

    fn shots(&self) -> usize {
        if self.quick {
            self.shots.min(6)
        } else {
            self.shots
        }
    }
}

pub(crate) async fn run(options: &Options) -> Result<Measured> {
    let kinds: Vec<&str> = ["mysql", "mariadb"]
        .into_iter()
        .filter(|kind| options.engine.as_deref().is_none_or(|e| e == *kind))
        .collect();
    ensure!(!kinds.is_empty(), "an engine is mysql or mariadb");
    let mut measured = Measured::default();
    for kind in kinds {
        let result = engine(options, kind, &mut measured.rows).await;
        measured.part(kind, result);
    }
    Ok(measured)
}

/// Everything with one engine.
async fn engine(options: &Options, kind: &str, rows: &mut Vec<Row>) -> Result<()> {
    let machine = Machine::new(&options.pool, options.server.as_deref())?;
    machine.offshoot(&["engine", "install", kind])?;
    let baseline = Baseline::new(&machine, kind).await?;
    let engine = baseline.engine();
    let mut raw = Raw {
        engine: engine.clone(),
        baseline,
        starts: Vec::new(),
    };
    let copies = off_site::config(options, &machine)?;
    let server = machine.serve(kind, &format!("{CONFIG}{copies}")).await?;
    if options.wants("data.branch.backup") {
        backups(options, &server, kind, &mut raw, rows).await?;
    }
    if options.wants("data.live") {
        live(options, &machine, &server, kind, &mut raw, rows).await?;
        if options.wants("data.live.stall.shadow") || options.wants("data.live.ready.shadow") {
            shadow::measure(options, &machine, &server, kind, &mut raw, rows).await?;
        }
    }
    if options.wants("data.export") || options.wants("data.import") {
        off_site::copies(options, &machine, &server, kind, &engine, rows).await?;
    }
    if options.wants("data.pitr") {
        replay::replay(options, &machine, &server, kind, &raw, rows).await?;
    }
    server.stop()?;
    if !raw.starts.is_empty() {
        rows.push(raw.since(0));
    }
    Ok(())
}

/// The engine alone, started beside each branch that is measured: what else the machine does meanwhile
/// slows both.
struct Raw {
    engine: String,
    baseline: Baseline,
    /// In milliseconds.
    starts: Vec<f64>,
}

impl Raw {
    async fn start(&mut self) -> Result<()> {
        self.starts.push(self.baseline.start().await?);
        Ok(())
    }

    /// The starts from this one on.
    fn since(&self, first: usize) -> Row {
        Row::new("raw.start", &self.engine, "ms", &self.starts[first..])
    }
}

/// Branches from backups of two sizes, and what a branch takes of its own after a part of it changed.
async fn backups(
    options: &Options,
    server: &Server,
    kind: &str,
    raw: &mut Raw,
    rows: &mut Vec<Row>,
) -> Result<()> {
    for (label, size) in [("1g", GIB), ("20g", 20 * GIB)] {
        let name = format!("data.branch.backup.{label}");
        if !options.wants(&name) {
            continue;
        }
        let database = format!("backup{label}");
        let main = server.database(&database, kind, 0).await?;
        fill(&main, options.bytes(size)).await?;
        let began = Instant::now();
        let backup = back_up(server, &database).await?;
        let took = milliseconds(began);
        if label == "1g" {
            rows.push(changed(server, &database, &raw.engine).await?);
        }
        let (mut samples, first) = (Vec::new(), raw.starts.len());
        for n in 0..options.runs() {
            let branch = format!("b{n}");
            raw.start().await?;
            let (took, _) = seeded(server, &database, &branch, "backup").await?;
            samples.push(took);
            gone(server, &database, &branch).await?;
        }
        rows.push(Row::new(&name, &raw.engine, "ms", &samples).against(&raw.since(first)));
        let name = format!("data.backup.{label}");
        rows.push(Row::new(&name, &raw.engine, "ms", &[took]));
        ensure!(backup.verified, "a backup that succeeded is verified");
        server.client.delete_database(ORG, &database).await?;
        server.settled().await?;
    }
    Ok(())
}

/// Live branches of an idle parent and of a busy one, with few and with many tables.
async fn live(
    options: &Options,
    machine: &Machine,
    server: &Server,
    kind: &str,
    raw: &mut Raw,
    rows: &mut Vec<Row>,
) -> Result<()> {
    for tables in [10_u32, 1000] {
        let name = format!("data.live.stall.{tables}");
        let ready = tables == 10
            && (options.wants("data.live.ready.idle") || options.wants("data.live.ready.load"));
        if !(options.wants(&name) || ready) {
            continue;
        }
        let database = format!("live{tables}");
        let main = server.database(&database, kind, 0).await?;
        let load = Load::new(machine.dir(), &main)?;
        // About 2 GiB in all: a row of sysbench takes about 230 bytes.
        let per_table = options.bytes(2 * GIB) / 230 / u64::from(tables);
        load.prepare(tables, per_table)?;
        server.settled().await?;
        let beside = raw.starts.len();
        if tables == 10 {
            let mut idle = Vec::new();
            for n in 0..options.runs() {
                let branch = format!("i{n}");
                raw.start().await?;
                idle.push(seeded(server, &database, &branch, "live").await?.0);
                gone(server, &database, &branch).await?;
            }
            let row = Row::new("data.live.ready.idle", &raw.engine, "ms", &idle);
            rows.push(row.against(&raw.since(beside)));
        }
        let shots = options.shots();
        let time = BETWEEN * u32::try_from(shots)?;
        let quiet = stall::watch(&load, &main, tables, per_table, time, None).await?;
        let shoot = stall::Shoot {
            server,
            database: &database,
            shots,
            between: BETWEEN,
        };
        let busy = stall::watch(&load, &main, tables, per_table, time, Some(&shoot)).await?;
        let base = Row::new(&format!("{name}.none"), &raw.engine, "ms", &quiet.stalls);
        rows.push(Row::new(&name, &raw.engine, "ms", &busy.stalls).against(&base));
        rows.push(base);
        let pauses: Vec<f64> = busy.pauses.iter().map(|p| *p as f64).collect();
        rows.push(Row::new(
            &format!("{name}.pause"),
            &raw.engine,
            "ms",
            &pauses,
        ));
        let fifth = shots.div_ceil(4).min(5);
        let (first, last) = (&busy.stalls[..fifth], &busy.stalls[shots - fifth..]);
        let first = Row::new(&format!("{name}.first"), &raw.engine, "ms", first);
        rows.push(Row::new(&format!("{name}.last"), &raw.engine, "ms", last).against(&first));
        let alone = Row::new("none", &raw.engine, "tps", &[quiet.tps]);
        rows.push(
            Row::new(&format!("{name}.tps"), &raw.engine, "tps", &[busy.tps]).against(&alone),
        );
        if tables == 10 {
            let row = Row::new("data.live.ready.load", &raw.engine, "ms", &busy.ready);
            rows.push(row.against(&raw.since(beside)));
        }
        server.client.delete_database(ORG, &database).await?;
        server.settled().await?;
    }
    Ok(())
}

/// Rows of 1 KiB until the table holds these bytes.
pub(crate) async fn fill(main: &Password, bytes: u64) -> Result<()> {
    /// Rows of one statement: a transaction of some MiB.
    const STEP: u64 = 8_192;
    let mut session = connect(main).await?;
    session
        .query_drop(
            "CREATE TABLE filled (id BIGINT PRIMARY KEY, v VARCHAR(1000) NOT NULL, n INT NOT NULL)",
        )
        .await?;
    session
        .query_drop("CREATE TABLE steps (n INT PRIMARY KEY)")
        .await?;
    for from in (0..STEP).step_by(1024) {
        let values: Vec<String> = (from..from + 1024).map(|n| format!("({n})")).collect();
        session
            .query_drop(format!("INSERT INTO steps VALUES {}", values.join(",")))
            .await?;
    }
    for from in (0..bytes / 1100).step_by(usize::try_from(STEP)?) {
        session
            .query_drop(format!(
                "INSERT INTO filled SELECT {from} + n, REPEAT(SHA2({from} + n, 256), 15), 0 FROM steps"
            ))
            .await?;
    }
    Ok(session.disconnect().await?)
}

pub(crate) async fn back_up(server: &Server, database: &str) -> Result<Backup> {
    let of = BackupsOf {
        org: ORG,
        database,
        branch: "main",
    };
    let body = CreateBackup::default();
    let made = server.client.create_backup(of, &body, None).await?;
    let until = Instant::now() + BACKUP;
    loop {
        let backup = server.client.show_backup(of, &made.id).await?;
        match backup.state {
            BackupState::Success => return Ok(backup),
            BackupState::Failed => bail!("the backup failed: {:?}", backup.failure),
            _ => {}
        }
        ensure!(
            Instant::now() < until,
            "the backup takes longer than {BACKUP:?}"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// HTTP request to first `SELECT 1` through the gateway, in milliseconds; and the way in.
async fn seeded(
    server: &Server,
    database: &str,
    name: &str,
    seed: &str,
) -> Result<(f64, Password)> {
    let body = CreateBranch {
        name: Some(name.to_owned()),
        seed: Some(seed.to_owned()),
        password: Some(CreateBranchPassword {
            name: Some("bench".to_owned()),
            role: Some("admin".to_owned()),
            ttl: None,
        }),
        ..CreateBranch::default()
    };
    let began = Instant::now();
    let branch = server
        .client
        .create_branch(ORG, database, &body, Some(Wait(PATIENCE)))
        .await?;
    ensure!(
        branch.ready,
        "branch {name} is not ready after {PATIENCE:?}"
    );
    let password = branch.password.context("no password in the answer")?;
    let session = select_1(&password).await?;
    let took = milliseconds(began);
    session.disconnect().await?;
    Ok((took, password))
}

async fn gone(server: &Server, database: &str, branch: &str) -> Result<()> {
    server
        .client
        .delete_branch(ORG, database, branch, false)
        .await?;
    Ok(())
}

/// What a branch takes of its own after one page in a hundred changed, above what another one takes that
/// did all the same but that change, against what those pages take.
async fn changed(server: &Server, database: &str, engine: &str) -> Result<Row> {
    const PAGE: f64 = 16_384.0;
    let mut rows = 0;
    let mut takes = Vec::new();
    for branch in ["untouched", "changed"] {
        let (_, password) = seeded(server, database, branch, "backup").await?;
        let mut session = connect(&password).await?;
        let count: Option<u64> = session.query_first("SELECT COUNT(*) FROM filled").await?;
        rows = count.context("a table has a number of rows")?;
        if branch == "changed" {
            // About 15 rows share a page: every 1500th row is in a page of its own.
            session
                .query_drop("UPDATE filled SET n = n + 1 WHERE id % 1500 = 0")
                .await?;
        }
        session.disconnect().await?;
        takes.push(unique(server, database, branch).await?);
    }
    for branch in ["untouched", "changed"] {
        gone(server, database, branch).await?;
    }
    let pages = (rows / 1_500) as f64 * PAGE / MIB;
    let pages = Row::new("changed pages", engine, "MiB", &[pages]);
    let grown = (takes[1] - takes[0]).max(0.0);
    Ok(Row::new("data.branch.disk", engine, "MiB", &[grown]).against(&pages))
}

/// Bytes that a branch takes alone when it sleeps, in MiB: awake it has temporary files, too.
async fn unique(server: &Server, database: &str, branch: &str) -> Result<f64> {
    server.client.sleep_branch(ORG, database, branch).await?;
    server
        .until(database, branch, |b| {
            b.state == offshoot_api_types::BranchState::Sleeping
        })
        .await?;
    server.settled().await?;
    let usage = server.client.list_usage(PageOf::default()).await?;
    let row = usage
        .data
        .iter()
        .find(|row| row.database == database && row.branch == branch)
        .context("the branch is not in the pool's usage")?;
    Ok(row.unique_bytes as f64 / MIB)
}
