//! Regions.

use crate::failure::Failure;
use crate::session::Session;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List regions
    #[command(visible_alias = "ls")]
    List,
}

pub(crate) async fn run(session: &mut Session<'_>, command: Command) -> Result<(), Failure> {
    let Command::List = command;
    let page = session.client.list_regions(&session.org).await?;
    session.output.list(&page.data, "There are no regions.")
}
