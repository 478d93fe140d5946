//! Organizations.

use crate::config;
use crate::failure::Failure;
use crate::session::Session;
use clap::{Args, Subcommand};
use offshoot_client::PageOf;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the organizations the service token belongs to
    #[command(visible_alias = "ls")]
    List,
    /// Show the organization that commands work on
    Show,
    /// Choose the organization that commands work on, in the config file
    Switch(Switch),
}

#[derive(Debug, Args)]
pub struct Switch {
    /// Name of the organization
    organization: String,
    /// Config file to write [default: the one that is read]
    #[arg(long, value_name = "FILE")]
    save_config: Option<PathBuf>,
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
        Command::Switch(args) => switch(session, args).await,
    }
}

async fn switch(session: &mut Session<'_>, args: Switch) -> Result<(), Failure> {
    let client = &session.client;
    let shown = client.show_organization(&args.organization).await?;
    let named = args.save_config.or_else(|| session.config.clone());
    let path = config::save_org(named, &shown.name)?;
    let text = format!(
        "Commands work on organization {} ({}).",
        shown.name,
        path.display()
    );
    session.output.done(&text, &shown)?;
    // What counts more than the config file, and says otherwise.
    match session.project.org.as_deref() {
        Some(org) if org != shown.name => session.output.note(&format!(
            "In this directory {org} counts: .offshoot.yml says so."
        )),
        _ => Ok(()),
    }
}
