//! Iterations as planning tools announced them, with what was made of them.

use crate::failure::Failure;
use crate::paging::{Paging, more};
use crate::session::Session;
use clap::{Args, Subcommand};
use offshoot_api_types::{Iteration, IterationTold};
use offshoot_client::WhichIterations;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List iterations, the newest first
    #[command(visible_alias = "ls")]
    List(List),
    /// Show an iteration, with its branches and the links to their credentials
    Show(Show),
}

#[derive(Debug, Args)]
pub struct List {
    /// Only those of one integration, by name or id
    #[arg(long, value_name = "NAME")]
    integration: Option<String>,
    /// Only those that are that far
    #[arg(long, value_parser = ["planned", "started", "ended", "deleted"])]
    state: Option<String>,
    #[command(flatten)]
    paging: Paging,
}

#[derive(Debug, Args)]
pub struct Show {
    /// Id of the iteration
    iteration: String,
}

pub(crate) async fn run(session: &mut Session<'_>, command: Command) -> Result<(), Failure> {
    match command {
        Command::List(args) => list(session, args).await,
        Command::Show(args) => show(session, &args).await,
    }
}

async fn list(session: &mut Session<'_>, args: List) -> Result<(), Failure> {
    let which = WhichIterations {
        integration: args.integration,
        state: args.state,
    };
    let page = session
        .client
        .list_iterations(&session.org, &which, args.paging.wanted())
        .await?;
    session
        .output
        .list(&page.data, "No iterations are known.")?;
    more(&page).map_or(Ok(()), |text| session.output.note(&text))
}

async fn show(session: &mut Session<'_>, args: &Show) -> Result<(), Failure> {
    let found = session
        .client
        .show_iteration(&session.org, &args.iteration)
        .await?;
    session.output.one(&found)?;
    session.output.note(&details(&found))
}

/// What no column has room for.
fn details(found: &Iteration) -> String {
    let mut lines = Vec::new();
    for made in &found.branches {
        let branch = made.branch.as_deref().unwrap_or("no branch");
        let mut line = format!(
            "{}/{branch} by {}: {}",
            made.database, made.automation, made.state
        );
        if let Some(reason) = &made.reason {
            line.push_str(&format!(" ({reason})"));
        }
        lines.push(line);
        for credential in &made.credentials {
            let mut line = format!(
                "  credential {}, by {}: {}",
                credential.name, credential.deliver, credential.state
            );
            if let Some(link) = &credential.link {
                line.push_str(&format!(", opens once: {link}"));
            }
            if let Some(failure) = &credential.failure {
                line.push_str(&format!(
                    " ({} tries, the last: {failure})",
                    credential.attempts
                ));
            }
            lines.push(line);
        }
        lines.extend(made.told.iter().map(|told| format!("  {}", place(told))));
    }
    lines.extend(found.note.as_ref().map(place));
    lines.join("\n")
}

/// What people were told in one place.
fn place(told: &IterationTold) -> String {
    let mut line = match told.told_at {
        Some(at) => format!("{} told at {at}", told.place),
        None => format!("{} not told", told.place),
    };
    if let Some(failure) = &told.failure {
        line.push_str(&format!(" ({} tries, the last: {failure})", told.attempts));
    }
    line
}
