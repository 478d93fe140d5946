//! What the gateway costs: queries per second, latency and processor time beside HAProxy's, MySQL
//! Router's and the engine's own, and authenticated connects.
//!
//! Every round measures each way once, one after the other, in an order that rotates. The gateway
//! leads to a branch's engine; the others lead to a second engine with the same program, settings
//! and data, which has a TCP port.

mod connects;
mod proxy;
mod router;
mod sysbench;
mod tls;

use crate::baseline::{Baseline, Running};
use crate::report::Row;
use crate::server::{Machine, Server, free_port};
use anyhow::{Context, Result, ensure};
use clap::Args;
use offshoot_api_types::Password;
use std::path::{Path, PathBuf};
use std::time::Duration;
use sysbench::{Sample, Way, Workload};

/// No sleep, no warm instance: nothing but the gateway works while it is measured.
const CONFIG: &str = "[instances]\nwarm_instances = 0\nsleep_after = \"0\"\n";
/// User and schema at the engine that the others lead to.
const NAME: &str = "bench";
const THREADS: [usize; 3] = [1, 8, 64];
/// Connections of the rows with TLS.
const TLS_THREADS: usize = 8;

#[derive(Args)]
pub(crate) struct Options {
    /// mysql or mariadb
    #[arg(long, default_value = "mysql")]
    engine: String,
    /// Times that each way is measured for each row
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 1.5)]
    seconds: f64,
    /// Three rounds of one second
    #[arg(long)]
    quick: bool,
    /// Only the rows whose names contain this, such as point_select.8
    #[arg(long)]
    only: Option<String>,
    /// MySQL Router's program; otherwise the one in PATH, or one fetched with apt-get
    #[arg(long, value_name = "FILE")]
    router: Option<PathBuf>,
    /// Write the rows to this file
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
    /// Measure this server instead of building the one of this checkout
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
}

/// The ways that are compared, and whose processor time each takes.
struct Ways {
    direct: Way,
    peer: Way,
    peer_pid: u32,
    peer_name: &'static str,
    gateway: Way,
    gateway_pid: u32,
}

/// One quantity of each way, one sample a round.
#[derive(Default)]
struct Rounds {
    direct: Vec<Sample>,
    peer: Vec<Sample>,
    gateway: Vec<Sample>,
}

pub(crate) async fn run(options: &Options) -> Result<Vec<Row>> {
    let sysbench = sysbench::find()?;
    let haproxy = proxy::find()?;
    // Both engines' data are on one filesystem, whatever it is.
    let machine = Machine::new("copy", options.server.as_deref())?;
    machine.offshoot(&["engine", "install", &options.engine])?;
    let baseline = Baseline::new(&machine, &options.engine).await?;
    let engine = baseline.engine();
    let port = free_port()?;
    let (alone, secret) = baseline.serve(port, NAME).await?;
    let server = machine.serve(&options.engine, CONFIG).await?;
    server.database(NAME, &options.engine, 0).await?;
    let (_, password) = server.branch(NAME, "dev").await?;
    server.settled().await?;

    let bench = sysbench::Sysbench::new(sysbench, machine.dir(), options.time());
    let direct = Way::plain(port, NAME, &secret, NAME);
    let gateway = way_in(&password);
    for way in [&direct, &gateway] {
        bench.prepare(way)?;
    }
    let (proxy, proxy_port) = proxy::start(&haproxy, machine.dir(), port)?;
    let mut ways = Ways {
        peer: Way::plain(proxy_port, NAME, &secret, NAME),
        peer_pid: proxy.0.id(),
        peer_name: "haproxy",
        direct,
        gateway,
        gateway_pid: server.pid(),
    };
    let mut rows = Vec::new();
    for workload in Workload::ALL {
        for threads in THREADS {
            let name = format!("gateway.{workload}.{threads}");
            if options.wants(&name) {
                let rounds = rounds(&bench, options, workload, threads, &ways)?;
                rows.extend(rounds.rows(&name, &engine, ways.peer_name));
            }
        }
    }
    if options.wants("gateway.connects") {
        rows.push(connects(options, &engine, &ways).await?);
    }
    drop(proxy);
    let tls: Vec<Workload> = Workload::ALL
        .into_iter()
        .filter(|w| options.wants(&tls_row(*w)))
        .collect();
    if !tls.is_empty() {
        let _router = with_tls(&mut ways, &machine, &server, options, port)?;
        // Router's first login finds nothing it remembers, and may fail for some clients.
        if let Err(error) = bench.run(Workload::PointSelect, 1, &ways.peer, None) {
            eprintln!("the first login through {}: {error:#}", ways.peer_name);
        }
        for workload in tls {
            let rounds = rounds(&bench, options, workload, TLS_THREADS, &ways)?;
            rows.extend(rounds.rows(&tls_row(workload), &engine, ways.peer_name));
        }
    }
    server.stop()?;
    drop(alone);
    ensure!(
        !rows.is_empty(),
        "no row's name contains {:?}",
        options.only
    );
    Ok(rows)
}

fn tls_row(workload: Workload) -> String {
    format!("gateway.tls.{workload}.{TLS_THREADS}")
}

impl Options {
    fn rounds(&self) -> usize {
        if self.quick {
            self.rounds.min(3)
        } else {
            self.rounds
        }
    }

    fn time(&self) -> Duration {
        Duration::from_secs_f64(if self.quick { 1.0 } else { self.seconds })
    }

    fn wants(&self, name: &str) -> bool {
        self.only.as_deref().is_none_or(|part| name.contains(part))
    }
}

/// Changes the client's leg to TLS, and the peer to MySQL Router, which must live meanwhile.
fn with_tls(
    ways: &mut Ways,
    machine: &Machine,
    server: &Server,
    options: &Options,
    port: u16,
) -> Result<Running> {
    let dir = machine.dir().join("tls");
    let files = tls::Files::make(&dir)?;
    let program = router::find(options.router.as_deref())?;
    let (router, router_port) = router::start(&program, &dir, &files, port)?;
    ways.peer.port = router_port;
    ways.peer_pid = router.0.id();
    ways.peer_name = "mysql-router";
    ways.peer.tls = Some(files.client_dir("router", &files.ca)?);
    let ca = std::fs::read_to_string(server_ca(machine))?;
    ways.gateway.tls = Some(files.client_dir("gateway", &ca)?);
    ensure!(server.pid() == ways.gateway_pid);
    Ok(router)
}

fn server_ca(machine: &Machine) -> PathBuf {
    machine.data().join("tls/ca.pem")
}

/// The way that a credential leads.
fn way_in(password: &Password) -> Way {
    let secret = password.plain_text.as_deref().unwrap_or_default();
    let connection = &password.connection;
    Way::plain(
        connection.port,
        &password.username,
        secret,
        &connection.database,
    )
}

fn rounds(
    bench: &sysbench::Sysbench,
    options: &Options,
    workload: Workload,
    threads: usize,
    ways: &Ways,
) -> Result<Rounds> {
    let mut rounds = Rounds::default();
    // Once unmeasured: caches and connections of both engines are as in the rounds to come.
    for way in [&ways.direct, &ways.gateway] {
        bench.run(workload, threads, way, None)?;
    }
    for n in 0..options.rounds() {
        for which in 0..3 {
            match (n + which) % 3 {
                0 => rounds
                    .direct
                    .push(bench.run(workload, threads, &ways.direct, None)?),
                1 => {
                    let sample = bench.run(workload, threads, &ways.peer, Some(ways.peer_pid))?;
                    rounds.peer.push(sample);
                }
                _ => {
                    let pid = Some(ways.gateway_pid);
                    rounds
                        .gateway
                        .push(bench.run(workload, threads, &ways.gateway, pid)?);
                }
            }
        }
    }
    Ok(rounds)
}

impl Rounds {
    /// Throughput, 99th percentile of the latency of an event (a query, or a transaction of 20), and
    /// processor time of whatever stands between client and engine.
    fn rows(&self, name: &str, engine: &str, peer: &str) -> [Row; 3] {
        let row = |suffix: &str, unit, quantity: fn(&Sample) -> f64, direct: bool| {
            let of = |samples: &[Sample]| samples.iter().map(quantity).collect::<Vec<f64>>();
            let ours = of(&self.gateway);
            let row = Row::new(&format!("{name}{suffix}"), engine, unit, &ours).against_rounds(
                &ours,
                peer,
                &of(&self.peer),
            );
            match direct {
                true => row.beside_direct(&ours, &of(&self.direct)),
                false => row,
            }
        };
        [
            row("", "queries/s", |s| s.queries, true),
            row(".p99", "ms", |s| s.p99, true),
            row(".cpu", "us/query", |s| s.cpu, false),
        ]
    }
}

/// Authenticated connects per second, beside the engine's own.
async fn connects(options: &Options, engine: &str, ways: &Ways) -> Result<Row> {
    let (mut ours, mut direct) = (Vec::new(), Vec::new());
    connects::per_second(&ways.gateway, options.time()).await?;
    for n in 0..options.rounds() {
        for which in 0..2 {
            match (n + which) % 2 {
                0 => ours.push(connects::per_second(&ways.gateway, options.time()).await?),
                _ => direct.push(connects::per_second(&ways.direct, options.time()).await?),
            }
        }
    }
    Ok(Row::new("gateway.connects", engine, "connects/s", &ours)
        .against_rounds(&ours, "direct", &direct)
        .beside_direct(&ours, &direct))
}

/// Where a program is, by PATH.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|directory| directory.join(name))
        .find(|file| file.is_file())
}

/// Processor time that a process has used so far, over all its threads.
fn processor_time(pid: u32) -> Result<Duration> {
    let mut nanoseconds = 0;
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread that ended in between takes its time with it; peers have a fixed number.
        let Ok(text) = std::fs::read_to_string(task?.path().join("schedstat")) else {
            continue;
        };
        let first = text
            .split_whitespace()
            .next()
            .context("schedstat is empty")?;
        nanoseconds += first.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// Writes a file that only its owner reads.
fn write_private(path: &Path, text: &str) -> Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(file.write_all(text.as_bytes())?)
}
