//! A way to a branch for as long as a command runs: a temporary password, and trust in the gateway.
//!
//! Everything that speaks MySQL for the user (`connect`, `shell`, `sql`, imports) goes through
//! [`with`], the one place that makes passwords which nobody has seen. Why the client speaks MySQL
//! itself: `docs/design/0004-client-access.md`.

mod door;
mod login;
mod password;
mod session;
mod trust;
mod upstream;

pub(crate) use door::{Door, Entry, Port};
pub(crate) use trust::{Trust, remote};
pub(crate) use upstream::Stream as Speaker;

use crate::failure::Failure;
use crate::interrupt;
use crate::session::Session;
use offshoot_api_types::Password;
use password::Temporary;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How long a command that was interrupted waits for the answer that it had asked for.
const LAST_WAIT: Duration = Duration::from_secs(5);

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
    /// Where the gateway is, if not where the server says.
    pub(crate) gateway: Option<(String, Option<u16>)>,
}

/// An open way to a branch. The password is renewed in the background.
#[derive(Clone, Debug)]
pub(crate) struct Tunnel {
    current: watch::Receiver<Arc<Password>>,
    trust: Arc<Trust>,
    gateway: Option<(String, Option<u16>)>,
}

impl Tunnel {
    /// Host and port of the gateway.
    pub(crate) fn gateway(&self) -> (String, u16) {
        let at = &self.current.borrow().connection;
        match &self.gateway {
            Some((host, port)) => (host.clone(), port.unwrap_or(at.port)),
            None => (at.host.clone(), at.port),
        }
    }

    /// The password as it is now: a renewal changes its secret, not its username.
    pub(crate) fn password(&self) -> Arc<Password> {
        Arc::clone(&self.current.borrow())
    }

    pub(crate) fn trust(&self) -> &Trust {
        &self.trust
    }
}

/// Runs `work` with a password of its own, which is deleted when the work ends: well, with a
/// failure, or because `ends` is over ([`Failure::Interrupted`]). A command that is killed outright
/// leaves it for the rest of its five minutes.
pub(crate) async fn with<T>(
    session: &mut Session<'_>,
    place: &Place,
    purpose: &Purpose,
    ends: impl Future<Output = ()>,
    work: impl AsyncFnOnce(&mut Session<'_>, Tunnel) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let trust = Arc::new(session.trust.clone());
    let (temporary, current) = match finish(Temporary::make(session, place, purpose)).await? {
        (made, false) => made,
        ((temporary, _), true) => {
            // It expires by itself, at the worst.
            let _ = temporary.delete().await;
            return Err(Failure::Interrupted);
        }
    };
    let gateway = purpose.gateway.clone();
    let tunnel = Tunnel {
        current,
        trust,
        gateway,
    };
    let result = tokio::select! {
        result = work(session, tunnel) => result,
        failure = temporary.keep() => Err(failure),
        () = ends => Err(Failure::Interrupted),
    };
    if let Err(id) = temporary.delete().await {
        let text =
            format!("The temporary password {id} could not be deleted; it expires by itself.");
        session.output.note(&text)?;
    }
    result
}

/// Waits for what is being made, and after Ctrl-C a little longer: what was made can then be
/// deleted. `true`: it was interrupted.
async fn finish<T>(making: impl Future<Output = Result<T, Failure>>) -> Result<(T, bool), Failure> {
    let mut making = pin!(making);
    tokio::select! {
        made = &mut making => return Ok((made?, false)),
        () = interrupt::wait() => {}
    }
    match tokio::time::timeout(LAST_WAIT, making).await {
        Ok(made) => Ok((made?, true)),
        Err(_) => Err(Failure::Interrupted),
    }
}

/// `host`, `host:port`, `[::1]:port`.
pub(crate) fn parse_address(text: &str) -> Result<(String, Option<u16>), String> {
    let bad = || "write host or host:port".to_owned();
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (host, Some(port.parse().map_err(|_| bad())?))
        }
        _ => (text, None),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.is_empty() {
        true => Err(bad()),
        false => Ok((host.to_owned(), port)),
    }
}

#[cfg(test)]
mod tests {
    use super::parse_address;

    #[test]
    fn addresses_are_hosts_with_or_without_ports() {
        for (text, host, port) in [
            ("db.example.com", "db.example.com", None),
            ("db.example.com:7306", "db.example.com", Some(7306)),
            ("[::1]:7306", "::1", Some(7306)),
            ("::1", "::1", None),
        ] {
            assert_eq!(parse_address(text), Ok((host.to_owned(), port)), "{text}");
        }
        for bad in ["", ":7306", "host:x", "host:99999"] {
            assert!(parse_address(bad).is_err(), "{bad}");
        }
    }
}
