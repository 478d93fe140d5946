//! How fast a dump gets into a branch: `offshoot database import` beside the engine's own client
//! reading the same file, both through the gateway, into two branches alike, turn by turn.

use crate::report::Row;
use crate::server::{Machine, ORG, Server, connect, milliseconds};
use anyhow::{Context, Result, ensure};
use clap::Args;
use mysql_async::prelude::Queryable;
use offshoot_api_types::Password;
use offshoot_core::engine::EngineKind;
use offshoot_mysqld::engine::{Catalog, EngineFiles};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

#[derive(Args)]
pub(crate) struct Import {
    /// Only this engine: mysql or mariadb
    #[arg(long)]
    engine: Option<String>,
    /// Size of the dump
    #[arg(long, default_value = "256M", value_parser = size)]
    size: u64,
    /// Rounds; in each, both read the whole dump once
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// A small dump and few rounds
    #[arg(long)]
    quick: bool,
    /// Write the rows to this file
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
    /// Measure this server instead of building the one of this checkout
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// Filesystem of the pool: btrfs, xfs or copy
    #[arg(long, default_value = "btrfs")]
    pool: String,
}

/// Development branches that do not sleep.
const CONFIG: &str = "[instances]\nwarm_instances = 0\nsleep_after = \"0\"\n";
const MIB: f64 = 1024.0 * 1024.0;
const DATABASE: &str = "bench";
const OURS: &str = "ours";
const CLIENT: &str = "client";

fn size(text: &str) -> Result<u64, String> {
    let (digits, factor) = match text.trim_end_matches('B').split_at(text.len() - 1) {
        (digits, "K") => (digits, 1 << 10),
        (digits, "M") => (digits, 1 << 20),
        (digits, "G") => (digits, 1 << 30),
        _ => (text, 1),
    };
    let n: u64 = digits
        .parse()
        .map_err(|_| format!("{text:?} is not a size such as 256M"))?;
    Ok(n * factor)
}

pub(crate) async fn run(options: &Import) -> Result<Vec<Row>> {
    let machine = Machine::new(&options.pool, options.server.as_deref())?;
    let (bytes, rounds) = match options.quick {
        true => (options.size.min(32 << 20), options.rounds.min(3)),
        false => (options.size, options.rounds),
    };
    let dump = machine.data().join("bench.sql");
    write_dump(&dump, bytes)?;
    let mut rows = Vec::new();
    for kind in EngineKind::ALL {
        if options.engine.as_deref().is_none_or(|e| e == kind.as_str()) {
            machine.offshoot(&["engine", "install", kind.as_str()])?;
            measure(&machine, kind, &dump, rounds, &mut rows).await?;
        }
    }
    ensure!(!rows.is_empty(), "an engine is mysql or mariadb");
    Ok(rows)
}

async fn measure(
    machine: &Machine,
    kind: EngineKind,
    dump: &Path,
    rounds: usize,
    rows: &mut Vec<Row>,
) -> Result<()> {
    let files = Catalog::new(machine.data().join("engines"), Vec::new())
        .newest(kind)
        .with_context(|| format!("no {kind} is installed"))?;
    let server = machine.serve(kind.as_str(), CONFIG).await?;
    let name = format!("{DATABASE}-{}", kind.as_str());
    server.database(&name, kind.as_str(), 1).await?;
    let mut passwords = Vec::new();
    for branch in [OURS, CLIENT] {
        passwords.push(server.branch(&name, branch).await?.1);
    }
    server.settled().await?;
    let (mut ours, mut whole, mut client, mut rss, mut ratios) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mib = std::fs::metadata(dump)?.len() as f64 / MIB;
    for round in 0..rounds {
        let mut order = [true, false];
        if round % 2 == 1 {
            order.reverse();
        }
        for turn in order {
            let password = &passwords[usize::from(!turn)];
            empty(password).await?;
            if turn {
                let done = import(machine, &server, &name, dump)?;
                ours.push(mib / done.loading);
                whole.push(mib / done.whole);
                rss.push(done.rss);
            } else {
                client.push(mib / feed(&files, password, dump)?);
            }
            ensure!(rows_in(password).await? > 0, "nothing was loaded");
        }
        ratios.push(ours[round] / client[round]);
    }
    let engine = files.engine.to_string();
    let kind = kind.as_str();
    let baseline = Row::new(&format!("{kind}.client"), &engine, "MiB/s", &client);
    rows.push(Row::new(&format!("import.{kind}"), &engine, "MiB/s", &ours).against(&baseline));
    rows.push(
        Row::new(&format!("import.{kind}.whole"), &engine, "MiB/s", &whole).against(&baseline),
    );
    rows.push(Row::new(
        &format!("import.{kind}.round_ratio"),
        &engine,
        "x",
        &ratios,
    ));
    rows.push(Row::new(
        &format!("import.{kind}.rss"),
        &engine,
        "MiB",
        &rss,
    ));
    rows.push(baseline);
    server.client.delete_database(ORG, &name).await?;
    server.settled().await?;
    server.stop()
}

/// What the last round left is gone before the next is measured.
async fn empty(password: &Password) -> Result<()> {
    let mut session = connect(password).await?;
    session
        .query_drop("DROP TABLE IF EXISTS orders, events")
        .await?;
    session.disconnect().await?;
    Ok(())
}

async fn rows_in(password: &Password) -> Result<u64> {
    let mut session = connect(password).await?;
    let rows: Option<u64> = session.query_first("SELECT COUNT(*) FROM events").await?;
    session.disconnect().await?;
    Ok(rows.unwrap_or_default())
}

struct Done {
    /// Seconds from the first statement to the last.
    loading: f64,
    /// Seconds of the whole command: keeping the branch as it is, loading, completing.
    whole: f64,
    /// MiB that the command held at most.
    rss: f64,
}

fn import(machine: &Machine, server: &Server, database: &str, dump: &Path) -> Result<Done> {
    let began = Instant::now();
    let child = machine
        .command()
        .args(["database", "import", database, OURS])
        .arg(dump)
        .args(["--format", "json"])
        .env("OFFSHOOT_API_URL", server.client.address())
        .stdout(Stdio::piped())
        .spawn()?;
    let (output, rss) = watch(child)?;
    let whole = began.elapsed().as_secs_f64();
    let report: serde_json::Value = serde_json::from_slice(&output)?;
    let loading = report["seconds"]
        .as_f64()
        .context("no seconds in the report")?;
    Ok(Done {
        loading,
        whole,
        rss,
    })
}

/// Waits for a process; its output, and the most memory that it held.
fn watch(mut child: Child) -> Result<(Vec<u8>, f64)> {
    const EVERY: Duration = Duration::from_millis(20);
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0.0_f64;
    loop {
        if let Ok(text) = std::fs::read_to_string(&status)
            && let Some(line) = text.lines().find(|l| l.starts_with("VmHWM:"))
            && let Some(kib) = line.split_whitespace().nth(1)
        {
            most = most.max(kib.parse::<f64>()? / 1024.0);
        }
        if child.try_wait()?.is_some() {
            break;
        }
        std::thread::sleep(EVERY);
    }
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "the import failed");
    Ok((output.stdout, most))
}

/// The engine's client program reads the dump; seconds.
fn feed(files: &EngineFiles, password: &Password, dump: &Path) -> Result<f64> {
    let mut command = files
        .client("mysql")
        .context("the engine came without its client")?;
    let at = &password.connection;
    if files.engine.kind == EngineKind::Mariadb {
        command.args(["--no-defaults", "--skip-ssl"]);
    } else {
        command.args([
            "--no-defaults",
            "--ssl-mode=DISABLED",
            "--get-server-public-key",
        ]);
    }
    let began = Instant::now();
    let status = command
        .arg(format!("--host={}", at.host))
        .arg(format!("--port={}", at.port))
        .arg(format!("--user={}", at.username))
        .arg(format!("--database={}", at.database))
        .args(["--protocol=tcp", "--max-allowed-packet=1G"])
        .env(
            "MYSQL_PWD",
            password.plain_text.as_deref().unwrap_or_default(),
        )
        .stdin(File::open(dump)?)
        .status()?;
    ensure!(status.success(), "the client failed");
    Ok(milliseconds(began) / 1000.0)
}

/// A dump as `mysqldump` writes it, of so many bytes: two tables with keys, numbers, text with
/// escapes, and bytes.
fn write_dump(path: &Path, bytes: u64) -> Result<()> {
    /// Length of a statement, as `net_buffer_length` makes it.
    const STATEMENT: usize = 1 << 20;
    let mut out = BufWriter::new(File::create(path)?);
    out.write_all(HEAD.as_bytes())?;
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random >> 16
    };
    let mut written = HEAD.len() as u64;
    for (table, columns) in [("orders", ORDERS), ("events", EVENTS)] {
        writeln!(
            out,
            "DROP TABLE IF EXISTS `{table}`;\nCREATE TABLE `{table}` ({columns});"
        )?;
        writeln!(
            out,
            "LOCK TABLES `{table}` WRITE;\n/*!40000 ALTER TABLE `{table}` DISABLE KEYS */;"
        )?;
        let until = if table == "orders" { bytes / 2 } else { bytes };
        let mut id = 0_u64;
        while written < until {
            let mut line = format!("INSERT INTO `{table}` VALUES ");
            while line.len() < STATEMENT {
                id += 1;
                let (a, b, c) = (draw(), draw(), draw());
                let row = if table == "orders" {
                    format!(
                        "({id},{},'customer {} of \\'{:x}\\'',{}.{:02},'2024-{:02}-{:02} 12:00:00',NULL),",
                        a % 100_000,
                        b % 5_000,
                        c,
                        a % 9_000,
                        b % 100,
                        b % 12 + 1,
                        c % 28 + 1
                    )
                } else {
                    format!(
                        "({id},{},'{{\\\"kind\\\": \\\"{:x}\\\", \\\"text\\\": \\\"line\\\\nline; -- {:x}{:x}\\\"}}'),",
                        a % 1_000_000,
                        b,
                        c,
                        a
                    )
                };
                line.push_str(&row);
            }
            line.pop();
            line.push_str(";\n");
            written += line.len() as u64;
            out.write_all(line.as_bytes())?;
        }
        writeln!(
            out,
            "/*!40000 ALTER TABLE `{table}` ENABLE KEYS */;\nUNLOCK TABLES;"
        )?;
    }
    out.flush()?;
    Ok(())
}

const HEAD: &str = "/*!40101 SET NAMES utf8mb4 */;
/*!40014 SET @OLD_UNIQUE_CHECKS=@@UNIQUE_CHECKS, UNIQUE_CHECKS=0 */;
/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;
/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;
";
const ORDERS: &str = "`id` bigint NOT NULL AUTO_INCREMENT, `customer` int NOT NULL, `name` varchar(100) NOT NULL, \
     `total` decimal(12,2) NOT NULL, `at` datetime NOT NULL, `note` varchar(200), PRIMARY KEY (`id`), KEY `customer` (`customer`)";
const EVENTS: &str = "`id` bigint NOT NULL AUTO_INCREMENT, `user` int NOT NULL, `data` text NOT NULL, PRIMARY KEY (`id`)";
