//! The `offshoot` binary: configuration, wiring, local commands. Everything else is in the crates.

mod clock;
mod command;
mod config;
mod data_dir;
mod http;
mod listen;
mod machine;
mod quickstart;
mod serve;
mod telemetry;
mod tls;

use command::Cli;
use offshoot_cli::{Failure, Terminal, report};
use std::process::ExitCode;

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
    let result = runtime
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(command::run(cli)));
    result.unwrap_or_else(|error| {
        report(
            &Failure::Local(format!("{error:#}")),
            format,
            &mut Terminal::real(),
        )
    })
}
