//! Backup policies: which branches are backed up when, and for how long.

mod fields;

use crate::confirm::confirm;
use crate::failure::Failure;
use crate::paging::{Paging, more};
use crate::place;
use crate::session::Session;
use clap::{ArgGroup, Args, Subcommand};
use fields::Fields;
use offshoot_api_types::BackupPolicy;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the backup policies of a database
    #[command(visible_alias = "ls")]
    List(List),
    /// Show a backup policy
    Show(At),
    /// Create a backup policy
    Create(Create),
    /// Change a backup policy
    Update(Update),
    /// Delete a backup policy; its backups stay until they expire
    #[command(visible_alias = "rm")]
    Delete(Delete),
}

#[derive(Debug, Args)]
pub struct List {
    /// Name or id of the database [default: the project file's]
    database: Option<String>,
    #[command(flatten)]
    paging: Paging,
}

/// Which policy.
#[derive(Debug, Args)]
#[command(allow_missing_positional = true)]
pub struct At {
    /// Name or id of the database [default: the project file's]
    database: Option<String>,
    /// Id of the policy
    policy: String,
}

/// What is not said is as in the policy that every database has, without drills.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("change").multiple(true))]
pub struct Create {
    /// Name or id of the database [default: the project file's]
    database: Option<String>,
    #[command(flatten)]
    fields: Fields,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("change").required(true).multiple(true))]
pub struct Update {
    #[command(flatten)]
    at: At,
    #[command(flatten)]
    fields: Fields,
}

#[derive(Debug, Args)]
pub struct Delete {
    #[command(flatten)]
    at: At,
    /// Delete without a question
    #[arg(long)]
    force: bool,
}

impl At {
    fn database(&self, session: &Session<'_>) -> Result<String, Failure> {
        place::database(session, self.database.as_deref())
    }
}

pub(crate) async fn run(session: &mut Session<'_>, command: Command) -> Result<(), Failure> {
    match command {
        Command::List(args) => list(session, &args).await,
        Command::Show(at) => show(session, &at).await,
        Command::Create(args) => create(session, args).await,
        Command::Update(args) => update(session, args).await,
        Command::Delete(args) => delete(session, &args).await,
    }
}

async fn list(session: &mut Session<'_>, args: &List) -> Result<(), Failure> {
    let database = place::database(session, args.database.as_deref())?;
    let page = session
        .client
        .list_backup_policies(&session.org, &database, args.paging.wanted())
        .await?;
    let none = "There are no backup policies.";
    session.output.list(&page.data, none)?;
    more(&page).map_or(Ok(()), |text| session.output.note(&text))
}

async fn show(session: &mut Session<'_>, at: &At) -> Result<(), Failure> {
    let database = at.database(session)?;
    let policy = session
        .client
        .show_backup_policy(&session.org, &database, &at.policy)
        .await?;
    session.output.one(&policy)
}

async fn create(session: &mut Session<'_>, args: Create) -> Result<(), Failure> {
    let database = place::database(session, args.database.as_deref())?;
    let policy = session
        .client
        .create_backup_policy(&session.org, &database, &args.fields.body())
        .await?;
    let text = format!(
        "Backup policy {} ({}) was created. {}",
        policy.name,
        policy.id,
        next(&policy)
    );
    session.output.done(&text, &policy)
}

async fn update(session: &mut Session<'_>, args: Update) -> Result<(), Failure> {
    let database = args.at.database(session)?;
    let policy = session
        .client
        .update_backup_policy(
            &session.org,
            &database,
            &args.at.policy,
            &args.fields.body(),
        )
        .await?;
    let text = format!(
        "Backup policy {} was changed. {}",
        policy.name,
        next(&policy)
    );
    session.output.done(&text, &policy)
}

async fn delete(session: &mut Session<'_>, args: &Delete) -> Result<(), Failure> {
    let database = args.at.database(session)?;
    let id = &args.at.policy;
    confirm(session, args.force, &format!("backup policy {id}"), id)?;
    session
        .client
        .delete_backup_policy(&session.org, &database, id)
        .await?;
    let text = format!("Backup policy {id} was deleted; its backups stay until they expire.");
    session.output.gone("backup policy", id, &text)
}

fn next(policy: &BackupPolicy) -> String {
    let at = policy.next_run_at.map(|at| at.to_string());
    format!("It runs next at {}.", at.unwrap_or_default())
}
