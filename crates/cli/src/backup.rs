//! Backups of branches, and the policies that make them.

mod policy;

use crate::failure::Failure;
use crate::session::Session;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Backup policies of databases
    #[command(subcommand)]
    Policy(policy::Command),
}

pub(crate) async fn run(session: &mut Session<'_>, command: Command) -> Result<(), Failure> {
    match command {
        Command::Policy(command) => policy::run(session, command).await,
    }
}
