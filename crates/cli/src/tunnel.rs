//! A way to a branch for as long as a command runs: a temporary password, and trust in the gateway.
//!
//! Everything that speaks MySQL for the user (`connect`, `shell`, `sql`, imports) goes through
//! [`with`], the one place that makes passwords which nobody has seen. Why the client speaks MySQL
//! itself: `docs/design/0004-client-access.md`.

mod password;
mod session;
mod trust;

pub(crate) use trust::Trust;

use crate::failure::Failure;
use crate::interrupt;
use crate::session::Session;
use offshoot_api_types::Password;
use password::Temporary;
use std::sync::Arc;
use tokio::sync::watch;

/// The branch that a command works on, by name or id.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) database: String,
    pub(crate) branch: String,
}

/// What the password is for: its name shows in `password list` and in the audit log.
#[derive(Clone, Debug)]
pub(crate) struct Purpose {
    /// The command, such as `sql`.
    pub(crate) command: &'static str,
    /// `None`: admin, or reader where `replica` is set.
    pub(crate) role: Option<String>,
    pub(crate) replica: bool,
}

/// An open way to a branch. The password is renewed in the background.
#[derive(Clone, Debug)]
pub(crate) struct Tunnel {
    current: watch::Receiver<Arc<Password>>,
    trust: Arc<Trust>,
}

impl Tunnel {
    /// The password as it is now: a renewal changes its secret, not its username.
    pub(crate) fn password(&self) -> Arc<Password> {
        Arc::clone(&self.current.borrow())
    }

    pub(crate) fn trust(&self) -> &Trust {
        &self.trust
    }
}

/// Runs `work` with a password of its own, which is deleted when the work ends: well, with a
/// failure, or by Ctrl-C or SIGTERM ([`Failure::Interrupted`]). A command that is killed outright
/// leaves it for the rest of its five minutes.
pub(crate) async fn with<T>(
    session: &mut Session<'_>,
    place: &Place,
    purpose: &Purpose,
    work: impl AsyncFnOnce(&mut Session<'_>, Tunnel) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let trust = Arc::new(session.trust.clone());
    let (temporary, current) = Temporary::make(session, place, purpose).await?;
    let tunnel = Tunnel { current, trust };
    let result = tokio::select! {
        result = work(session, tunnel) => result,
        failure = temporary.keep() => Err(failure),
        () = interrupt::wait() => Err(Failure::Interrupted),
    };
    if let Err(id) = temporary.delete().await {
        let text =
            format!("The temporary password {id} could not be deleted; it expires by itself.");
        session.output.note(&text)?;
    }
    result
}
