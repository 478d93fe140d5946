//! `backup drill` and `backup drills`.

use super::act::{At, found, of};
use crate::failure::Failure;
use crate::paging::{Paging, more};
use crate::place;
use crate::progress::{Pace, Progress};
use crate::session::Session;
use clap::Args;
use offshoot_api_types::{Drill, DrillState};
use offshoot_client::WhichDrills;
use std::time::Instant;

#[derive(Debug, Args)]
pub struct Run {
    #[command(flatten)]
    at: At,
    /// Return when it is over; a drill that does not succeed is a failure
    #[arg(long)]
    wait: bool,
}

#[derive(Debug, Args)]
pub struct List {
    /// Name or id of the database [default: the project file's]
    database: Option<String>,
    /// Only those of a backup
    #[arg(long, value_name = "BACKUP")]
    backup: Option<String>,
    /// Only these
    #[arg(long, value_parser = ["pending", "running", "success", "failed", "error"])]
    state: Option<String>,
    #[command(flatten)]
    paging: Paging,
}

pub(crate) async fn run(session: &mut Session<'_>, args: &Run) -> Result<(), Failure> {
    let (at, id) = found(session, &args.at)?;
    let org = session.org.clone();
    let watched = session.output.human() && session.output.terminal.watched;
    let progress = Progress::start(watched, format!("Drilling backup {id}"));
    let (client, began, mut pace) = (&session.client, Instant::now(), Pace::begin());
    let begun = client.create_drill(of(&org, &at), id, None).await?;
    let drill = progress
        .follow(
            begun,
            |drill| !args.wait || drill.state.ended(),
            async |drill| client.show_drill(&org, &at.database, &drill.id).await,
            |drill| {
                let doing = match drill.progress {
                    Some(at) if at.total > 0 => format!("reading all of it, {}", pace.at(at)),
                    _ => "restoring it".to_owned(),
                };
                let took = began.elapsed().as_secs();
                format!("Drilling backup {id}: {doing}, {took} s")
            },
        )
        .await?;
    drop(progress);
    let what = match drill.state {
        DrillState::Failed => "failed",
        DrillState::Error => "was not carried out",
        DrillState::Pending | DrillState::Running | DrillState::Success => {
            return session.output.done(&sentence(&drill), &drill);
        }
    };
    let failure = Failure::Drill {
        name: drill.backup.clone(),
        what,
        reason: drill.failure.clone().unwrap_or_default(),
    };
    session.output.failed(failure, &drill)
}

fn sentence(drill: &Drill) -> String {
    let (id, name, branch) = (&drill.id, &drill.backup, &drill.branch);
    match (&drill.found, drill.restore_ms) {
        (Some(found), Some(took)) => format!(
            "Backup {name} of branch {branch} was restored in {took} ms and is what was backed up: {} tables with {} rows.",
            found.tables, found.rows
        ),
        _ => format!("Drill {id} of backup {name} of branch {branch} was begun."),
    }
}

pub(crate) async fn list(session: &mut Session<'_>, args: &List) -> Result<(), Failure> {
    let database = place::database(session, args.database.as_deref())?;
    let which = WhichDrills {
        backup: args.backup.as_deref(),
        state: args.state.as_deref(),
    };
    let page = session
        .client
        .list_drills(&session.org, &database, which, args.paging.wanted())
        .await?;
    session
        .output
        .list(&page.data, "There are no restore drills.")?;
    more(&page).map_or(Ok(()), |text| session.output.note(&text))
}
