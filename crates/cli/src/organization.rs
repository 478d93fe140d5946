//! Organizations.

use crate::failure::Failure;
use crate::session::Session;
use clap::Subcommand;
use offshoot_client::PageOf;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the organizations the service token belongs to
    #[command(visible_alias = "ls")]
    List,
    /// Show the organization that commands work on
    Show,
}

pub(crate) async fn run(session: &mut Session<'_>, command: Command) -> Result<(), Failure> {
    match command {
        Command::List => {
            let page = session.client.list_organizations(PageOf::default()).await?;
            session
                .output
                .list(&page.data, "There are no organizations.")
        }
        Command::Show => {
            let shown = session.client.show_organization(&session.org).await?;
            session.output.one(&shown)
        }
    }
}
