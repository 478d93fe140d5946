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
    /// Leave the engines running at SIGTERM; the next server adopts them
    #[arg(long)]
    keep_engines: bool,
}

/// How the server was told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// Ctrl-C, `admin stop`: with its engines.
    Interrupt,
    /// SIGTERM: as configured.
    Terminate,
    /// SIGUSR2, `admin handover`: another server goes on with the engines.
    Handover,
}

pub(crate) async fn run(context: Context, command: Serve) -> Result<ExitCode> {
    telemetry::logs("info");
    let mut config = context.listening(&command.listen);
    config.instances.stop_engines &= !command.keep_engines;
    let server = Server::start(&context.dir, &config).await?;
    let stop_engines = match until_told().await? {
        Told::Interrupt => true,
        Told::Terminate => config.instances.stop_engines,
        Told::Handover => false,
    };
    server.stop(stop_engines).await;
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn until_told() -> Result<Told> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let mut handover = signal(SignalKind::user_defined2()).context("cannot wait for SIGUSR2")?;
    let told = tokio::select! {
        result = tokio::signal::ctrl_c() => {
            result.context("cannot wait for Ctrl-C")?;
            Told::Interrupt
        }
        _ = terminate.recv() => Told::Terminate,
        _ = handover.recv() => Told::Handover,
    };
    tracing::info!(?told, "stopping");
    Ok(told)
}
