//! `database delete`.

use crate::confirm::confirm;
use crate::failure::Failure;
use crate::session::Session;
use clap::Args;

#[derive(Debug, Args)]
pub struct Delete {
    /// Name or id
    database: String,
    /// Delete without a question
    #[arg(long)]
    force: bool,
}

pub(crate) async fn run(session: &mut Session<'_>, args: &Delete) -> Result<(), Failure> {
    let name = &args.database;
    let what = format!("database {name} with all its branches");
    confirm(session, args.force, &what, name)?;
    session.client.delete_database(&session.org, name).await?;
    let text = format!("Database {name} was deleted.");
    session.output.gone("database", name, &text)
}
