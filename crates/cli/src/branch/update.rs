//! What changes at a branch: name, labels, expiry, sleep, limits, protection.

use crate::branch::At;
use crate::duration::{self, wire, words};
use crate::failure::Failure;
use crate::label::{self, Change};
use crate::limit::{self, Connections, Quota};
use crate::place;
use crate::session::Session;
use crate::switch;
use crate::tunnel::Place;
use clap::{ArgGroup, Args};
use jiff::SignedDuration;
use offshoot_api_types::UpdateBranch;
use std::time::Duration;

#[derive(Debug, Args)]
#[command(override_usage = "offshoot branch rename [OPTIONS] [DATABASE] <BRANCH> <NEW_NAME>")]
pub struct Rename {
    /// Database (not needed where the project file names it), branch, new name
    #[arg(required = true, num_args = 2..=3, value_name = "NAME")]
    names: Vec<String>,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("change").required(true).multiple(true))]
pub struct Update {
    #[command(flatten)]
    at: At,
    /// Time from now after which the branch is deleted, such as 14d
    #[arg(long, value_name = "TIME", value_parser = duration::parse, group = "change", conflicts_with_all = ["expires_at", "never_expires"])]
    ttl: Option<Duration>,
    /// Moment at which the branch is deleted, such as 2026-12-31T18:00:00Z
    #[arg(
        long,
        value_name = "TIME",
        group = "change",
        conflicts_with = "never_expires"
    )]
    expires_at: Option<String>,
    /// Keep the branch
    #[arg(long, group = "change")]
    never_expires: bool,
    /// Idle time after which it sleeps, 0 = never
    #[arg(long, value_name = "TIME", value_parser = duration::parse, group = "change")]
    sleep_after: Option<Duration>,
    /// Run its events, or not, from its next wake on
    #[arg(long, value_name = "on|off", value_parser = switch::parse, group = "change")]
    event_scheduler: Option<bool>,
    /// Clients that may be connected at once, or default
    #[arg(long, value_name = "N", value_parser = limit::connections, group = "change")]
    max_connections: Option<Connections>,
    /// Memory, cores and connections, such as PS_20: see `offshoot size list`
    #[arg(long, alias = "cluster-size", value_name = "SIZE", group = "change")]
    size: Option<String>,
    /// What its data may take on disk, such as 5G, or none, or default
    #[arg(long, value_name = "SIZE", value_parser = limit::quota, group = "change")]
    disk_quota: Option<Quota>,
}

#[derive(Debug, Args)]
pub struct Labels {
    /// Name or id of the database
    database: String,
    /// Name or id of the branch
    branch: String,
    /// name=value sets a label, name- takes it away
    #[arg(value_name = "NAME=VALUE", value_parser = label::parse_change)]
    changes: Vec<Change>,
}

pub(crate) async fn rename(session: &mut Session<'_>, args: Rename) -> Result<(), Failure> {
    let (at, new_name) = place::before(session, &args.names)?;
    let body = UpdateBranch {
        new_name: Some(new_name.to_owned()),
        ..UpdateBranch::default()
    };
    let text = format!("Branch {} was renamed.", at.branch);
    change(session, &at, body, &text).await
}

pub(crate) async fn update(session: &mut Session<'_>, args: Update) -> Result<(), Failure> {
    let at = args.at.place(session)?;
    let expires_at = match (args.ttl, args.expires_at, args.never_expires) {
        (Some(ttl), _, _) => Some(Some(after(session, ttl)?)),
        (None, Some(time), _) => Some(Some(time)),
        (None, None, true) => Some(None),
        (None, None, false) => None,
    };
    if let Some(size) = &args.size {
        let client = &session.client;
        client
            .resize_branch(&session.org, &at.database, &at.branch, size)
            .await?;
    }
    let body = UpdateBranch {
        expires_at,
        sleep_after_seconds: args.sleep_after.map(|d| Some(wire(d))),
        event_scheduler: args.event_scheduler,
        max_connections: args.max_connections.map(|n| n.0),
        disk_quota_bytes: args.disk_quota.map(|n| n.0),
        ..UpdateBranch::default()
    };
    let mut text = format!("Branch {} was changed.", at.branch);
    if let Some(ttl) = args.ttl {
        text.push_str(&format!(" It is deleted after {}.", words(ttl)));
    }
    change(session, &at, body, &text).await
}

pub(crate) async fn labels(session: &mut Session<'_>, args: Labels) -> Result<(), Failure> {
    let (database, branch) = (&args.database, &args.branch);
    let mut shown = session
        .client
        .show_branch(&session.org, database, branch)
        .await?;
    if !args.changes.is_empty() {
        label::apply(&mut shown.labels, args.changes);
        let body = UpdateBranch {
            labels: Some(shown.labels),
            ..UpdateBranch::default()
        };
        shown = session
            .client
            .update_branch(&session.org, database, branch, &body)
            .await?;
    }
    let lines: Vec<String> = shown
        .labels
        .iter()
        .map(|(k, v)| format!("{k}={v}"))
        .collect();
    let text = if lines.is_empty() {
        format!("Branch {} has no labels.", shown.name)
    } else {
        lines.join("\n")
    };
    session.output.done(&text, &shown)
}

pub(crate) async fn protect(
    session: &mut Session<'_>,
    at: &Place,
    protected: bool,
) -> Result<(), Failure> {
    let body = UpdateBranch {
        deletion_protected: Some(protected),
        ..UpdateBranch::default()
    };
    let text = if protected {
        format!("Branch {} is protected from deletion.", at.branch)
    } else {
        format!("Branch {} can be deleted.", at.branch)
    };
    change(session, at, body, &text).await
}

async fn change(
    session: &mut Session<'_>,
    at: &Place,
    body: UpdateBranch,
    text: &str,
) -> Result<(), Failure> {
    let branch = session
        .client
        .update_branch(&session.org, &at.database, &at.branch, &body)
        .await?;
    session.output.done(text, &branch)
}

fn after(session: &Session<'_>, ttl: Duration) -> Result<String, Failure> {
    let too_far = || Failure::usage("that time is too far away", "write a time like 14d");
    let ttl = SignedDuration::try_from(ttl).map_err(|_| too_far())?;
    let moment = session.output.now().checked_add(ttl);
    moment.map(|t| t.to_string()).map_err(|_| too_far())
}
