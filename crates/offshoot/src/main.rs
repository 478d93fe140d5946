//! The `offshoot` binary: configuration, wiring, local commands. Everything else is in the crates.
//!
//! Without the feature `server` it is the client commands alone, on any platform.

#[cfg(feature = "server")]
mod archive;
#[cfg(feature = "server")]
mod clock;
#[cfg(feature = "server")]
mod command;
#[cfg(feature = "server")]
mod config;
#[cfg(feature = "server")]
mod credential_files;
#[cfg(feature = "server")]
mod data_api;
#[cfg(feature = "server")]
mod data_dir;
#[cfg(feature = "server")]
mod doctor;
#[cfg(feature = "server")]
mod http;
#[cfg(feature = "server")]
mod listen;
#[cfg(feature = "server")]
mod machine;
#[cfg(feature = "server")]
mod oidc;
#[cfg(feature = "server")]
mod outbound;
#[cfg(feature = "server")]
mod quickstart;
#[cfg(feature = "server")]
mod serve;
#[cfg(feature = "server")]
mod telemetry;
#[cfg(feature = "server")]
mod tls;
#[cfg(feature = "server")]
mod vault;

use offshoot_cli::{Failure, Terminal, report};
use std::process::ExitCode;

#[cfg(feature = "server")]
use command::Cli;
#[cfg(not(feature = "server"))]
use offshoot_cli::Cli;

/// The C library's keeps what was freed for good, so that a server that once moved large packets and chunks stays
/// as large as it was then.
#[cfg(feature = "server")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Worker threads: engines do the work, so more of ours would only take their processors.
const WORKERS: usize = 2;

fn main() -> ExitCode {
    let cli: Cli = match offshoot_cli::parse() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let format = cli.globals.format();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(run(cli)),
        Err(error) => Err(error.to_string()),
    };
    result.unwrap_or_else(|text| report(&Failure::Local(text), format, &mut Terminal::real()))
}

#[cfg(feature = "server")]
async fn run(cli: Cli) -> Result<ExitCode, String> {
    let ended = command::run(cli).await;
    ended.map_err(|error| format!("{error:#}"))
}

#[cfg(not(feature = "server"))]
async fn run(cli: Cli) -> Result<ExitCode, String> {
    let nothing = offshoot_cli::Local::default();
    Ok(offshoot_cli::run(cli.globals, cli.command, &nothing, Terminal::real()).await)
}
