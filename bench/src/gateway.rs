//! What the gateway costs: queries per second, latency and processor time beside HAProxy's, MySQL
//! Router's and the engine's own, and authenticated connects.
//!
//! Every round measures each way once, one after the other, in an order that rotates. The gateway
//! leads to a branch's engine; the others lead to a second engine with the same program, settings
//! and data, which has a TCP port.

mod proxy;
mod router;
mod sysbench;
mod tls;

use crate::baseline::{Baseline, Running};
use crate::report::{Failed, Measured, Row};
use crate::server::{Machine, free_port};
use anyhow::{Context, Result, ensure};
use clap::Args;
use offshoot_api_types::Password;
use std::path::{Path, PathBuf};
use std::time::Duration;
use sysbench::{Sample, Sysbench, Way, Workload};

/// No sleep, no warm instance: nothing but the gateway works while it is measured.
const CONFIG: &str = "[instances]\nwarm_instances = 0\nsleep_after = \"0\"\n";
/// User and schema at the engine that the others lead to.
const NAME: &str = "bench";
const THREADS: [usize; 3] = [1, 8, 64];
/// Clients of the rows about connects and of those with TLS.
const CLIENTS: usize = 8;

#[derive(Args)]
pub(crate) struct Options {
    /// mysql or mariadb
    #[arg(long, default_value = "mysql")]
    engine: String,
    /// Times that each way is measured for each row
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// Seconds of each measurement; sysbench knows whole ones only
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Three rounds of one second
    #[arg(long)]
    quick: bool,
    /// Only the rows whose names contain one of these, such as point_select.8,connects
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
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

/// The ways that are compared, and whose processor time two of them take.
struct Ways {
    direct: Way,
    peer: Way,
    peer_pid: u32,
    peer_name: &'static str,
    gateway: Way,
    gateway_pid: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Direct,
    Peer,
    Gateway,
}

/// One quantity of each way, one sample a round.
#[derive(Default)]
struct Rounds {
    direct: Vec<Sample>,
    peer: Vec<Sample>,
    gateway: Vec<Sample>,
}

/// What one row's measurement failed at.
struct Problem {
    which: Which,
    error: anyhow::Error,
}

pub(crate) async fn run(options: &Options) -> Result<Measured> {
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

    let bench = Sysbench::new(sysbench, machine.dir(), options.time())?;
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
    let mut measured = Measured::default();
    let measure = |ways: &Ways, name: &str, workload, threads| match ways.rounds(
        &bench,
        options.rounds(),
        workload,
        threads,
    ) {
        Ok(rounds) => Ok(rounds.rows(name, &engine, workload, ways.peer_name)),
        Err(problem) => Err(problem.of(name, ways.peer_name)),
    };
    for (name, workload, threads) in plain_rows() {
        if options.wants(&name) {
            measured.add(measure(&ways, &name, workload, threads));
        }
    }
    drop(proxy);
    let tls: Vec<(String, Workload)> = Workload::ALL
        .into_iter()
        .map(|w| (format!("gateway.tls.{}", row_name(w, CLIENTS)), w))
        .filter(|(name, _)| options.wants(name))
        .collect();
    if !tls.is_empty() {
        let router = with_tls(&mut ways, &machine, options, port).map_err(Problem::at(Which::Peer));
        for (name, workload) in &tls {
            measured.add(match &router {
                Ok(_running) => measure(&ways, name, *workload, CLIENTS),
                Err(problem) => Err(problem.of(name, ways.peer_name)),
            });
        }
    }
    server.stop()?;
    drop(alone);
    ensure!(
        !measured.rows.is_empty() || !measured.failed.is_empty(),
        "no row's name contains {:?}",
        options.only
    );
    Ok(measured)
}

/// Names, workloads and connections of the rows without TLS.
fn plain_rows() -> Vec<(String, Workload, usize)> {
    let mut rows = Vec::new();
    for workload in Workload::ALL {
        let threads: &[usize] = match workload {
            Workload::Connects => &[CLIENTS],
            _ => &THREADS,
        };
        for threads in threads.iter().copied() {
            let name = format!("gateway.{}", row_name(workload, threads));
            rows.push((name, workload, threads));
        }
    }
    rows
}

fn row_name(workload: Workload, threads: usize) -> String {
    match workload {
        Workload::Connects => workload.to_string(),
        _ => format!("{workload}.{threads}"),
    }
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
        Duration::from_secs(if self.quick { 1 } else { self.seconds })
    }

    fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|part| name.contains(part))
    }
}

/// Changes the client's leg to TLS, and the peer to MySQL Router, which must live meanwhile.
fn with_tls(ways: &mut Ways, machine: &Machine, options: &Options, port: u16) -> Result<Running> {
    ways.peer_name = "mysql-router";
    let dir = machine.dir().join("tls");
    let files = tls::Files::make(&dir)?;
    let program = router::find(options.router.as_deref())?;
    let (router, router_port) = router::start(&program, &dir, &files, port)?;
    ways.peer.port = router_port;
    ways.peer_pid = router.0.id();
    ways.peer.tls = Some(files.client_dir("router", &files.ca)?);
    let ca = std::fs::read_to_string(server_ca(machine))?;
    ways.gateway.tls = Some(files.client_dir("gateway", &ca)?);
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

impl Ways {
    fn rounds(
        &self,
        bench: &Sysbench,
        rounds: usize,
        workload: Workload,
        threads: usize,
    ) -> Result<Rounds, Problem> {
        let run = |which| {
            let (way, pid) = match which {
                Which::Direct => (&self.direct, None),
                Which::Peer => (&self.peer, Some(self.peer_pid)),
                Which::Gateway => (&self.gateway, Some(self.gateway_pid)),
            };
            bench
                .run(workload, threads, way, pid)
                .map_err(Problem::at(which))
        };
        // Once unmeasured: caches and connections of both engines are as in the rounds to come.
        for which in [Which::Direct, Which::Peer, Which::Gateway] {
            run(which)?;
        }
        let mut samples = Rounds::default();
        for n in 0..rounds {
            for turn in 0..3 {
                match (n + turn) % 3 {
                    0 => samples.direct.push(run(Which::Direct)?),
                    1 => samples.peer.push(run(Which::Peer)?),
                    _ => samples.gateway.push(run(Which::Gateway)?),
                }
            }
        }
        Ok(samples)
    }
}

impl Problem {
    fn at(which: Which) -> impl Fn(anyhow::Error) -> Self {
        move |error| Self { which, error }
    }

    fn of(&self, name: &str, peer: &str) -> Failed {
        let at = match self.which {
            Which::Direct => "the engine",
            Which::Peer => peer,
            Which::Gateway => "the gateway",
        };
        Failed {
            name: name.to_owned(),
            ours: self.which != Which::Peer,
            reason: format!("{at}: {:#}", self.error),
        }
    }
}

impl Rounds {
    /// Throughput, 99th percentile of the latency of an event (a query, a transaction of 20, or a
    /// connect), and processor time of whatever stands between client and engine.
    fn rows(&self, name: &str, engine: &str, workload: Workload, peer: &str) -> [Row; 3] {
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
        let (rate, time) = match workload {
            Workload::Connects => ("connects/s", "us/connect"),
            _ => ("queries/s", "us/query"),
        };
        [
            row("", rate, |s| s.queries, true),
            row(".p99", "ms", |s| s.p99, true),
            row(".cpu", time, |s| s.cpu, false),
        ]
    }
}

/// Where a program is, by PATH.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|directory| directory.join(name))
        .find(|file| file.is_file())
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
