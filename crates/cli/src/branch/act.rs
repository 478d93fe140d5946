//! What is done to a branch with one call: show, promote, demote, reset, sleep, wake.

use crate::branch::Named;
use crate::confirm::confirm;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::session::Session;
use crate::tunnel::Place;
use clap::Args;
use offshoot_api_types::{ResetBranch, Seed};
use offshoot_client::Wait;

#[derive(Debug, Args)]
pub struct Reset {
    #[command(flatten)]
    at: Named,
    /// Reset without a question
    #[arg(long)]
    force: bool,
    /// Start again with this [default: with what it started with at first]
    #[arg(long, value_name = "SEED", value_parser = ["schema", "backup", "live"])]
    seed: Option<String>,
    /// Start again with what this backup holds
    #[arg(long, value_name = "BACKUP", conflicts_with = "seed")]
    restore: Option<String>,
    /// Return when the branch is ready again
    #[arg(long)]
    wait: bool,
}

pub(crate) async fn show(session: &mut Session<'_>, at: &Place) -> Result<(), Failure> {
    let client = &session.client;
    let branch = client
        .show_branch(&session.org, &at.database, &at.branch)
        .await?;
    session.output.one(&branch)?;
    if branch.safe_migrations {
        let note = "It has safe migrations: no statement changes its schema.";
        session.output.note(note)?;
    }
    match &branch.failure {
        Some(failure) => session.output.note(&format!("It does not run: {failure}")),
        None => Ok(()),
    }
}

pub(crate) async fn promote(session: &mut Session<'_>, at: &Place) -> Result<(), Failure> {
    let client = &session.client;
    let branch = client
        .promote_branch(&session.org, &at.database, &at.branch)
        .await?;
    let text = format!("Branch {} is a production branch now.", branch.name);
    session.output.done(&text, &branch)
}

pub(crate) async fn demote(session: &mut Session<'_>, at: &Place) -> Result<(), Failure> {
    let client = &session.client;
    let branch = client
        .demote_branch(&session.org, &at.database, &at.branch)
        .await?;
    let text = format!("Branch {} is a development branch now.", branch.name);
    session.output.done(&text, &branch)
}

pub(crate) async fn sleep(session: &mut Session<'_>, at: &Place) -> Result<(), Failure> {
    let client = &session.client;
    let branch = client
        .sleep_branch(&session.org, &at.database, &at.branch)
        .await?;
    let text = format!("Branch {} sleeps; a connection wakes it.", branch.name);
    session.output.done(&text, &branch)
}

pub(crate) async fn wake(session: &mut Session<'_>, at: &Place) -> Result<(), Failure> {
    let watched = session.output.human() && session.output.terminal.watched;
    let progress = Progress::start(watched, format!("Waking branch {}", at.branch));
    let client = &session.client;
    let branch = client
        .wake_branch(&session.org, &at.database, &at.branch)
        .await?;
    drop(progress);
    let text = format!("Branch {} is awake.", branch.name);
    session.output.done(&text, &branch)
}

pub(crate) async fn reset(session: &mut Session<'_>, args: &Reset) -> Result<(), Failure> {
    let Place { database, branch } = &args.at.place(session)?;
    let what = format!("everything in branch {branch}");
    confirm(session, args.force, &what, branch)?;
    let watched = session.output.human() && session.output.terminal.watched;
    let progress = Progress::start(watched, format!("Resetting branch {branch}"));
    let wait = args.wait.then_some(Wait::LONGEST);
    let body = ResetBranch {
        seed: args.seed.clone(),
        backup_id: args.restore.clone(),
    };
    let shown = session
        .client
        .reset_branch(&session.org, database, branch, &body, wait)
        .await?;
    drop(progress);
    let with = match shown.seed {
        Seed::Empty | Seed::Schema => "its parent's schema",
        Seed::Backup => "a backup",
        Seed::Live => "its parent's data",
        Seed::PointInTime => "its parent's data of an earlier time",
    };
    let text = format!("Branch {} starts again with {with}.", shown.name);
    session.output.done(&text, &shown)?;
    if args.wait && !shown.ready {
        return Err(Failure::NotReady { branch: shown.name });
    }
    Ok(())
}
