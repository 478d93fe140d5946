//! Databases.

mod create;
mod delete;
mod import;
mod update;

use crate::failure::Failure;
use crate::paging::{Paging, more};
use crate::place;
use crate::session::Session;
use crate::web::Web;
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a database with its production branch
    Create(create::Create),
    /// List databases
    #[command(visible_alias = "ls")]
    List(List),
    /// Show a database
    Show(Show),
    /// Rename a database, choose its default branch, protect it from deletion
    Update(update::Update),
    /// Load a dump into a branch
    Import(import::Import),
    /// Delete a database with all its branches
    #[command(visible_alias = "rm")]
    Delete(delete::Delete),
}

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    paging: Paging,
    #[command(flatten)]
    web: Web,
}

#[derive(Debug, Args)]
pub struct Show {
    /// Name or id [default: the project file's]
    database: Option<String>,
    #[command(flatten)]
    web: Web,
}

pub(crate) async fn run(session: &mut Session<'_>, command: Command) -> Result<(), Failure> {
    match command {
        Command::Create(args) => create::run(session, args).await,
        Command::List(args) => list(session, &args).await,
        Command::Show(args) => show(session, &args).await,
        Command::Update(args) => update::run(session, args).await,
        Command::Import(args) => import::run(session, args).await,
        Command::Delete(args) => delete::run(session, &args).await,
    }
}

async fn list(session: &mut Session<'_>, args: &List) -> Result<(), Failure> {
    args.web.explain(session)?;
    let paging = args.paging.wanted();
    let page = session.client.list_databases(&session.org, paging).await?;
    let none = "There are no databases. Make one: offshoot database create <name>";
    session.output.list(&page.data, none)?;
    more(&page).map_or(Ok(()), |text| session.output.note(&text))
}

async fn show(session: &mut Session<'_>, args: &Show) -> Result<(), Failure> {
    args.web.explain(session)?;
    let name = place::database(session, args.database.as_deref())?;
    let client = &session.client;
    let database = client.show_database(&session.org, &name).await?;
    session.output.one(&database)
}
