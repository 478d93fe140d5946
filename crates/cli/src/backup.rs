//! Backups of branches, and the policies that make them.

mod act;
mod archive;
mod create;
mod drill;
mod export;
mod import;
mod list;
mod policy;
mod restore;

use crate::failure::Failure;
use crate::session::Session;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Back a branch up: copied as it is, recovered aside, every row read
    #[command(visible_alias = "b")]
    Create(create::Create),
    /// List the backups of a branch
    #[command(visible_alias = "ls")]
    List(list::List),
    /// Show a backup, with what was checked
    #[command(override_usage = "offshoot backup show [OPTIONS] [DATABASE] [BRANCH] <BACKUP>")]
    Show(act::Show),
    /// Delete a backup; branches that were made of it keep their data
    #[command(visible_alias = "rm")]
    Delete(act::Delete),
    /// Make a branch that starts with what a backup holds
    Restore(restore::Restore),
    /// Change a backup's protection, name or expiry
    Update(act::Update),
    /// Restore a backup aside, read all of it, and compare it with what it held when it was made
    #[command(override_usage = "offshoot backup drill [OPTIONS] [DATABASE] [BRANCH] <BACKUP>")]
    Drill(drill::Run),
    /// List the restore drills of a database
    Drills(drill::List),
    /// Copy a backup off-site, sealed, into the store that the server is configured with
    Export(export::Export),
    /// Make a backup of an off-site copy, also on a machine that knows nothing of it
    Import(import::Import),
    /// What the store of off-site copies has
    #[command(subcommand)]
    Archive(archive::Command),
    /// Backup policies of databases
    #[command(subcommand)]
    Policy(policy::Command),
}

pub(crate) async fn run(session: &mut Session<'_>, command: Command) -> Result<(), Failure> {
    match command {
        Command::Create(args) => create::run(session, args).await,
        Command::List(args) => list::run(session, &args).await,
        Command::Show(args) => act::show(session, &args).await,
        Command::Delete(args) => act::delete(session, &args).await,
        Command::Restore(args) => restore::run(session, args).await,
        Command::Update(args) => act::update(session, args).await,
        Command::Drill(args) => drill::run(session, &args).await,
        Command::Drills(args) => drill::list(session, &args).await,
        Command::Export(args) => export::run(session, &args).await,
        Command::Import(args) => import::run(session, args).await,
        Command::Archive(command) => archive::run(session, command).await,
        Command::Policy(command) => policy::run(session, command).await,
    }
}
