//! Keyspaces: the MySQL schemas of a branch.

use crate::branch::At;
use crate::confirm::confirm;
use crate::failure::Failure;
use crate::paging::{Paging, more};
use crate::place;
use crate::session::Session;
use clap::{Args, Subcommand};
use offshoot_api_types::CreateKeyspace;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a keyspace: an empty MySQL schema in a branch
    Create(Create),
    /// List the keyspaces of a branch
    #[command(visible_alias = "ls")]
    List(List),
    /// Show a keyspace
    #[command(override_usage = "offshoot keyspace show [OPTIONS] [DATABASE] [BRANCH] <KEYSPACE>")]
    Show(Which),
    /// Delete a keyspace with all tables in it
    #[command(visible_alias = "rm")]
    Delete(Delete),
}

#[derive(Debug, Args)]
#[command(override_usage = "offshoot keyspace create [OPTIONS] [DATABASE] [BRANCH] <NAME>")]
pub struct Create {
    /// Database and branch (not needed where the project file names them), name of the keyspace
    #[arg(required = true, num_args = 1..=3, value_name = "NAME")]
    names: Vec<String>,
    /// Accepted for compatibility: a keyspace has the size of its branch
    #[arg(long, value_name = "SIZE", hide = true)]
    cluster_size: Option<String>,
    /// Accepted for compatibility, where it is 1
    #[arg(long, value_name = "N", hide = true)]
    shards: Option<i64>,
    /// Accepted for compatibility, where it is 0
    #[arg(long, value_name = "N", hide = true)]
    additional_replicas: Option<i64>,
    /// Accepted for compatibility: it is there when the command returns
    #[arg(long, hide = true)]
    wait: bool,
}

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    at: At,
    #[command(flatten)]
    paging: Paging,
}

/// Which keyspace.
#[derive(Debug, Args)]
pub struct Which {
    /// Database and branch (not needed where the project file names them), name or id of the keyspace
    #[arg(required = true, num_args = 1..=3, value_name = "NAME")]
    names: Vec<String>,
}

#[derive(Debug, Args)]
#[command(override_usage = "offshoot keyspace delete [OPTIONS] [DATABASE] [BRANCH] <KEYSPACE>")]
pub struct Delete {
    #[command(flatten)]
    which: Which,
    /// Delete without a question
    #[arg(long)]
    force: bool,
}

pub(crate) async fn run(session: &mut Session<'_>, command: Command) -> Result<(), Failure> {
    match command {
        Command::Create(args) => create(session, args).await,
        Command::List(args) => list(session, &args).await,
        Command::Show(which) => show(session, &which).await,
        Command::Delete(args) => delete(session, &args).await,
    }
}

async fn create(session: &mut Session<'_>, args: Create) -> Result<(), Failure> {
    let (at, name) = place::before(session, &args.names)?;
    let body = CreateKeyspace {
        name: Some(name.to_owned()),
        cluster_size: args.cluster_size,
        extra_replicas: args.additional_replicas,
        shards: args.shards,
    };
    let made = session
        .client
        .create_keyspace(&session.org, &at.database, &at.branch, &body)
        .await?;
    let text = format!(
        "Keyspace {} of branch {} was created; clients find it as a database: USE `{}`.",
        made.name, at.branch, made.name
    );
    session.output.done(&text, &made)
}

async fn list(session: &mut Session<'_>, args: &List) -> Result<(), Failure> {
    args.at.explain(session)?;
    let at = args.at.place(session)?;
    let page = session
        .client
        .list_keyspaces(&session.org, &at.database, &at.branch, args.paging.wanted())
        .await?;
    session.output.list(&page.data, "There are no keyspaces.")?;
    more(&page).map_or(Ok(()), |text| session.output.note(&text))
}

async fn show(session: &mut Session<'_>, which: &Which) -> Result<(), Failure> {
    let (at, name) = place::before(session, &which.names)?;
    let found = session
        .client
        .show_keyspace(&session.org, &at.database, &at.branch, name)
        .await?;
    session.output.one(&found)
}

async fn delete(session: &mut Session<'_>, args: &Delete) -> Result<(), Failure> {
    let (at, name) = place::before(session, &args.which.names)?;
    confirm(session, args.force, &format!("keyspace {name}"), name)?;
    session
        .client
        .delete_keyspace(&session.org, &at.database, &at.branch, name)
        .await?;
    let text = format!("Keyspace {name} of branch {} was deleted.", at.branch);
    session.output.gone("keyspace", name, &text)
}
