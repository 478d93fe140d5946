//! The audit log.

use crate::failure::Failure;
use crate::session::Session;
use crate::web::Web;
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List what was done, newest first
    #[command(visible_alias = "ls")]
    List(List),
}

#[derive(Debug, Args)]
pub struct List {
    /// Only these actions, such as branch.created
    #[arg(long, value_name = "ACTION", value_delimiter = ',')]
    action: Vec<String>,
    /// Go on after the entry with this id
    #[arg(long, value_name = "ID")]
    starting_after: Option<String>,
    /// Number of entries, at most 100
    #[arg(long, value_name = "N")]
    limit: Option<u32>,
    #[command(flatten)]
    web: Web,
}

pub(crate) async fn run(session: &mut Session<'_>, command: Command) -> Result<(), Failure> {
    let Command::List(list) = command;
    list.web.explain(session)?;
    let slice = session
        .client
        .list_audit_log(
            &session.org,
            &list.action,
            list.starting_after.as_deref(),
            list.limit,
        )
        .await?;
    session.output.list(&slice.data, "There are no entries.")?;
    match (&slice.cursor_end, slice.has_next) {
        (Some(id), true) => session
            .output
            .note(&format!("There are more: --starting-after {id}")),
        _ => Ok(()),
    }
}
