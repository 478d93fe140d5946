//! `backup import`: a backup is made of an off-site copy, on any machine that has the store and the
//! key.

use super::archive;
use super::create::failed;
use crate::failure::Failure;
use crate::output::bytes;
use crate::progress::{Pace, Progress};
use crate::session::Session;
use clap::Args;
use offshoot_api_types::{Backup, BackupState, ImportBackup};
use offshoot_client::BackupsOf;

#[derive(Debug, Args)]
pub struct Import {
    /// Id of the copy; without it the command lists what the store has
    copy: Option<String>,
    /// Database that the backup will belong to; made where it is not there [default: named as the backup's was]
    #[arg(long, value_name = "NAME", requires = "copy")]
    database: Option<String>,
    /// Return when the backup has been checked and can be restored
    #[arg(long, requires = "copy")]
    wait: bool,
}

pub(crate) async fn run(session: &mut Session<'_>, args: Import) -> Result<(), Failure> {
    let Some(copy) = args.copy else {
        archive::list(session).await?;
        return session.output.note(
            "Make a backup of one on this server: offshoot backup import <id> [--database <name>] --wait",
        );
    };
    let org = session.org.clone();
    let watched = session.output.human() && session.output.terminal.watched;
    let what = format!("Importing copy {copy}");
    let progress = Progress::start(watched, what.clone());
    let mut pace = Pace::begin();
    let body = ImportBackup {
        database: args.database.clone(),
    };
    let client = &session.client;
    let begun = client.import_backup(&org, &copy, &body, None).await?;
    let database = match args.database {
        Some(name) => name,
        None => name_of(session, &org, &copy).await?,
    };
    let branch = begun.branch.clone();
    let of = BackupsOf {
        org: &org,
        database: &database,
        branch: &branch,
    };
    let client = &session.client;
    let backup = progress
        .follow(
            begun,
            |backup| !args.wait || backup.state.ended(),
            async |backup| client.show_backup(of, &backup.id).await,
            |backup| match (backup.state, backup.progress) {
                (BackupState::Pending, Some(at)) => format!("{what}: {}", pace.at(at)),
                (BackupState::Pending, None) => format!("{what}: waits for its turn"),
                (_, Some(at)) if at.total > 0 => {
                    format!("{what}: checking it, {}", pace.at(at))
                }
                _ => format!("{what}: recovering and checking it"),
            },
        )
        .await?;
    drop(progress);
    match failed(&backup) {
        Some(failure) => session.output.failed(failure, &backup),
        None => session.output.done(&sentence(&backup, &database), &backup),
    }
}

/// The database that a copy's backup belonged to.
async fn name_of(session: &Session<'_>, org: &str, copy: &str) -> Result<String, Failure> {
    let known = session.client.list_off_site_backups(org).await?;
    let found = known.data.into_iter().find(|c| c.id == copy);
    found.map(|c| c.database).ok_or_else(|| {
        Failure::usage(
            format!("copy {copy} is no longer in the store"),
            "list what is there: offshoot backup archive list",
        )
    })
}

fn sentence(backup: &Backup, database: &str) -> String {
    let begun = format!(
        "Backup {} ({}) of branch {}",
        backup.name, backup.id, backup.branch
    );
    let Some(examined) = &backup.examined else {
        return format!("{begun} is being imported into database {database}.");
    };
    format!(
        "{begun} is in database {database} and can be restored: {} tables with {} rows were read and are what they were, {}.\n\
         Make a branch of it: offshoot branch create {database} <name> --restore {} --wait",
        examined.tables,
        examined.rows,
        bytes(backup.size),
        backup.id
    )
}
