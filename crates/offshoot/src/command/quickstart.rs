//! `offshoot quickstart`.

use super::{Context, ListenOptions, engine, serve};
use crate::quickstart::{self, Steps};
use crate::serve::Server;
use crate::telemetry;
use anyhow::Result;
use clap::Args;
use offshoot_core::engine::EngineKind;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(crate) struct Quickstart {
    #[command(flatten)]
    listen: ListenOptions,
    /// Engine to install when none is there
    #[arg(long, default_value = "mysql", value_parser = super::engine_kind())]
    engine: EngineKind,
    /// End when the last step is done, instead of serving on
    #[arg(long)]
    exit: bool,
}

#[expect(clippy::print_stdout, reason = "this is what the command is for")]
pub(crate) async fn run(context: Context, command: Quickstart) -> Result<ExitCode> {
    telemetry::logs("error");
    let config = context.listening(&command.listen);
    let mut steps = Steps::default();
    println!("Offshoot quickstart in {}\n", context.dir.root().display());
    context.dir.create()?;
    let catalog = crate::machine::catalog(&context.dir, &context.config);
    let (label, took) = match catalog.default() {
        Some(found) => (
            format!("find an engine: {}", found.engine),
            std::time::Duration::ZERO,
        ),
        None => {
            let began = std::time::Instant::now();
            let installed = engine::install_or_other(&context, command.engine).await?;
            (format!("install an engine: {installed}"), began.elapsed())
        }
    };
    steps.record(&label, took);

    let server = steps
        .step("start the server", Server::start(&context.dir, &config))
        .await?;
    let result = quickstart::run(&server, &mut steps).await;
    if let Ok(outcome) = &result {
        println!("\n  all of it: {:.2} s", steps.total().as_secs_f64());
        println!("{}", quickstart::farewell(outcome, &server.ca));
        if !command.exit {
            println!(
                "  Serving HTTP on {} and MySQL clients on {}. Ctrl-C ends it.",
                server.http, server.gateway
            );
            serve::until_told().await?;
        }
    }
    server.stop().await;
    result.map(|_| ExitCode::SUCCESS)
}
