//! Sizes of branches, which `pscale` asks for.

use crate::failure::Failure;
use crate::session::Session;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Sizes of branches
    #[command(subcommand, visible_alias = "clusters")]
    Cluster(Cluster),
}

#[derive(Debug, Subcommand)]
pub enum Cluster {
    /// List sizes; they have names and no meaning, an engine takes what the machine gives it
    #[command(visible_alias = "ls")]
    List,
}

pub(crate) async fn run(session: &mut Session<'_>, command: Command) -> Result<(), Failure> {
    let Command::Cluster(Cluster::List) = command;
    let sizes = session.client.list_cluster_sizes(&session.org).await?;
    session.output.list(&sizes, "There are no sizes.")
}
