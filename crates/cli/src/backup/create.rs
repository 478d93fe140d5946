//! `backup create`.

use crate::branch::At;
use crate::failure::Failure;
use crate::output::bytes;
use crate::progress::{Pace, Progress};
use crate::session::Session;
use clap::Args;
use offshoot_api_types::{Backup, BackupState, CreateBackup};
use offshoot_client::BackupsOf;
use std::time::Instant;

#[derive(Debug, Args)]
pub struct Create {
    #[command(flatten)]
    at: At,
    /// Name of the backup [default: the time]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// How many units it is kept [default: until it is deleted]
    #[arg(long, value_name = "N")]
    retention_value: Option<i64>,
    /// Unit of the retention [default: day]
    #[arg(long, value_name = "UNIT", value_parser = ["hour", "day", "week", "month", "year"])]
    retention_unit: Option<String>,
    /// Return when it has been checked and can be restored
    #[arg(long)]
    wait: bool,
}

pub(crate) async fn run(session: &mut Session<'_>, args: Create) -> Result<(), Failure> {
    let at = args.at.place(session)?;
    let org = session.org.clone();
    let of = BackupsOf {
        org: &org,
        database: &at.database,
        branch: &at.branch,
    };
    let watched = session.output.human() && session.output.terminal.watched;
    let progress = Progress::start(watched, format!("Backing branch {} up", at.branch));
    let body = CreateBackup {
        name: args.name,
        retention_unit: args.retention_unit,
        retention_value: args.retention_value,
    };
    let began = Instant::now();
    let mut pace = Pace::begin();
    let client = &session.client;
    let begun = client.create_backup(of, &body, None).await?;
    let backup = progress
        .follow(
            begun,
            |backup| !args.wait || backup.state.ended(),
            async |backup| client.show_backup(of, &backup.id).await,
            |backup| {
                let (doing, took) = (doing(backup, &mut pace), began.elapsed().as_secs());
                format!("Backing branch {} up: {doing}, {took} s", at.branch)
            },
        )
        .await?;
    drop(progress);
    match failed(&backup) {
        Some(failure) => session.output.failed(failure, &backup),
        None => session.output.done(&sentence(&backup), &backup),
    }
}

fn doing(backup: &Backup, pace: &mut Pace) -> String {
    let what = match backup.state {
        BackupState::Pending => "being copied",
        BackupState::Running => "recovering and checking the copy",
        BackupState::Success | BackupState::Failed => "over",
    };
    match backup.progress {
        Some(at) if at.total > 0 => format!("{what}, {}", pace.at(at)),
        _ => what.to_owned(),
    }
}

pub(super) fn failed(backup: &Backup) -> Option<Failure> {
    (backup.state == BackupState::Failed).then(|| Failure::Backup {
        name: backup.name.clone(),
        reason: backup.failure.clone().unwrap_or_default(),
    })
}

fn sentence(backup: &Backup) -> String {
    let mut text = format!(
        "Backup {} ({}) of branch {}",
        backup.name, backup.id, backup.branch
    );
    let Some(examined) = &backup.examined else {
        text.push_str(" was begun.");
        return text;
    };
    text.push_str(&format!(
        " can be restored: {} tables with {} rows were read and checked, {}.",
        examined.tables,
        examined.rows,
        bytes(backup.size)
    ));
    text.push_str(&copied(backup));
    text
}

/// How the branch fared meanwhile.
fn copied(backup: &Backup) -> String {
    let Some(copied) = &backup.copied else {
        return String::new();
    };
    match copied.method.as_str() {
        "frozen" => format!(" The branch stood still for {} ms.", copied.pause_ms),
        "hot_copy" => " The branch's engine made the copy itself, without standing still.".into(),
        "asleep" => " The branch slept on.".into(),
        _ => " The branch was not touched.".into(),
    }
}
