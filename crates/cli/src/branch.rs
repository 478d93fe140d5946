//! Branches.

mod act;
mod create;
mod delete;
mod list;
mod logs;
mod schema;
mod update;

use crate::failure::Failure;
use crate::session::Session;
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a branch with the schema of another one
    Create(create::Create),
    /// List the branches of a database
    #[command(visible_alias = "ls")]
    List(list::List),
    /// Show a branch
    Show(At),
    /// Delete a branch
    #[command(visible_alias = "rm")]
    Delete(delete::Delete),
    /// Rename a branch
    Rename(update::Rename),
    /// Change when a branch expires and when it sleeps
    Update(update::Update),
    /// Show or change the labels of a branch
    Labels(update::Labels),
    /// Refuse to delete a branch
    Protect(At),
    /// Allow to delete a branch again
    Unprotect(At),
    /// Make a branch a production branch
    Promote(At),
    /// Make a production branch a development branch
    Demote(At),
    /// Throw away what a branch holds and take its parent's schema anew
    Reset(act::Reset),
    /// Put a branch to sleep now
    Sleep(At),
    /// Wake a branch and wait until it is awake
    Wake(At),
    /// Print the definitions of a branch's tables and other objects
    Schema(At),
    /// Print what differs from the parent's schema
    Diff(At),
    /// Print what a branch's engine logged
    Logs(logs::Logs),
}

/// Which branch.
#[derive(Debug, Args)]
pub struct At {
    /// Name or id of the database
    pub(crate) database: String,
    /// Name or id of the branch
    pub(crate) branch: String,
}

pub(crate) async fn run(session: &mut Session<'_>, command: Command) -> Result<(), Failure> {
    match command {
        Command::Create(args) => create::run(session, args).await,
        Command::List(args) => list::run(session, &args).await,
        Command::Show(at) => act::show(session, &at).await,
        Command::Delete(args) => delete::run(session, &args).await,
        Command::Rename(args) => update::rename(session, args).await,
        Command::Update(args) => update::update(session, args).await,
        Command::Labels(args) => update::labels(session, args).await,
        Command::Protect(at) => update::protect(session, &at, true).await,
        Command::Unprotect(at) => update::protect(session, &at, false).await,
        Command::Promote(at) => act::promote(session, &at).await,
        Command::Demote(at) => act::demote(session, &at).await,
        Command::Reset(args) => act::reset(session, &args).await,
        Command::Sleep(at) => act::sleep(session, &at).await,
        Command::Wake(at) => act::wake(session, &at).await,
        Command::Schema(at) => schema::schema(session, &at).await,
        Command::Diff(at) => schema::diff(session, &at).await,
        Command::Logs(args) => logs::run(session, &args).await,
    }
}
