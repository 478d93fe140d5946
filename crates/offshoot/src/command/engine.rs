//! `offshoot engine`: which engines there are, installing one, choosing the default.

use super::Context;
use crate::machine::catalog;
use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use offshoot_cli::Format;
use offshoot_core::engine::{EngineKind, EngineRef};
use offshoot_mysqld::engine::Catalog;
use offshoot_mysqld::engine::install::{self, Phase, Progress};
use serde::Serialize;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Engines on this machine, and those that cannot be used
    List,
    /// Install the newest MySQL or MariaDB, without root
    Install {
        /// Which one
        #[arg(value_parser = super::engine_kind())]
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
            let before = catalog.installed();
            let installed = install(&context, engine).await?;
            // Who holds the lock greets for the kinds that were there when it started.
            let new = !before.iter().any(|e| e.engine.kind == installed.kind);
            let serving = context.dir.locked_before() && context.dir.lock().is_err();
            let when = match new && serving {
                true => "; the running server takes up a kind that is new to it at its next start",
                false => "",
            };
            println!("{installed} is installed{when}.");
        }
        Command::Use { engine } => {
            context.dir.create()?;
            let engine = named(&catalog, &engine)?;
            catalog.set_default(engine)?;
            println!(
                "New databases run on {engine}; a running server takes it up at its next start."
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// An installed engine by kind (its newest) or by kind and version.
fn named(catalog: &Catalog, text: &str) -> Result<EngineRef> {
    if let Ok(kind) = text.parse::<EngineKind>() {
        let newest = catalog.newest(kind).with_context(|| {
            format!(
                "no {kind} is installed: run `offshoot engine install {}`",
                kind.as_str()
            )
        })?;
        return Ok(newest.engine);
    }
    match text.parse() {
        Ok(engine) => Ok(engine),
        Err(_) => {
            bail!("{text:?} is no engine: write mysql, mariadb, or a version such as mysql-9.7.4")
        }
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

#[expect(clippy::print_stderr, reason = "this is what the command is for")]
fn print(engines: &[Listed], format: Format) -> Result<()> {
    let mut text = String::new();
    match format {
        Format::Json => {
            text = serde_json::to_string_pretty(engines).context("cannot print")? + "\n";
        }
        Format::Csv => {
            text.push_str("engine,source,default,path,refused\n");
            for e in engines {
                let name = e.engine.map(|e| e.to_string()).unwrap_or_default();
                let refused = e.refused.as_deref().unwrap_or_default();
                writeln!(
                    text,
                    "{name},{},{},{},\"{refused}\"",
                    e.source,
                    e.default,
                    e.path.display()
                )?;
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
                        writeln!(
                            text,
                            "  {:<20} {:<8} {mark:<8} {}",
                            engine.to_string(),
                            e.source,
                            e.path.display()
                        )?;
                    }
                    (None, refused) => writeln!(
                        text,
                        "  {:<20} {:<8} {:<8} {}: {}",
                        "not usable",
                        e.source,
                        "",
                        e.path.display(),
                        refused.as_deref().unwrap_or_default()
                    )?,
                }
            }
        }
    }
    super::print(&text)
}

/// Installs an engine under a progress bar.
async fn install(context: &Context, kind: EngineKind) -> Result<EngineRef> {
    let engines = context.dir.engines();
    let files = tokio::task::spawn_blocking(move || {
        let bar = Bar::new(kind);
        install::install(kind, &engines, &bar)
    })
    .await?;
    Ok(files
        .with_context(|| format!("cannot install {kind}"))?
        .engine)
}

/// An engine of the kind, or MariaDB where MySQL cannot be had; says so.
#[expect(clippy::print_stdout, reason = "this is what the command is for")]
pub(crate) async fn install_or_other(context: &Context, kind: EngineKind) -> Result<EngineRef> {
    let catalog = catalog(&context.dir, &context.config);
    let ensured = tokio::task::spawn_blocking(move || {
        let bar = Bar::new(kind);
        install::ensure(kind, &catalog, &bar)
    })
    .await?
    .with_context(|| format!("cannot install {kind}"))?;
    if let install::Ensured::Instead { files, why } = &ensured {
        println!(
            "  MySQL cannot be had here ({why}); going on with {}",
            files.engine
        );
    }
    Ok(ensured.files().engine)
}

/// Progress of an installation, drawn on a terminal.
struct Bar(ProgressBar);

impl Bar {
    fn new(kind: EngineKind) -> Self {
        let style = ProgressStyle::with_template("{spinner} {prefix} {msg} {wide_bar} {pos}/{len}")
            .expect("the template is fixed");
        let bar = ProgressBar::new(1)
            .with_style(style)
            .with_prefix(format!("installing {kind}:"));
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(bar)
    }

    fn at(&self, message: String, done: u64, of: u64) {
        self.0.set_length(of.max(1));
        self.0.set_position(done);
        self.0.set_message(message);
    }
}

impl Progress for Bar {
    fn report(&self, phase: Phase) {
        let number = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        match phase {
            Phase::Waiting => self.at("another process installs; waiting".to_owned(), 0, 1),
            Phase::Index => self.at("reading the package index".to_owned(), 0, 1),
            Phase::Download {
                done,
                packages,
                bytes,
                total,
            } => {
                let sizes = format!(
                    "downloading ({} of {})",
                    HumanBytes(bytes),
                    HumanBytes(total)
                );
                self.at(sizes, number(done), number(packages));
            }
            Phase::Unpack { done, packages } => {
                self.at("unpacking".to_owned(), number(done), number(packages))
            }
            Phase::Check => self.at("checking".to_owned(), 1, 1),
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
