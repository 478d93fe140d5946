//! The HTTP data API beside the gateway: point selects of `@planetscale/database` and of mysql2 in the same
//! rounds, the server's processor time for each, and its memory while a result of a million rows is
//! streamed.
//!
//! Needs Node.js and npm; both packages are installed into a directory of the run.

use crate::api::processor_time;
use crate::report::Row;
use crate::server::{Machine, Server, connect};
use anyhow::{Context, Result, ensure};
use clap::Args;
use mysql_async::prelude::Queryable;
use offshoot_api_types::Password;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::Command;

const LOAD: &str = include_str!("data_api/load.mjs");
const PACKAGES: [&str; 2] = ["@planetscale/database@1.20.1", "mysql2@3"];
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

    let mut rows = Vec::new();
    for parallel in PARALLEL {
        let (mut http, mut mysql) = (Vec::new(), Vec::new());
        for round in 0..=rounds {
            let sample = |way: &str| load(&server, &directory, &password, way, parallel, seconds);
            let (a, b) = match round % 2 {
                0 => {
                    let a = sample("http")?;
                    (a, sample("mysql")?)
                }
                _ => {
                    let b = sample("mysql")?;
                    (sample("http")?, b)
                }
            };
            // The first round warms both up.
            if round > 0 {
                http.push(a);
                mysql.push(b);
            }
        }
        let row = |what: &str, unit, of: fn(&Sample) -> f64| {
            let (ours, theirs): (Vec<f64>, Vec<f64>) = (
                http.iter().map(of).collect(),
                mysql.iter().map(of).collect(),
            );
            let name = format!("data_api.{what}.{parallel}");
            Row::new(&name, &options.engine, unit, &ours).against_rounds(&ours, "mysql2", &theirs)
        };
        rows.push(row("point_select", "1/s", |s| s.rate));
        rows.push(row("p99", "ms", |s| s.p99));
        if parallel == CLIENTS {
            rows.push(row("cost", "us CPU", |s| s.cost));
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
    let rows: Vec<String> = (1..=1000)
        .map(|id| format!("({id}, REPEAT('x', 90))"))
        .collect();
    let text = format!("INSERT INTO point VALUES {}", rows.join(", "));
    conn.query_drop(text).await?;
    conn.disconnect().await?;
    Ok(())
}

fn load(
    server: &Server,
    directory: &Path,
    password: &Password,
    way: &str,
    parallel: usize,
    seconds: u64,
) -> Result<Sample> {
    let before = processor_time(server.pid())?;
    let output = Command::new("node")
        .args(["load.mjs", way, &parallel.to_string(), &seconds.to_string()])
        .current_dir(directory)
        .env("BENCH_HTTP", server.http.to_string())
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
    let took = processor_time(server.pid())? - before;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{way}: {complaint}");
    let mut sample: Sample = serde_json::from_slice(&output.stdout)?;
    sample.cost = took.as_secs_f64() * 1e6 / sample.requests;
    Ok(sample)
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
