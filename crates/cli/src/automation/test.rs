//! What an event would do, without doing it.

use crate::failure::Failure;
use crate::integration::text;
use crate::place;
use crate::session::Session;
use clap::Args;
use offshoot_api_types::TestAutomation;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(allow_missing_positional = true)]
pub struct Test {
    /// Name or id of the database [default: the project file's]
    database: Option<String>,
    /// Name or id of the automation
    automation: String,
    /// File with the body of an event, as the tool sends it; - is standard input
    #[arg(long, value_name = "FILE")]
    event: PathBuf,
    /// Header that the tool sends with it, such as X-GitHub-Event=milestone
    #[arg(long, value_name = "NAME=VALUE")]
    header: Vec<String>,
}

pub(super) async fn run(session: &mut Session<'_>, args: Test) -> Result<(), Failure> {
    let database = place::database(session, args.database.as_deref())?;
    let text = text(&args.event)?;
    let body = serde_json::from_str(&text).map_err(|error| {
        Failure::usage(
            format!("{}: {error}", args.event.display()),
            "an event is JSON, as the tool sends it",
        )
    })?;
    let headers = args.header.iter().map(|pair| {
        let split = pair.split_once('=').or_else(|| pair.split_once(':'));
        let (name, value) = split.ok_or_else(|| {
            Failure::usage(
                format!("{pair:?} is not a header"),
                "write it as NAME=VALUE",
            )
        })?;
        Ok((name.trim().to_owned(), value.trim().to_owned()))
    });
    let body = TestAutomation {
        headers: headers.collect::<Result<_, Failure>>()?,
        body,
    };
    let tested = session
        .client
        .test_automation(&session.org, &database, &args.automation, &body)
        .await?;
    if !session.output.human() {
        return match session.output.format {
            crate::globals::Format::Json => session.output.json(&tested),
            _ => session.output.list(&tested.effects, ""),
        };
    }
    session
        .output
        .text(&format!("The event says: {}", tested.says))?;
    session
        .output
        .list(&tested.effects, "It does nothing to any branch.")?;
    let tells = tested.effects.iter().filter_map(|e| e.tells.as_deref());
    for told in tells.collect::<Vec<_>>() {
        session
            .output
            .text(&format!("\nWhen it is ready, this tells {told}"))?;
    }
    Ok(())
}
