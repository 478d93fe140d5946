//! `backup archive`: what the store of off-site copies has.

use crate::confirm::confirm;
use crate::failure::Failure;
use crate::session::Session;
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the off-site copies that the store has, whichever server made them
    #[command(visible_alias = "ls")]
    List,
    /// Remove a copy whose backup is not on this server
    #[command(visible_alias = "rm")]
    Delete(Delete),
}

#[derive(Debug, Args)]
pub struct Delete {
    /// Id of the copy
    copy: String,
    /// Delete without a question
    #[arg(long)]
    force: bool,
}

pub(crate) async fn run(session: &mut Session<'_>, command: Command) -> Result<(), Failure> {
    match command {
        Command::List => list(session).await,
        Command::Delete(args) => delete(session, &args).await,
    }
}

pub(crate) async fn list(session: &mut Session<'_>) -> Result<(), Failure> {
    let found = session.client.list_off_site_backups(&session.org).await?;
    // Programs learn of what cannot be read as well.
    if session.output.format == crate::globals::Format::Json {
        return session.output.json(&found);
    }
    let none = format!("{} has no copies under key {}.", found.store, found.key);
    session.output.list(&found.data, &none)?;
    for damaged in &found.unreadable {
        session
            .output
            .note(&format!("It cannot be read: {damaged}"))?;
    }
    if !found.other_keys.is_empty() {
        let keys = found.other_keys.join(", ");
        let text =
            format!("The store has other copies, under key {keys}: they need that key's file.");
        session.output.note(&text)?;
    }
    Ok(())
}

async fn delete(session: &mut Session<'_>, args: &Delete) -> Result<(), Failure> {
    let copy = &args.copy;
    confirm(session, args.force, &format!("off-site copy {copy}"), copy)?;
    let client = &session.client;
    client.delete_off_site_backup(&session.org, copy).await?;
    let text = format!("Off-site copy {copy} is being removed from the store.");
    session.output.gone("copy", copy, &text)
}
