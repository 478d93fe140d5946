//! Offshoot's benchmarks: each prints a table and, on demand, JSON, beside its baseline of the same run.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark talks to a person"
)]

mod api;
mod baseline;
mod branch;
mod data;
mod data_api;
#[path = "../../crates/wire/tests/it/dice.rs"]
mod dice;
mod fuzz;
mod gateway;
mod http;
mod import;
mod planning;
mod report;
mod server;

use anyhow::{Result, ensure};
use clap::{Args, Parser, Subcommand};
use report::Measured;
use std::path::PathBuf;

#[derive(Parser)]
#[command(name = "offshoot-bench", about)]
struct Cli {
    #[command(subcommand)]
    benchmark: Benchmark,
}

#[derive(Subcommand)]
enum Benchmark {
    /// Making, waking and deleting branches; memory and disk of sleeping ones
    Branch(Options),
    /// Processor time of a request, and a page of a long list
    Api(api::Options),
    /// A baseline: answers every request with one body
    #[command(hide = true)]
    BareHttp(http::Bare),
    /// Queries and connects through the gateway, beside HAProxy, MySQL Router and the engine itself
    Gateway(gateway::Options),
    /// Damaged logins and packets for a running gateway, which goes on and does not grow
    Fuzz(fuzz::Options),
    /// Branches with data, and what their parent notices of it
    Data(data::Options),
    /// `@planetscale/database` over HTTP, beside mysql2 through the gateway
    DataApi(data_api::Options),
    /// From a signed event of a planning tool to a query on its branch
    Planning(planning::Options),
    /// A dump into a branch: `offshoot database import` beside the engine's own client
    Import(import::Import),
}

#[derive(Args)]
pub(crate) struct Options {
    /// Only this engine: mysql or mariadb
    #[arg(long)]
    engine: Option<String>,
    /// Samples of each quantity
    #[arg(long, default_value_t = 15)]
    runs: usize,
    /// Sleeping branches that memory and disk are measured with; 0 = leave that part out
    #[arg(long, default_value_t = 1000)]
    branches: usize,
    /// Few samples and few branches: under a minute in all
    #[arg(long)]
    quick: bool,
    /// Write the rows to this file
    #[arg(long)]
    json: Option<PathBuf>,
    /// Measure this server instead of building the one of this checkout
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// Filesystem of the pool: btrfs, xfs or copy
    #[arg(long, default_value = "btrfs")]
    pool: String,
}

#[tokio::main]
async fn main() -> Result<()> {
    let (measured, json): (Measured, _) = match Cli::parse().benchmark {
        Benchmark::Branch(options) => (branch::run(&options).await?.into(), options.json),
        Benchmark::Api(options) => (api::run(&options).await?.into(), options.json),
        Benchmark::BareHttp(options) => return http::bare(&options).await,
        Benchmark::Gateway(options) => (gateway::run(&options).await?, options.json),
        Benchmark::Fuzz(options) => (fuzz::run(&options).await?.into(), options.json),
        Benchmark::Data(options) => (data::run(&options).await?, options.json),
        Benchmark::DataApi(options) => (data_api::run(&options).await?.into(), options.json),
        Benchmark::Planning(options) => (planning::run(&options).await?, options.json),
        Benchmark::Import(options) => (import::run(&options).await?.into(), options.json),
    };
    println!("{}", report::table(&measured.rows));
    if let Some(path) = &json {
        report::write_json(&measured.rows, path)?;
    }
    for row in &measured.failed {
        eprintln!("{} was not measured: {}", row.name, row.reason);
    }
    ensure!(
        !measured.failed.iter().any(|row| row.ours),
        "not everything could be measured"
    );
    Ok(())
}
