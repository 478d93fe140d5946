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
    /// Make a credential anew and deliver it; the earlier one stays good until its own end
    Resend(Resend),
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

#[derive(Debug, Args)]
pub struct Resend {
    /// Id of the iteration
    iteration: String,
    /// Name of the credential in the rule, or its id
    credential: String,
    /// Only of this automation, where several made a branch of the iteration
    #[arg(long, value_name = "NAME")]
    automation: Option<String>,
}

pub(crate) async fn run(session: &mut Session<'_>, command: Command) -> Result<(), Failure> {
    match command {
        Command::List(args) => list(session, args).await,
        Command::Show(args) => show(session, &args).await,
        Command::Resend(args) => resend(session, &args).await,
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

async fn resend(session: &mut Session<'_>, args: &Resend) -> Result<(), Failure> {
    let found = session
        .client
        .show_iteration(&session.org, &args.iteration)
        .await?;
    let id = chosen(&found, args)?.id.clone();
    let made = session
        .client
        .resend_credential(&session.org, &args.iteration, &id)
        .await?;
    if !session.output.human() {
        return session.output.json(&made);
    }
    let mut text = format!(
        "Credential {} was made anew; it is delivered to {}.",
        made.name, made.destination
    );
    if let Some(link) = &made.link {
        text = format!(
            "Credential {} was made anew. This link opens once:\n  {link}",
            made.name
        );
    }
    session.output.text(&text)
}

/// The credential that is meant: the newest of its name.
fn chosen<'a>(
    found: &'a Iteration,
    args: &Resend,
) -> Result<&'a offshoot_api_types::IterationCredential, Failure> {
    let wanted = |automation: &str| args.automation.as_deref().is_none_or(|a| a == automation);
    let branches = found.branches.iter().filter(|b| wanted(&b.automation));
    let fits: Vec<_> = branches
        .filter_map(|b| {
            let mut all = b.credentials.iter();
            let fits = all.find(|c| c.name == args.credential || c.id == args.credential)?;
            Some((b, fits))
        })
        .collect();
    match fits[..] {
        [(_, credential)] => Ok(credential),
        [] => Err(Failure::usage(
            format!(
                "no branch of iteration {} has a credential {}",
                found.id, args.credential
            ),
            format!("see what there is: offshoot iteration show {}", found.id),
        )),
        _ => {
            let names: Vec<_> = fits.iter().map(|(b, _)| &*b.automation).collect();
            Err(Failure::usage(
                format!("several branches have a credential {}", args.credential),
                format!(
                    "name the automation with --automation: {}",
                    names.join(", ")
                ),
            ))
        }
    }
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
            let way = match credential.deliver.as_str() {
                "link" => "by link".to_owned(),
                _ => format!("to {}", credential.destination),
            };
            let mut line = format!("  credential {}", credential.name);
            if credential.generation > 1 {
                line.push_str(&format!(" (number {})", credential.generation));
            }
            line.push_str(&format!(", {way}: {}", credential.state));
            if let Some(link) = &credential.link {
                line.push_str(&format!(", opens once: {link}"));
            }
            if let Some(failure) = &credential.failure {
                line.push_str(&format!(
                    " ({} tries, the last: {failure})",
                    credential.attempts
                ));
                if let Some(at) = credential.retry_at {
                    line.push_str(&format!("; tried again at {at}"));
                }
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
