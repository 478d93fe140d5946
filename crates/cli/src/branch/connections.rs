//! `branch connections` and `branch processlist`: the sessions of a branch, and how to end them.

use crate::branch::At;
use crate::duration;
use crate::failure::Failure;
use crate::interrupt;
use crate::place;
use crate::session::Session;
use crate::tunnel::Place;
use clap::{Args, Subcommand};
use offshoot_api_types::{KillProcess, Killed};
use std::io::Write;
use std::time::Duration;
use tokio::time::Instant;

/// Clears a screen, and begins at its top.
const CLEAR: &str = "\u{1b}[2J\u{1b}[H";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the sessions of a branch; there are none while it sleeps
    Show(At),
    /// Show them again and again
    Top(Top),
    /// End a session, or its statement
    #[command(
        override_usage = "offshoot branch connections kill [OPTIONS] [DATABASE] [BRANCH] <ID>"
    )]
    Kill(Kill),
    /// End the session that has a transaction
    #[command(
        override_usage = "offshoot branch connections kill-transaction [OPTIONS] [DATABASE] [BRANCH] <ID>"
    )]
    KillTransaction(KillTransaction),
}

#[derive(Debug, Args)]
pub struct Top {
    #[command(flatten)]
    at: At,
    /// Time between two looks, such as 2 (seconds)
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration::parse)]
    interval: Duration,
    /// Time after which it ends, 0 = with Ctrl-C
    #[arg(long, value_name = "TIME", default_value = "0", value_parser = duration::parse)]
    duration: Duration,
}

#[derive(Debug, Args)]
pub struct Kill {
    /// Database and branch (not needed where the project file names them), id of the session
    #[arg(required = true, num_args = 1..=3, value_name = "NAME")]
    names: Vec<String>,
    /// End the statement under way alone
    #[arg(long)]
    query: bool,
}

#[derive(Debug, Args)]
pub struct KillTransaction {
    /// Database and branch (not needed where the project file names them), id of the transaction
    #[arg(required = true, num_args = 1..=3, value_name = "NAME")]
    names: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub enum Processlist {
    /// Show the sessions of a branch as the engine does
    Show(At),
    /// End a session, or its statement
    Kill(Kill),
}

pub(crate) async fn run(session: &mut Session<'_>, command: Command) -> Result<(), Failure> {
    match command {
        Command::Show(at) => {
            let place = at.place(session)?;
            show(session, &place).await
        }
        Command::Top(args) => top(session, args).await,
        Command::Kill(args) => {
            let kind = if args.query { "query" } else { "connection" };
            end(session, &args.names, kind).await
        }
        Command::KillTransaction(args) => end(session, &args.names, "transaction").await,
    }
}

pub(crate) async fn processlist(
    session: &mut Session<'_>,
    command: Processlist,
) -> Result<(), Failure> {
    match command {
        Processlist::Show(at) => {
            let Place { database, branch } = at.place(session)?;
            let client = &session.client;
            let list = client
                .branch_processlist(&session.org, &database, &branch)
                .await?;
            session
                .output
                .list(&list.data.processes, "There are no sessions.")
        }
        Processlist::Kill(args) => {
            let (at, id) = place::before(session, &args.names)?;
            let id = id.parse().map_err(|_| {
                Failure::usage(
                    format!("{id:?} is no id of a session"),
                    "see processlist show",
                )
            })?;
            let body = KillProcess {
                id: Some(id),
                kind: Some(if args.query { "query" } else { "connection" }.into()),
            };
            let killed = session
                .client
                .kill_process(&session.org, &at.database, &at.branch, &body)
                .await?;
            told(session, &killed.data)
        }
    }
}

async fn show(session: &mut Session<'_>, at: &Place) -> Result<(), Failure> {
    let shown = session
        .client
        .branch_connections(&session.org, &at.database, &at.branch)
        .await?;
    match session.output.format {
        crate::Format::Json => session.output.json(&shown),
        _ => session.output.list(&shown.data, "There are no sessions."),
    }
}

async fn top(session: &mut Session<'_>, args: Top) -> Result<(), Failure> {
    let place = args.at.place(session)?;
    let began = Instant::now();
    loop {
        if session.output.terminal.width.is_some() && session.output.human() {
            write!(session.output.terminal.out, "{CLEAR}")?;
        }
        show(session, &place).await?;
        if !args.duration.is_zero() && began.elapsed() >= args.duration {
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep(args.interval) => {}
            () = interrupt::wait() => return Ok(()),
        }
    }
}

async fn end(session: &mut Session<'_>, names: &[String], kind: &str) -> Result<(), Failure> {
    let (at, id) = place::before(session, names)?;
    let killed = session
        .client
        .kill_connection(&session.org, &at.database, &at.branch, kind, id)
        .await?;
    told(session, &killed)
}

fn told(session: &mut Session<'_>, killed: &Killed) -> Result<(), Failure> {
    match session.output.human() {
        true => {
            let what = match killed.kind.as_str() {
                "query" => "The statement of session",
                _ => "Session",
            };
            session
                .output
                .text(&format!("{what} {} was ended.", killed.id))
        }
        false => session.output.json(killed),
    }
}
