//! The client commands of `offshoot`, in the tree and with the flags that `pscale` users know.
//!
//! A library: the binary puts [`Command`] into its own tree (`#[command(flatten)]`), beside the
//! commands that need this machine, and calls [`run`]. Everything here goes through the HTTP API,
//! with `offshoot-client`; nothing knows servers, engines or Unix.

mod api;
mod audit_log;
mod auth;
mod automation;
mod backup;
mod branch;
mod completion;
mod config;
mod confirm;
mod connect;
mod connection;
mod database;
mod duration;
mod failure;
mod globals;
mod import;
mod integration;
mod interrupt;
mod iteration;
mod keyspace;
mod label;
mod limit;
mod local;
mod man;
mod organization;
mod output;
mod paging;
mod parse;
mod password;
mod place;
mod program;
mod progress;
mod project;
mod region;
mod service_token;
mod session;
mod shell;
mod size;
mod sql;
mod suggest;
mod switch;
mod terminal;
mod tunnel;
mod user;
mod web;
mod webhook;

pub use duration::parse as parse_duration;
pub use failure::{Failure, report};
pub use globals::{Format, Globals};
pub use local::Local;
pub use parse::parse;
pub use progress::Progress;
pub use terminal::{Colors, Terminal};

use clap::{Parser, Subcommand};
use session::Session;
use std::io::Write;
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
    /// Keyspaces of branches: their MySQL schemas
    #[command(subcommand)]
    Keyspace(keyspace::Command),
    /// Backups of branches, and the policies that make them
    #[command(subcommand)]
    Backup(Box<backup::Command>),
    /// Connections to planning tools
    #[command(subcommand)]
    Integration(Box<integration::Command>),
    /// Rules that make branches of iterations
    #[command(subcommand)]
    Automation(Box<automation::Command>),
    /// Sprints and milestones as planning tools announced them
    #[command(subcommand)]
    Iteration(iteration::Command),
    /// Signed requests that tell what happens to a database
    #[command(subcommand)]
    Webhook(webhook::Command),
    /// Service tokens and what they may do
    #[command(subcommand)]
    ServiceToken(service_token::Command),
    /// Users of the server, who log in with a password
    #[command(subcommand)]
    User(user::Command),
    /// Who did what
    #[command(subcommand)]
    AuditLog(audit_log::Command),
    /// Regions; there is one, this machine
    #[command(subcommand)]
    Region(region::Command),
    /// Sizes of branches: memory, cores, connections
    #[command(subcommand)]
    Size(size::Command),
    /// Open a local port to a branch, for any MySQL client, without a password
    Connect(connect::Connect),
    /// Open a MySQL client on a branch
    Shell(shell::Shell),
    /// Run statements on a branch and print their results
    Sql(sql::Sql),
    /// Call the HTTP API directly
    Api(api::Api),
    /// Who the server takes you for, and the sessions of users
    #[command(subcommand)]
    Auth(auth::Command),
    /// Print a completion script for a shell
    Completion(completion::Completion),
    /// Write manual pages
    Man(man::Man),
    /// Print the version
    #[command(hide = true)]
    Version,
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
    if globals.no_color {
        terminal.colors = Colors::default();
    }
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
    match &command {
        Command::Completion(completion) => {
            completion::run(completion, local, terminal)?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Man(man) => {
            man::run(man, local, terminal)?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Version => {
            writeln!(terminal.out, "offshoot {}", env!("CARGO_PKG_VERSION"))?;
            return Ok(ExitCode::SUCCESS);
        }
        _ => {}
    }
    let mut session = session::open(globals, local, terminal)?;
    match dispatch(&mut session, command, local).await {
        Err(Failure::Client(error)) => Err(match suggest::meant(&session, &error).await {
            Some(text) => error.hinted(&text).into(),
            None => error.into(),
        }),
        other => other,
    }
}

async fn dispatch(
    session: &mut Session<'_>,
    command: Command,
    local: &Local,
) -> Result<ExitCode, Failure> {
    match command {
        Command::Org(command) => organization::run(session, command).await?,
        Command::Database(command) => database::run(session, command).await?,
        Command::Branch(command) => branch::run(session, *command).await?,
        Command::Password(command) => password::run(session, command).await?,
        Command::Keyspace(command) => keyspace::run(session, command).await?,
        Command::Backup(command) => backup::run(session, *command).await?,
        Command::Integration(command) => integration::run(session, *command).await?,
        Command::Automation(command) => automation::run(session, *command).await?,
        Command::Iteration(command) => iteration::run(session, command).await?,
        Command::Webhook(command) => webhook::run(session, command).await?,
        Command::ServiceToken(command) => service_token::run(session, command).await?,
        Command::User(command) => user::run(session, command).await?,
        Command::AuditLog(command) => audit_log::run(session, command).await?,
        Command::Size(command) => size::run(session, command).await?,
        Command::Region(command) => region::run(session, command).await?,
        Command::Connect(connect) => return connect::run(session, connect).await,
        Command::Sql(sql) => sql::run(session, sql).await?,
        Command::Shell(shell) => return shell::run(session, shell, local).await,
        Command::Api(api) => return api::run(session, api).await,
        Command::Auth(command) => auth::run(session, command).await?,
        // Need no server.
        Command::Completion(_) | Command::Man(_) | Command::Version => {}
    }
    Ok(ExitCode::SUCCESS)
}
