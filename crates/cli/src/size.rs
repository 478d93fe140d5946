//! Sizes of branches.

use crate::failure::Failure;
use crate::session::Session;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List sizes, with what a branch of each may have
    #[command(visible_alias = "ls")]
    List,
    /// The same, where `pscale` has it
    #[command(subcommand, hide = true, alias = "clusters")]
    Cluster(Cluster),
}

#[derive(Debug, Subcommand)]
pub enum Cluster {
    /// List sizes
    #[command(visible_alias = "ls")]
    List,
}

pub(crate) async fn run(session: &mut Session<'_>, command: Command) -> Result<(), Failure> {
    match command {
        Command::List | Command::Cluster(Cluster::List) => {
            let sizes = session.client.list_cluster_sizes(&session.org).await?;
            session.output.list(&sizes, "There are no sizes.")
        }
    }
}
