//! The temporary password: made, renewed at half its time, deleted.

use crate::failure::Failure;
use crate::session::Session;
use crate::tunnel::{Place, Purpose};
use jiff::Timestamp;
use offshoot_api_types::{CreatePassword, Password};
use offshoot_client::Client;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Time to live. What a command that was killed leaves behind is gone after it.
const TTL: Duration = Duration::from_secs(300);
/// After a renewal that failed, how long until the next: eight tries before the time is over.
const RETRY: Duration = Duration::from_secs(TTL.as_secs() / 16);
/// How long an ending command waits for the deletion.
const DELETE_WAIT: Duration = Duration::from_secs(5);

pub(crate) struct Temporary {
    client: Client,
    org: String,
    place: Place,
    id: String,
    current: watch::Sender<Arc<Password>>,
}

impl Temporary {
    pub(crate) async fn make(
        session: &Session<'_>,
        place: &Place,
        purpose: &Purpose,
    ) -> Result<(Self, watch::Receiver<Arc<Password>>), Failure> {
        let (client, org) = (session.client.clone(), session.org.clone());
        let body = CreatePassword {
            name: Some(name(purpose.command, session.output.now())),
            role: purpose.role.clone(),
            ttl: i64::try_from(TTL.as_secs()).ok(),
            cidrs: None,
            replica: purpose.replica.then_some(true),
        };
        let made = client
            .create_password(&org, &place.database, &place.branch, &body)
            .await?;
        let id = made.id.clone();
        let (current, receiver) = watch::channel(Arc::new(made));
        let place = place.clone();
        let temporary = Self {
            client,
            org,
            place,
            id,
            current,
        };
        Ok((temporary, receiver))
    }

    /// Renews for as long as it is awaited. Ends when the password is gone for good: somebody
    /// deleted it, or its branch.
    pub(crate) async fn keep(&self) -> Failure {
        let mut pause = TTL / 2;
        loop {
            tokio::time::sleep(pause).await;
            let Place { database, branch } = &self.place;
            let renewed = self
                .client
                .renew_password(&self.org, database, branch, &self.id)
                .await;
            match renewed {
                Ok(password) => {
                    self.current.send_replace(Arc::new(password));
                    pause = TTL / 2;
                }
                Err(error) if error.refused().is_some_and(|r| r.status.is_client_error()) => {
                    return Failure::Client(error);
                }
                Err(_) => pause = RETRY,
            }
        }
    }

    /// Ends its sessions. Gone already is as good; else the id is returned for the user.
    pub(crate) async fn delete(self) -> Result<(), String> {
        let Place { database, branch } = &self.place;
        let deleting = self
            .client
            .delete_password(&self.org, database, branch, &self.id);
        match tokio::time::timeout(DELETE_WAIT, deleting).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) if error.not_found() => Ok(()),
            _ => Err(self.id),
        }
    }
}

/// `offshoot-sql-2026-11-25-k3x9ab`: the end tells apart what was made on one day.
fn name(command: &str, now: Timestamp) -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut rest = now.as_nanosecond().unsigned_abs();
    let mut end = String::new();
    for _ in 0..6 {
        end.push(char::from(DIGITS[(rest % 36) as usize]));
        rest /= 36;
    }
    format!("offshoot-{command}-{}-{end}", now.strftime("%Y-%m-%d"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_for_and_when_and_differ() {
        let now: Timestamp = "2026-11-25T10:00:00.000000001Z".parse().unwrap();
        let later: Timestamp = "2026-11-25T10:00:00.000000002Z".parse().unwrap();
        let made = name("sql", now);
        assert!(made.starts_with("offshoot-sql-2026-11-25-"), "{made}");
        assert_eq!(made.len(), "offshoot-sql-2026-11-25-".len() + 6);
        assert_ne!(made, name("sql", later));
    }
}
