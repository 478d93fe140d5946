//! `offshoot quickstart`.

use super::{Context, ListenOptions, engine, serve};
use crate::data_dir::DataDir;
use crate::quickstart::{self, Steps};
use crate::serve::Server;
use crate::telemetry;
use anyhow::Result;
use clap::Args;
use offshoot_core::engine::EngineKind;
use std::path::Path;
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
        let offshoot = again(&context, &command.listen);
        let when = match command.exit {
            true => "With the server running again, try",
            false => "In another terminal, try",
        };
        println!(
            "{}",
            quickstart::farewell(outcome, &server.ca, &offshoot, when)
        );
        if !command.exit {
            println!(
                "  Serving HTTP on {} and MySQL clients on {}. Ctrl-C ends it.",
                server.http, server.gateway
            );
            serve::until_told().await?;
        }
    }
    server.stop(true).await;
    result.map(|_| ExitCode::SUCCESS)
}

/// How the user reaches this server with this program: its name, or its path where the shell would
/// not find it, with what it was told by flags.
fn again(context: &Context, listen: &ListenOptions) -> String {
    let found = |path: &Path| {
        let dirs = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&dirs).any(|dir| dir.join("offshoot") == path)
    };
    let mut words = match std::env::current_exe() {
        Ok(path) if !found(&path) => {
            let here = std::env::current_dir().unwrap_or_default();
            match path.strip_prefix(here) {
                Ok(below) => Path::new(".").join(below).display().to_string(),
                Err(_) => path.display().to_string(),
            }
        }
        _ => "offshoot".to_owned(),
    };
    let set = |variable: &str| std::env::var_os(variable).is_some();
    let root = context.dir.root();
    if !set("OFFSHOOT_DATA_DIR") && DataDir::default_root().is_ok_and(|default| default != root) {
        words.push_str(&format!(" --data-dir {}", root.display()));
    }
    if let Some(address) = listen.http_listen
        && !set("OFFSHOOT_API_URL")
    {
        words.push_str(&format!(" --api-url http://{address}"));
    }
    words
}
