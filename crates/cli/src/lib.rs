//! The client commands of `offshoot`, in the tree and with the flags that `pscale` users know.
//!
//! A library: the binary puts [`Command`] into its own tree (`#[command(flatten)]`), beside the
//! commands that need this machine, and calls [`run`]. Everything here goes through the HTTP API,
//! with `offshoot-client`; nothing knows servers, engines or Unix.

mod api;
mod audit_log;
mod branch;
mod completion;
mod config;
mod confirm;
mod connection;
mod database;
mod duration;
mod failure;
mod globals;
#[expect(dead_code, reason = "its users follow: connect, shell and sql")]
mod interrupt;
mod label;
mod local;
mod organization;
mod output;
mod paging;
mod password;
mod progress;
mod region;
mod service_token;
mod session;
mod shell;
mod switch;
mod terminal;
#[expect(dead_code, reason = "its users follow: connect, shell and sql")]
mod tunnel;

pub use duration::parse as parse_duration;
pub use failure::{Failure, report};
pub use globals::{Format, Globals};
pub use local::Local;
pub use progress::Progress;
pub use terminal::Terminal;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// The client commands alone, as a whole program.
#[derive(Debug, Parser)]
#[command(
    name = "offshoot",
    version,
    about = "A MySQL database of their own for every sprint, pull request and developer"
)]
pub struct Cli {
    #[command(flatten)]
    pub globals: Globals,
    #[command(subcommand)]
    pub command: Command,
}

/// What can be done through the API.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Organizations
    #[command(subcommand)]
    Org(organization::Command),
    /// Databases
    #[command(subcommand, visible_alias = "db")]
    Database(database::Command),
    /// Branches of a database
    #[command(subcommand, visible_alias = "b")]
    Branch(Box<branch::Command>),
    /// Passwords of branches
    #[command(subcommand, visible_alias = "p")]
    Password(password::Command),
    /// Service tokens and what they may do
    #[command(subcommand)]
    ServiceToken(service_token::Command),
    /// Who did what
    #[command(subcommand)]
    AuditLog(audit_log::Command),
    /// Regions; there is one, this machine
    #[command(subcommand)]
    Region(region::Command),
    /// Open a MySQL client on a branch
    Shell(shell::Shell),
    /// Call the HTTP API directly
    Api(api::Api),
    /// Print a completion script for a shell
    Completion(completion::Completion),
}

/// Runs a command and writes what it has to say. 0: done; 1: the user has to do something first
/// (a token, a confirmation); 2: anything else went wrong.
pub async fn run(
    globals: Globals,
    command: Command,
    local: &Local,
    mut terminal: Terminal,
) -> ExitCode {
    let format = globals.format();
    match execute(globals, command, local, &mut terminal).await {
        Ok(code) => code,
        Err(failure) => report(&failure, format, &mut terminal),
    }
}

async fn execute(
    globals: Globals,
    command: Command,
    local: &Local,
    terminal: &mut Terminal,
) -> Result<ExitCode, Failure> {
    if let Command::Completion(completion) = command {
        completion::run(&completion, local, terminal)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut session = session::open(globals, local, terminal)?;
    let session = &mut session;
    match command {
        Command::Org(command) => organization::run(session, command).await?,
        Command::Database(command) => database::run(session, command).await?,
        Command::Branch(command) => branch::run(session, *command).await?,
        Command::Password(command) => password::run(session, command).await?,
        Command::ServiceToken(command) => service_token::run(session, command).await?,
        Command::AuditLog(command) => audit_log::run(session, command).await?,
        Command::Region(command) => region::run(session, command).await?,
        Command::Shell(shell) => return shell::run(session, shell, local).await,
        Command::Api(api) => return api::run(session, api).await,
        Command::Completion(_) => {}
    }
    Ok(ExitCode::SUCCESS)
}
