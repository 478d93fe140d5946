//! Branches.

mod act;
mod connections;
pub(crate) mod create;
mod delete;
mod lint;
mod list;
mod logs;
mod schema;
mod seed_rules;
mod shadow;
mod switch;
mod update;

use crate::failure::Failure;
use crate::place;
use crate::session::Session;
use crate::tunnel::Place;
use crate::web::Web;
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a branch with the schema of another one, or with its data
    Create(create::Create),
    /// List the branches of a database
    #[command(visible_alias = "ls")]
    List(list::List),
    /// Show a branch
    Show(At),
    /// Delete a branch
    #[command(visible_alias = "rm")]
    Delete(delete::Delete),
    /// Choose the branch that commands in this directory work on, in .offshoot.yml
    Switch(switch::Switch),
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
    /// Look for what is questionable about a branch's tables
    Lint(At),
    /// Accepted for compatibility: a schema is read from the engine each time
    #[command(hide = true)]
    RefreshSchema(At),
    /// Whether statements may change the schema
    #[command(subcommand)]
    SafeMigrations(lint::SafeMigrations),
    /// What branches with data start with, and how it is masked
    #[command(subcommand)]
    SeedRules(seed_rules::Command),
    /// The replica of a production branch from which its copies are taken
    #[command(subcommand)]
    Shadow(shadow::Command),
    /// Sessions of a branch
    #[command(subcommand)]
    Connections(connections::Command),
    /// Sessions as the engine lists them
    #[command(subcommand, hide = true)]
    Processlist(connections::Processlist),
    /// Print what a branch's engine logged
    Logs(logs::Logs),
}

/// Which branch; the project's where none is named.
#[derive(Debug, Args)]
pub struct At {
    /// Name or id of the database [default: the project file's]
    database: Option<String>,
    /// Name or id of the branch [default: the project file's]
    branch: Option<String>,
    #[command(flatten)]
    web: Web,
}

/// Which branch, where nothing may happen to one that was not named.
#[derive(Debug, Args)]
#[command(allow_missing_positional = true)]
pub(crate) struct Named {
    /// Name or id of the database [default: the project file's]
    database: Option<String>,
    /// Name or id of the branch
    branch: String,
}

impl At {
    pub(crate) fn explain(&self, session: &mut Session<'_>) -> Result<(), Failure> {
        self.web.explain(session)
    }

    pub(crate) fn place(&self, session: &Session<'_>) -> Result<Place, Failure> {
        place::exactly(session, self.database.as_deref(), self.branch.as_deref())
    }
}

impl Named {
    pub(crate) fn place(&self, session: &Session<'_>) -> Result<Place, Failure> {
        Ok(Place {
            database: place::database(session, self.database.as_deref())?,
            branch: self.branch.clone(),
        })
    }
}

pub(crate) async fn run(session: &mut Session<'_>, command: Command) -> Result<(), Failure> {
    if let Command::Show(at) | Command::Schema(at) | Command::Diff(at) = &command {
        at.explain(session)?;
    }
    match command {
        Command::Create(args) => create::run(session, args).await,
        Command::List(args) => list::run(session, &args).await,
        Command::Show(at) => act::show(session, &at.place(session)?).await,
        Command::Delete(args) => delete::run(session, &args).await,
        Command::Switch(args) => switch::run(session, args).await,
        Command::Rename(args) => update::rename(session, args).await,
        Command::Update(args) => update::update(session, args).await,
        Command::Labels(args) => update::labels(session, args).await,
        Command::Protect(at) => update::protect(session, &at.place(session)?, true).await,
        Command::Unprotect(at) => update::protect(session, &at.place(session)?, false).await,
        Command::Promote(at) => act::promote(session, &at.place(session)?).await,
        Command::Demote(at) => act::demote(session, &at.place(session)?).await,
        Command::Reset(args) => act::reset(session, &args).await,
        Command::Sleep(at) => act::sleep(session, &at.place(session)?).await,
        Command::Wake(at) => act::wake(session, &at.place(session)?).await,
        Command::Schema(at) => schema::schema(session, &at.place(session)?).await,
        Command::Diff(at) => schema::diff(session, &at.place(session)?).await,
        Command::Lint(at) => lint::lint(session, &at.place(session)?).await,
        Command::RefreshSchema(at) => lint::refresh(session, &at.place(session)?).await,
        Command::SafeMigrations(command) => lint::safe_migrations(session, command).await,
        Command::SeedRules(command) => seed_rules::run(session, command).await,
        Command::Shadow(command) => shadow::run(session, command).await,
        Command::Connections(command) => connections::run(session, command).await,
        Command::Processlist(command) => connections::processlist(session, command).await,
        Command::Logs(args) => logs::run(session, &args).await,
    }
}
