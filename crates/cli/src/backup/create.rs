//! `backup create`.

use crate::branch::At;
use crate::failure::Failure;
use crate::output::bytes;
use crate::progress::Progress;
use crate::session::Session;
use clap::Args;
use offshoot_api_types::{Backup, BackupState, CreateBackup};
use offshoot_client::BackupsOf;
use std::time::{Duration, Instant};

/// How often a backup under way is looked at.
const LOOK: Duration = Duration::from_secs(1);

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
    let mut backup = session.client.create_backup(of, &body, None).await?;
    let began = Instant::now();
    while args.wait && !backup.state.ended() {
        tokio::time::sleep(LOOK).await;
        backup = session.client.show_backup(of, &backup.id).await?;
        progress.say(format!(
            "Backing branch {} up: {}, {} s",
            at.branch,
            doing(&backup),
            began.elapsed().as_secs()
        ));
    }
    drop(progress);
    if backup.state == BackupState::Failed {
        let failure = Failure::Backup {
            name: backup.name.clone(),
            reason: backup.failure.clone().unwrap_or_default(),
        };
        if session.output.human() {
            return Err(failure);
        }
        session.output.one(&backup)?;
        return Err(Failure::Reported(Box::new(failure)));
    }
    session.output.done(&sentence(&backup), &backup)
}

fn doing(backup: &Backup) -> &'static str {
    match backup.state {
        BackupState::Pending => "being copied",
        BackupState::Running => "recovering and checking the copy",
        BackupState::Success | BackupState::Failed => "over",
    }
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
