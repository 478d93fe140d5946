//! `offshoot engine`: which engines there are, installing one, choosing the default.

use super::Context;
use crate::machine::catalog;
use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use offshoot_cli::Format;
use offshoot_core::engine::{EngineKind, EngineRef};
use offshoot_mysqld::engine::Catalog;
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Engines on this machine, and those that cannot be used
    List,
    /// Install the newest MySQL or MariaDB, without root
    Install {
        /// mysql or mariadb
        engine: EngineKind,
    },
    /// Make an installed engine the default of new databases
    Use {
        /// mysql, mariadb, or a version such as mysql-9.7.4
        engine: String,
    },
}

/// A line of `engine list`.
#[derive(Serialize)]
struct Listed {
    engine: Option<EngineRef>,
    source: &'static str,
    default: bool,
    path: PathBuf,
    /// Why it cannot be used.
    refused: Option<String>,
}

#[expect(clippy::print_stdout, reason = "this is what the command is for")]
pub(crate) async fn run(context: Context, command: Command) -> Result<ExitCode> {
    let catalog = catalog(&context.dir, &context.config);
    match command {
        Command::List => print(&list(&catalog), context.globals.format())?,
        Command::Install { engine } => {
            context.dir.create()?;
            println!("{} is installed.", install(&context, engine).await?);
        }
        Command::Use { engine } => {
            context.dir.create()?;
            let engine = named(&catalog, &engine)?;
            catalog.set_default(engine)?;
            println!("New databases run on {engine}.");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// An installed engine by kind (its newest) or by kind and version.
fn named(catalog: &Catalog, text: &str) -> Result<EngineRef> {
    if let Ok(kind) = text.parse::<EngineKind>() {
        let newest = catalog.newest(kind).with_context(|| {
            format!("no {kind} is installed: run `offshoot engine install {}`", kind.as_str())
        })?;
        return Ok(newest.engine);
    }
    match text.parse() {
        Ok(engine) => Ok(engine),
        Err(_) => bail!("{text:?} is no engine: write mysql, mariadb, or a version such as mysql-9.7.4"),
    }
}

fn list(catalog: &Catalog) -> Vec<Listed> {
    let default = catalog.default().map(|files| files.engine);
    let found = catalog.found();
    let used = found.engines.iter().map(|files| Listed {
        engine: Some(files.engine),
        source: source(files.source),
        default: Some(files.engine) == default,
        path: files.server.clone(),
        refused: None,
    });
    let refused = found.refused.iter().map(|refused| Listed {
        engine: None,
        source: source(refused.source),
        default: false,
        path: refused.path.clone(),
        refused: Some(refused.reason.clone()),
    });
    used.chain(refused).collect()
}

fn source(source: offshoot_core::engine::EngineSource) -> &'static str {
    use offshoot_core::engine::EngineSource;
    match source {
        EngineSource::Config => "config",
        EngineSource::Path => "path",
        EngineSource::Managed => "managed",
    }
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "this is what the command is for")]
fn print(engines: &[Listed], format: Format) -> Result<()> {
    match format {
        Format::Json => println!("{}", serde_json::to_string_pretty(engines).context("cannot print")?),
        Format::Csv => {
            println!("engine,source,default,path,refused");
            for e in engines {
                let name = e.engine.map(|e| e.to_string()).unwrap_or_default();
                let refused = e.refused.as_deref().unwrap_or_default();
                println!("{name},{},{},{},\"{refused}\"", e.source, e.default, e.path.display());
            }
        }
        Format::Human if engines.is_empty() => {
            eprintln!("No engine is installed. Run `offshoot engine install mysql`.");
        }
        Format::Human => {
            for e in engines {
                match (&e.engine, &e.refused) {
                    (Some(engine), _) => {
                        let mark = if e.default { "default" } else { "" };
                        println!("  {:<20} {:<8} {mark:<8} {}", engine.to_string(), e.source, e.path.display());
                    }
                    (None, refused) => println!(
                        "  {:<20} {:<8} {:<8} {}: {}",
                        "not usable",
                        e.source,
                        "",
                        e.path.display(),
                        refused.as_deref().unwrap_or_default()
                    ),
                }
            }
        }
    }
    Ok(())
}

/// Installs an engine under a progress bar.
async fn install(_context: &Context, _kind: EngineKind) -> Result<EngineRef> {
    bail!("not yet")
}

/// MySQL where it can be had, else MariaDB, and says so.
pub(crate) async fn install_or_other(context: &Context, kind: EngineKind) -> Result<EngineRef> {
    install(context, kind).await
}
