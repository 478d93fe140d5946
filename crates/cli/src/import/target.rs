//! A branch that is filled: kept as it is before, completed or taken back after.

use super::{Dump, How, Report, Watch, load};
use crate::failure::Failure;
use crate::interrupt;
use crate::progress::Progress;
use crate::session::Session;
use crate::tunnel::{self, Place, Purpose};
use clap::ValueEnum;
use offshoot_api_types::{CreateImport, Import, ImportState};
use offshoot_client::{Client, ImportsOf, Wait};
use std::sync::Arc;
use std::time::Duration;

/// What becomes of the branch when the dump cannot be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnFailure {
    /// It is what it was before
    Revert,
    /// What was loaded stays
    Keep,
}

/// Renewals within the time that an import stays open: some may fail.
const RENEWALS: u32 = 4;
/// How an import ends when it does not end well.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ending {
    pub(crate) on_failure: OnFailure,
    /// How long it stays open when this program is gone.
    pub(crate) expire_after: Duration,
}

/// How long to wait until the branch's commands have ended, so that it can be kept.
const OPEN: Duration = Duration::from_secs(60);

/// Loads a dump into a branch that is there.
pub(crate) async fn into_branch(
    session: &mut Session<'_>,
    place: &Place,
    dump: &Dump,
    how: &How,
    ending: Ending,
) -> Result<Report, Failure> {
    dump.fits(how)?;
    let (client, org) = (session.client.clone(), session.org.clone());
    let of = ImportsOf {
        org: &org,
        database: &place.database,
        branch: &place.branch,
    };
    let opened = {
        let watched = session.output.human() && session.output.terminal.watched;
        let text = format!("Keeping branch {} as it is", place.branch);
        let _progress = Progress::start(watched, text);
        open(&client, of, ending.expire_after).await?
    };
    let loaded = tokio::select! {
        loaded = fill(session, place, dump, how) => loaded,
        failure = keep_open(&client, of, &opened.id, ending.expire_after / RENEWALS) => Err(failure),
    };
    match loaded {
        Ok(report) => {
            client.complete_import(of, &opened.id).await?;
            Ok(report)
        }
        Err(failure) => {
            let outcome = match ending.on_failure {
                OnFailure::Keep => match client.complete_import(of, &opened.id).await {
                    Ok(_) => format!("Branch {} keeps what was loaded until then.", place.branch),
                    Err(error) => format!("Branch {} is as it was before: {error}.", place.branch),
                },
                OnFailure::Revert => revert(&client, of, &opened.id, &place.branch).await,
            };
            Err(failure.with_outcome(outcome))
        }
    }
}

/// Loads a dump, with a password of its own.
pub(crate) async fn fill(
    session: &mut Session<'_>,
    place: &Place,
    dump: &Dump,
    how: &How,
) -> Result<Report, Failure> {
    dump.fits(how)?;
    let purpose = Purpose {
        command: "import",
        role: Some("admin".to_owned()),
        replica: false,
        gateway: None,
    };
    let watch = Watch::new();
    let seen = Arc::clone(&watch);
    let work = async move |session: &mut Session<'_>, tunnel: tunnel::Tunnel| {
        let loading = load(&tunnel, dump, how, &seen);
        if session.output.human() && session.output.terminal.watched {
            tokio::select! {
                loaded = loading => loaded,
                () = seen.draw(dump.total) => Ok(()),
            }
        } else {
            loading.await
        }
    };
    tunnel::with(session, place, &purpose, interrupt::wait(), work).await?;
    Ok(watch.report(&dump.name, &place.database, &place.branch))
}

async fn open(client: &Client, of: ImportsOf<'_>, ttl: Duration) -> Result<Import, Failure> {
    let body = CreateImport {
        ttl: i64::try_from(ttl.as_secs()).ok(),
    };
    let opened = client.create_import(of, &body, Some(Wait(OPEN))).await?;
    if opened.state == ImportState::Open {
        return Ok(opened);
    }
    // Never open, or only while nobody is left to fill it.
    let _ = client.revert_import(of, &opened.id, None).await;
    Err(Failure::usage(
        format!(
            "branch {} is in use: it cannot be kept as it is while commands and transactions run",
            of.branch
        ),
        "end them and try again",
    ))
}

/// Renews for as long as it is awaited; ends when the import is over.
async fn keep_open(client: &Client, of: ImportsOf<'_>, id: &str, every: Duration) -> Failure {
    loop {
        tokio::time::sleep(every).await;
        if let Err(error) = client.renew_import(of, id).await
            && error.refused().is_some_and(|r| r.status.is_client_error())
        {
            return error.into();
        }
    }
}

async fn revert(client: &Client, of: ImportsOf<'_>, id: &str, branch: &str) -> String {
    let reverting = client.revert_import(of, id, Some(Wait::LONGEST));
    let later = format!("Branch {branch} is being taken back to what it was before.");
    // A second Ctrl-C does not wait for it; the server goes on.
    tokio::select! {
        reverted = reverting => match reverted {
            Ok(import) if import.state == ImportState::Reverted => {
                format!("Branch {branch} is as it was before.")
            }
            Ok(_) => later,
            Err(error) => format!("Branch {branch} is taken back when its import {id} expires: {error}."),
        },
        () = interrupt::wait() => later,
    }
}
