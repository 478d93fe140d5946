//! Passwords of branches.

mod create;
mod delete;
mod find;

use crate::connection;
use crate::failure::Failure;
use crate::paging::{Paging, more};
use crate::place;
use crate::session::Session;
use crate::web::Web;
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a password; its secret is printed once
    Create(create::Create),
    /// List the passwords of a branch, or of all branches
    #[command(visible_alias = "ls")]
    List(List),
    /// Show a password, with the reason of its last refusal
    #[command(override_usage = "offshoot password show [OPTIONS] [DATABASE] [BRANCH] <PASSWORD>")]
    Show(At),
    /// Delete a password and end its sessions
    #[command(visible_alias = "rm")]
    Delete(delete::Delete),
    /// Give a password with a TTL its whole time again, and a fresh secret
    #[command(override_usage = "offshoot password renew [OPTIONS] [DATABASE] [BRANCH] <PASSWORD>")]
    Renew(At),
}

#[derive(Debug, Args)]
pub struct List {
    /// Name or id of the database [default: the project file's]
    database: Option<String>,
    /// Name or id of the branch [default: all branches]
    branch: Option<String>,
    /// Part of the name
    #[arg(long)]
    name: Option<String>,
    /// Only these
    #[arg(long, value_parser = ["active", "renewable", "expired"])]
    status: Option<String>,
    #[command(flatten)]
    paging: Paging,
    #[command(flatten)]
    web: Web,
}

/// Which password.
#[derive(Debug, Args)]
pub struct At {
    /// Database and branch (not needed where the project file names them), id or name of the password
    #[arg(required = true, num_args = 1..=3, value_name = "NAME")]
    names: Vec<String>,
}

pub(crate) async fn run(session: &mut Session<'_>, command: Command) -> Result<(), Failure> {
    match command {
        Command::Create(args) => create::run(session, args).await,
        Command::List(args) => list(session, &args).await,
        Command::Show(at) => show(session, &at).await,
        Command::Delete(args) => delete::run(session, &args).await,
        Command::Renew(at) => renew(session, &at).await,
    }
}

async fn list(session: &mut Session<'_>, args: &List) -> Result<(), Failure> {
    args.web.explain(session)?;
    let database = place::database(session, args.database.as_deref())?;
    let page = session
        .client
        .list_passwords(
            &session.org,
            &database,
            args.branch.as_deref(),
            args.name.as_deref(),
            args.status.as_deref(),
            args.paging.wanted(),
        )
        .await?;
    session.output.list(&page.data, "There are no passwords.")?;
    more(&page).map_or(Ok(()), |text| session.output.note(&text))
}

async fn show(session: &mut Session<'_>, at: &At) -> Result<(), Failure> {
    let (at, name) = place::before(session, &at.names)?;
    let password = find::find(session, &at.database, &at.branch, name).await?;
    session.output.one(&password)?;
    match (&password.last_refused_reason, password.last_refused_at) {
        (Some(reason), Some(at)) => session
            .output
            .note(&format!("Last refused at {at}: {reason}")),
        _ => Ok(()),
    }
}

async fn renew(session: &mut Session<'_>, at: &At) -> Result<(), Failure> {
    let (at, name) = place::before(session, &at.names)?;
    let found = find::find(session, &at.database, &at.branch, name).await?;
    let client = &session.client;
    let password = client
        .renew_password(&session.org, &at.database, &at.branch, &found.id)
        .await?;
    let mut text = format!("Password {} was renewed.", password.name);
    if password.plain_text.is_some() {
        text.push_str("\n\n");
        text.push_str(&connection::describe(&password));
    }
    let columns = connection::columns(Some(&password));
    session.output.secret(&text, &password, &columns)
}
