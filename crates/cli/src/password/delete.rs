//! `password delete`.

use crate::confirm::confirm;
use crate::failure::Failure;
use crate::password::find::{by_name, find};
use crate::session::Session;
use clap::Args;

#[derive(Debug, Args)]
pub struct Delete {
    /// Name or id of the database
    database: String,
    /// Name or id of the branch
    branch: String,
    /// Id or name of the password
    #[arg(required_unless_present = "name")]
    password: Option<String>,
    /// Name of the password
    #[arg(long, conflicts_with = "password")]
    name: Option<String>,
    /// Delete without a question
    #[arg(long)]
    force: bool,
}

pub(crate) async fn run(session: &mut Session<'_>, args: &Delete) -> Result<(), Failure> {
    let (database, branch) = (&args.database, &args.branch);
    let shown = args.password.as_deref().or(args.name.as_deref());
    let shown = shown.unwrap_or_default();
    confirm(session, args.force, &format!("password {shown}"), shown)?;
    let password = match &args.name {
        Some(name) => by_name(session, database, branch, name).await?,
        None => find(session, database, branch, shown).await?,
    };
    session
        .client
        .delete_password(&session.org, database, branch, &password.id)
        .await?;
    let text = format!("Password {shown} was deleted; its sessions end.");
    session.output.gone("password", shown, &text)
}
