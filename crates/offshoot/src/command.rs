//! The command tree: what needs this machine, beside what goes through the API.

mod admin;
mod config;
mod doctor;
mod engine;
mod pool;
mod quickstart;
mod serve;

use crate::config::Config;
use crate::data_dir::DataDir;
use anyhow::{Context as _, Result};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, CommandFactory, Parser, Subcommand};
use offshoot_cli::{Globals, Local, Terminal};
use offshoot_core::engine::EngineKind;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Parser)]
#[command(
    name = "offshoot",
    version,
    about = "A MySQL database of their own for every sprint, pull request and developer"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(flatten)]
    machine: MachineOptions,
    #[command(subcommand)]
    command: Command,
}

/// Where this machine's server keeps its data and its configuration.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Server options")]
pub(crate) struct MachineOptions {
    /// Data directory [default: /var/lib/offshoot for root, else ~/.local/share/offshoot]
    #[arg(long, global = true, value_name = "DIR", env = "OFFSHOOT_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// Configuration file [default: offshoot.toml in the data directory]
    #[arg(long, global = true, value_name = "FILE", env = "OFFSHOOT_CONFIG")]
    config: Option<PathBuf>,
}

/// Addresses to listen on, for the commands that serve.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ListenOptions {
    /// Address of the HTTP API [default: 127.0.0.1:8306]
    #[arg(long, value_name = "ADDRESS", env = "OFFSHOOT_HTTP_LISTEN")]
    http_listen: Option<SocketAddr>,
    /// Address for MySQL clients [default: 127.0.0.1:7306]
    #[arg(long, value_name = "ADDRESS", env = "OFFSHOOT_GATEWAY_LISTEN")]
    gateway_listen: Option<SocketAddr>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::Serve),
    /// From an empty machine to a branch with a connection string, step by step
    Quickstart(quickstart::Quickstart),
    /// Database engines on this machine
    #[command(subcommand)]
    Engine(engine::Command),
    /// The pool in which branches' data lives
    #[command(subcommand)]
    Pool(pool::Command),
    /// What can be configured in offshoot.toml, and what is
    #[command(subcommand)]
    Config(config::Command),
    /// Check this machine and the server on it, and say what to do about each finding
    Doctor(doctor::Doctor),
    /// Metadata backup and restore, upgrade, unit file
    #[command(subcommand)]
    Admin(admin::Command),
    #[command(flatten)]
    Client(offshoot_cli::Command),
}

/// What every local command starts with.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) globals: Globals,
    pub(crate) dir: DataDir,
    pub(crate) config: Config,
    /// The file that was given with a flag or variable.
    pub(crate) config_file: Option<PathBuf>,
}

impl ListenOptions {
    /// As a command that serves would find them without flags.
    fn from_environment() -> Result<Self> {
        let read = |name: &str| match std::env::var(name) {
            Ok(text) => Ok(Some(
                text.parse()
                    .with_context(|| format!("{name} is not an address"))?,
            )),
            Err(_) => Ok::<_, anyhow::Error>(None),
        };
        Ok(Self {
            http_listen: read("OFFSHOOT_HTTP_LISTEN")?,
            gateway_listen: read("OFFSHOOT_GATEWAY_LISTEN")?,
        })
    }
}

impl Context {
    /// The configuration with the addresses of flags and environment.
    fn listening(&self, options: &ListenOptions) -> Config {
        let mut config = self.config.clone();
        config.http.listen = options.http_listen.unwrap_or(config.http.listen);
        config.gateway.listen = options.gateway_listen.unwrap_or(config.gateway.listen);
        config
    }
}

/// Runs a command; its exit status is 0, 1 (the user has to do something first) or 2.
pub(crate) async fn run(cli: Cli) -> Result<ExitCode> {
    let root = match cli.machine.data_dir {
        Some(dir) => std::path::absolute(dir)?,
        None => DataDir::default_root()?,
    };
    let dir = DataDir::new(root);
    let config_file = cli.machine.config;
    let config = match &cli.command {
        // They say themselves what is wrong with a file.
        Command::Doctor(_)
        | Command::Config(config::Command::Check { .. } | config::Command::Reference) => {
            Config::default()
        }
        _ => Config::load(config_file.as_deref(), dir.root())?,
    };
    let context = Context {
        globals: cli.globals,
        dir,
        config,
        config_file,
    };
    match cli.command {
        Command::Serve(command) => serve::run(context, command).await,
        Command::Quickstart(command) => quickstart::run(context, command).await,
        Command::Engine(command) => engine::run(context, command).await,
        Command::Pool(command) => pool::run(context, command).await,
        Command::Doctor(command) => doctor::run(context, command).await,
        Command::Config(command) => config::run(&context, &command),
        Command::Admin(command) => admin::run(context, command).await,
        Command::Client(command) => {
            let local = local(&context, matches!(command, offshoot_cli::Command::Shell(_)));
            Ok(offshoot_cli::run(context.globals, command, &local, Terminal::real()).await)
        }
    }
}

/// Parses the name of an engine without a version.
fn engine_kind() -> impl TypedValueParser<Value = EngineKind> {
    PossibleValuesParser::new([EngineKind::Mysql.as_str(), EngineKind::Mariadb.as_str()])
        .try_map(|name| name.parse::<EngineKind>())
}

/// Prints a result. A reader that went away (`| head`) is no failure.
fn print(text: &str) -> Result<()> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// What client commands may use of a server on this machine. Looking for the `mysql` that came with
/// an engine takes a moment, so only for the command that needs it.
fn local(context: &Context, needs_mysql: bool) -> Local {
    let engine = needs_mysql
        .then(|| crate::machine::catalog(&context.dir, &context.config).default())
        .flatten();
    let mysql = engine
        .and_then(|files| files.client("mysql"))
        .map(|command| {
            std::iter::once(command.get_program().to_owned())
                .chain(command.get_args().map(ToOwned::to_owned))
                .collect()
        });
    Local {
        data_dir: Some(context.dir.root().to_owned()),
        api_url: Some(format!("http://{}", context.config.http.listen)),
        mysql,
        tree: Cli::command,
    }
}
