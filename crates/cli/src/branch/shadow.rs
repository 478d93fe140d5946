//! `branch shadow`: the replica of a production branch from which its copies are taken.

use crate::branch::At;
use crate::confirm::confirm;
use crate::duration::{self, wire, words};
use crate::failure::Failure;
use crate::output::bytes;
use crate::progress::Progress;
use crate::session::Session;
use clap::{ArgGroup, Args, Subcommand};
use offshoot_api_types::{CreateShadow, Shadow, ShadowState, UpdateShadow};
use std::time::{Duration, Instant};

/// How often a shadow that is being made is looked at.
const LOOK: Duration = Duration::from_secs(1);

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Give a production branch a shadow, from which its live branches and backups are taken
    Create(Create),
    /// Show the shadow of a branch, and how far it is behind
    Show(At),
    /// Change how the shadow of a branch follows
    Update(Update),
    /// Take the shadow of a branch away
    #[command(visible_alias = "rm")]
    Delete(Delete),
}

#[derive(Debug, Args)]
pub struct Create {
    #[command(flatten)]
    at: At,
    /// Time after which it is given what the branch committed, 1m to 12h [default: continuously]
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    every: Option<Duration>,
    /// Return when it follows; one that breaks is a failure
    #[arg(long)]
    wait: bool,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("change").required(true))]
pub struct Update {
    #[command(flatten)]
    at: At,
    /// Time after which it is given what the branch committed, 1m to 12h
    #[arg(long, value_name = "TIME", value_parser = duration::parse, group = "change")]
    every: Option<Duration>,
    /// Give it what the branch commits as soon as that is archived
    #[arg(long, group = "change")]
    continuously: bool,
}

#[derive(Debug, Args)]
pub struct Delete {
    #[command(flatten)]
    at: At,
    /// Delete without a question
    #[arg(long)]
    force: bool,
}

pub(crate) async fn run(session: &mut Session<'_>, command: Command) -> Result<(), Failure> {
    match command {
        Command::Create(args) => create(session, &args).await,
        Command::Show(at) => show(session, &at).await,
        Command::Update(args) => update(session, &args).await,
        Command::Delete(args) => delete(session, &args).await,
    }
}

async fn create(session: &mut Session<'_>, args: &Create) -> Result<(), Failure> {
    let at = args.at.place(session)?;
    let watched = session.output.human() && session.output.terminal.watched;
    let doing = format!("Making a shadow of branch {}", at.branch);
    let progress = Progress::start(watched, doing.clone());
    let (client, org) = (&session.client, &session.org);
    let body = CreateShadow {
        every_seconds: args.every.map(wire),
    };
    let made = client.create_shadow(org, &at.database, &at.branch, &body, None);
    let mut shadow = made.await?;
    let began = Instant::now();
    while args.wait && on_its_way(&shadow) {
        tokio::time::sleep(LOOK).await;
        let shown = client.show_shadow(org, &at.database, &at.branch);
        shadow = shown.await?;
        progress.say(format!(
            "{doing}: {}, {} s",
            what(&shadow),
            began.elapsed().as_secs()
        ));
    }
    drop(progress);
    if args.wait && shadow.state == ShadowState::Broken {
        let failure = Failure::Shadow {
            branch: shadow.branch.clone(),
            reason: shadow.failure.clone().unwrap_or_default(),
        };
        if session.output.human() {
            return Err(failure);
        }
        session.output.one(&shadow)?;
        return Err(Failure::Reported(Box::new(failure)));
    }
    session.output.done(&sentence(&shadow), &shadow)
}

async fn show(session: &mut Session<'_>, at: &At) -> Result<(), Failure> {
    at.explain(session)?;
    let at = at.place(session)?;
    let shadow = session
        .client
        .show_shadow(&session.org, &at.database, &at.branch)
        .await?;
    session.output.one(&shadow)?;
    if let Some(failure) = shadow.failure.as_ref().filter(|_| session.output.human()) {
        session
            .output
            .note(&format!("It is {}: {failure}", what(&shadow)))?;
    }
    if let (Some(at), Some(why)) = (shadow.passed_over_at, &shadow.passed_over_reason)
        && session.output.human()
    {
        let branch = &shadow.branch;
        session.output.note(&format!(
            "At {at} a copy was taken of branch {branch} itself: {why}"
        ))?;
    }
    Ok(())
}

async fn update(session: &mut Session<'_>, args: &Update) -> Result<(), Failure> {
    let at = args.at.place(session)?;
    let body = UpdateShadow {
        every_seconds: Some(args.every.map(wire)),
    };
    let shadow = session
        .client
        .update_shadow(&session.org, &at.database, &at.branch, &body)
        .await?;
    let text = format!(
        "The shadow of branch {} follows {}.",
        shadow.branch,
        follows(&shadow)
    );
    session.output.done(&text, &shadow)
}

async fn delete(session: &mut Session<'_>, args: &Delete) -> Result<(), Failure> {
    let at = args.at.place(session)?;
    let what = format!("the shadow of branch {}", at.branch);
    confirm(session, args.force, &what, &at.branch)?;
    session
        .client
        .delete_shadow(&session.org, &at.database, &at.branch)
        .await?;
    let text = format!("Branch {} has no shadow any more.", at.branch);
    session.output.gone("shadow", &at.branch, &text)
}

fn on_its_way(shadow: &Shadow) -> bool {
    matches!(shadow.state, ShadowState::Making | ShadowState::CatchingUp)
}

fn what(shadow: &Shadow) -> String {
    match (shadow.state, shadow.lag_bytes) {
        (ShadowState::Making, _) => "being copied".to_owned(),
        (ShadowState::CatchingUp, Some(left)) => format!("catching up, {} left", bytes(left)),
        (ShadowState::CatchingUp, None) => "catching up".to_owned(),
        (ShadowState::Following, _) => "following".to_owned(),
        (ShadowState::Broken, _) => "broken".to_owned(),
    }
}

fn follows(shadow: &Shadow) -> String {
    let every = shadow.every_seconds.and_then(|s| u64::try_from(s).ok());
    match every {
        Some(seconds) => format!("every {}", words(Duration::from_secs(seconds))),
        None => "continuously".to_owned(),
    }
}

fn sentence(shadow: &Shadow) -> String {
    let (branch, follows) = (&shadow.branch, follows(shadow));
    match shadow.state {
        ShadowState::Following => format!(
            "The shadow of branch {branch} follows {follows}: live branches and backups are taken of it from now on."
        ),
        _ => format!(
            "A shadow of branch {branch} is being made; it will follow {follows}. Until then the branch is copied itself."
        ),
    }
}
