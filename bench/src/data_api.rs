//! The HTTP data API beside the gateway: point selects of `@planetscale/database` and of mysql2 in the same
//! rounds, the server's processor time for each, and its memory while a result of a million rows is
//! streamed. Node's own `fetch` costs more than everything else together, so two more comparisons say
//! what the server is good for: the driver against a server that always gives one answer, and both
//! protocols with clients that cost little.
//!
//! Needs Node.js and npm; both packages are installed into a directory of the run.

mod native;

use crate::http::BareServer;
use crate::report::Row;
use crate::server::{Machine, Server, connect, processor_time};
use anyhow::{Context, Result, ensure};
use clap::Args;
use mysql_async::prelude::Queryable;
use offshoot_api_types::Password;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

const LOAD: &str = include_str!("data_api/load.mjs");
const PACKAGES: [&str; 2] = ["@planetscale/database@1.20.1", "mysql2@3"];
/// Of the table.
const ROWS: usize = 1000;
const PARALLEL: [usize; 3] = [1, 8, 64];
/// Clients of the row about processor time.
const CLIENTS: usize = 8;
/// No sleep, no warm instance: nothing else works while it is measured.
const CONFIG: &str = "[instances]\nwarm_instances = 0\nsleep_after = \"0\"\n";
/// A million rows.
const LONG: &str = "SELECT a.id, b.id, a.v FROM point a JOIN point b";

#[derive(Args)]
pub(crate) struct Options {
    /// mysql or mariadb
    #[arg(long, default_value = "mysql")]
    engine: String,
    /// Times that each way is measured for each row
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Two rounds of one second
    #[arg(long)]
    quick: bool,
    /// Write the rows to this file
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
    /// Measure this server instead of building the one of this checkout
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
}

/// What one way did in one round.
#[derive(Clone, Copy, Deserialize)]
struct Sample {
    requests: f64,
    rate: f64,
    p99: f64,
    /// Microseconds of the server's processor time for a request.
    #[serde(skip)]
    cost: f64,
}

pub(crate) async fn run(options: &Options) -> Result<Vec<Row>> {
    let (rounds, seconds) = match options.quick {
        true => (2, 1),
        false => (options.rounds, options.seconds),
    };
    let machine = Machine::new("copy", options.server.as_deref())?;
    machine.offshoot(&["engine", "install", &options.engine])?;
    let directory = machine.dir().join("node");
    install(&directory)?;
    let server = machine.serve(&options.engine, CONFIG).await?;
    server.database("shop", &options.engine, 0).await?;
    let (_, password) = server.branch("shop", "dev").await?;
    fill(&password).await?;
    server.settled().await?;

    let answer = machine.dir().join("answer.json");
    std::fs::write(&answer, native::answer(&server, &password).await?)?;
    let bare = BareServer::start(&answer).await?;
    let bench = Bench {
        server: &server,
        bare: bare.address,
        directory,
        password: &password,
        seconds,
    };
    let mut rows = Vec::new();
    for parallel in PARALLEL {
        let mut samples = [const { Vec::new() }; Way::ALL.len()];
        for round in 0..=rounds {
            // None of them always follows the same other one.
            let mut ways = Way::ALL;
            ways.rotate_left(round % Way::ALL.len());
            for way in ways {
                let sample = bench.sample(way, parallel).await?;
                // The first round warms all of them up.
                if round > 0 {
                    samples[way as usize].push(sample);
                }
            }
        }
        let row = |what: &str, unit, way: Way, other: Way, of: fn(&Sample) -> f64| {
            let values = |way: Way| samples[way as usize].iter().map(of).collect::<Vec<f64>>();
            let (ours, theirs) = (values(way), values(other));
            let name = format!("data_api.{what}.{parallel}");
            Row::new(&name, &options.engine, unit, &ours).against_rounds(
                &ours,
                other.name(),
                &theirs,
            )
        };
        let rate = |s: &Sample| s.rate;
        rows.push(row("point_select", "1/s", Way::Http, Way::Mysql, rate));
        rows.push(row("p99", "ms", Way::Http, Way::Mysql, |s| s.p99));
        rows.push(row("of_driver", "1/s", Way::Http, Way::Bare, rate));
        rows.push(row(
            "native",
            "1/s",
            Way::NativeHttp,
            Way::NativeMysql,
            rate,
        ));
        if parallel == CLIENTS {
            let cost = |s: &Sample| s.cost;
            rows.push(row("cost", "us CPU", Way::Http, Way::Mysql, cost));
            let (ours, theirs) = (Way::NativeHttp, Way::NativeMysql);
            rows.push(row("native_cost", "us CPU", ours, theirs, cost));
        }
    }
    let mut grown = Vec::new();
    for _ in 0..rounds {
        grown.push(stream(&server, &password).await?);
    }
    rows.push(Row::new(
        "data_api.stream_memory",
        &options.engine,
        "MiB",
        &grown,
    ));
    server.stop()?;
    Ok(rows)
}

fn install(directory: &Path) -> Result<()> {
    std::fs::create_dir_all(directory)?;
    std::fs::write(
        directory.join("package.json"),
        r#"{"private": true, "type": "module"}"#,
    )?;
    std::fs::write(directory.join("load.mjs"), LOAD)?;
    let npm = Command::new("npm")
        .args(["install", "--silent", "--no-fund", "--no-audit"])
        .args(PACKAGES)
        .current_dir(directory)
        .status()
        .context("npm is needed")?;
    ensure!(npm.success(), "npm could not install {PACKAGES:?}");
    Ok(())
}

async fn fill(password: &Password) -> Result<()> {
    let mut conn = connect(password).await?;
    conn.query_drop("CREATE TABLE point (id INT PRIMARY KEY, v VARCHAR(100) NOT NULL)")
        .await?;
    let rows: Vec<String> = (1..=ROWS)
        .map(|id| format!("({id}, REPEAT('x', 90))"))
        .collect();
    let text = format!("INSERT INTO point VALUES {}", rows.join(", "));
    conn.query_drop(text).await?;
    conn.disconnect().await?;
    Ok(())
}

/// Who asks, and whom.
#[derive(Clone, Copy)]
enum Way {
    /// The driver, the data API.
    Http,
    /// mysql2, the gateway.
    Mysql,
    /// The driver, a server that always gives one answer: as fast as the driver can be.
    Bare,
    NativeHttp,
    NativeMysql,
}

impl Way {
    const ALL: [Self; 5] = [
        Self::Http,
        Self::Mysql,
        Self::Bare,
        Self::NativeHttp,
        Self::NativeMysql,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Http => "driver",
            Self::Mysql => "mysql2",
            Self::Bare => "one answer",
            Self::NativeHttp => "plain HTTP",
            Self::NativeMysql => "mysql_async",
        }
    }
}

struct Bench<'a> {
    server: &'a Server,
    bare: SocketAddr,
    directory: PathBuf,
    password: &'a Password,
    /// Of each sample.
    seconds: u64,
}

impl Bench<'_> {
    async fn sample(&self, way: Way, parallel: usize) -> Result<Sample> {
        let before = processor_time(self.server.pid())?;
        let (server, password, seconds) = (self.server, self.password, self.seconds);
        let mut sample = match way {
            Way::Http => self.node("http", server.http, parallel)?,
            Way::Mysql => self.node("mysql", server.http, parallel)?,
            Way::Bare => self.node("http", self.bare, parallel)?,
            Way::NativeHttp => native::http(server, password, parallel, seconds).await?,
            Way::NativeMysql => native::mysql(password, parallel, seconds).await?,
        };
        let took = processor_time(self.server.pid())? - before;
        sample.cost = took.as_secs_f64() * 1e6 / sample.requests;
        Ok(sample)
    }

    /// In a process of Node.js.
    fn node(&self, way: &str, http: SocketAddr, parallel: usize) -> Result<Sample> {
        let password = self.password;
        let output = Command::new("node")
            .args(["load.mjs", way])
            .args([parallel.to_string(), self.seconds.to_string()])
            .current_dir(&self.directory)
            .env("BENCH_HTTP", http.to_string())
            .env("BENCH_HOST", &password.connection.host)
            .env("BENCH_PORT", password.connection.port.to_string())
            .env("BENCH_SCHEMA", &password.connection.database)
            .env("BENCH_USER", &password.username)
            .env(
                "BENCH_PASSWORD",
                password.plain_text.as_deref().unwrap_or_default(),
            )
            .output()
            .context("node is needed")?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{way}: {complaint}");
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

/// MiB by which the server grew while it streamed a million rows.
async fn stream(server: &Server, password: &Password) -> Result<f64> {
    let before = server.rss()?;
    let url = format!("http://{}/psdb.v1alpha1.Database/Execute", server.http);
    let mut answer = reqwest::Client::builder()
        .no_proxy()
        .build()?
        .post(url)
        .basic_auth(&password.username, password.plain_text.as_ref())
        .header("content-type", "application/json")
        .body(serde_json::json!({ "query": LONG }).to_string())
        .send()
        .await?
        .error_for_status()?;
    let (mut most, mut bytes, mut look) = (before, 0, 0);
    while let Some(chunk) = answer.chunk().await? {
        bytes += chunk.len();
        if bytes >= look {
            most = server.rss()?.max(most);
            look = bytes + (4 << 20);
        }
    }
    ensure!(bytes > 100 << 20, "the answer has {bytes} bytes only");
    Ok(most - before)
}
