//! `offshoot serve`.

use super::{Context, ListenOptions};
use crate::serve::Server;
use crate::telemetry;
use anyhow::{Context as _, Result};
use clap::Args;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    listen: ListenOptions,
}

pub(crate) async fn run(context: Context, command: Serve) -> Result<ExitCode> {
    telemetry::logs("info");
    let server = Server::start(&context.dir, &context.listening(&command.listen)).await?;
    until_told().await?;
    server.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// Waits for Ctrl-C or SIGTERM.
pub(crate) async fn until_told() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result.context("cannot wait for Ctrl-C")?,
        _ = terminate.recv() => {}
    }
    tracing::info!("stopping");
    Ok(())
}
