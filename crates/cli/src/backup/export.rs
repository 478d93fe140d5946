//! `backup export`: a copy of a backup where this machine's fate does not reach it.

use super::act::{At, found, of};
use crate::failure::Failure;
use crate::output::bytes;
use crate::progress::{Pace, Progress};
use crate::session::Session;
use clap::Args;
use offshoot_api_types::{Backup, CopyState};

#[derive(Debug, Args)]
#[command(override_usage = "offshoot backup export [OPTIONS] [DATABASE] [BRANCH] <BACKUP>")]
pub struct Export {
    #[command(flatten)]
    at: At,
    /// Return when the copy is in the store
    #[arg(long)]
    wait: bool,
}

pub(crate) async fn run(session: &mut Session<'_>, args: &Export) -> Result<(), Failure> {
    let (at, id) = found(session, &args.at)?;
    let org = session.org.clone();
    let of = of(&org, &at);
    let watched = session.output.human() && session.output.terminal.watched;
    let what = format!("Copying backup {id} off-site");
    let progress = Progress::start(watched, what.clone());
    let mut pace = Pace::begin();
    let client = &session.client;
    let begun = client.export_backup(of, id).await?;
    let backup = progress
        .follow(
            begun,
            |backup| !args.wait || ended(backup),
            async |_| client.show_backup(of, id).await,
            |backup| match backup.progress {
                Some(at) => format!("{what}: {}", pace.at(at)),
                None => format!("{what}: waits for its turn"),
            },
        )
        .await?;
    drop(progress);
    match failed(&backup) {
        Some(failure) => session.output.failed(failure, &backup),
        None => session.output.done(&sentence(&backup), &backup),
    }
}

fn ended(backup: &Backup) -> bool {
    backup
        .off_site
        .as_ref()
        .is_none_or(|copy| copy.state.ended())
}

fn failed(backup: &Backup) -> Option<Failure> {
    let copy = backup.off_site.as_ref()?;
    (copy.state == CopyState::Failed).then(|| Failure::Export {
        name: backup.name.clone(),
        reason: copy.failure.clone().unwrap_or_default(),
    })
}

fn sentence(backup: &Backup) -> String {
    let name = &backup.name;
    match &backup.off_site {
        Some(copy) if copy.state == CopyState::Exported => format!(
            "Backup {name} ({}) is in {}: {}, for which {} were sent.",
            backup.id,
            copy.store,
            bytes(copy.bytes),
            bytes(copy.stored)
        ),
        _ => format!(
            "Backup {name} ({}) is being copied off-site; `offshoot backup show` says how far it is.",
            backup.id
        ),
    }
}
