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
        self.renew_every(TTL / 2, RETRY).await
    }

    async fn renew_every(&self, interval: Duration, retry: Duration) -> Failure {
        let mut pause = interval;
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
                    pause = interval;
                }
                Err(error) if error.refused().is_some_and(|r| r.status.is_client_error()) => {
                    return Failure::Client(error);
                }
                Err(_) => pause = retry,
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

    /// Answers each call with the next status and body; remembers the first lines.
    async fn server(answers: Vec<(u16, String)>) -> (String, tokio::task::JoinHandle<Vec<String>>) {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move {
            let mut asked = Vec::new();
            for (status, body) in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut read = Vec::new();
                while !read.windows(4).any(|four| four == b"\r\n\r\n") {
                    assert_ne!(stream.read_buf(&mut read).await.unwrap(), 0);
                }
                let text = String::from_utf8_lossy(&read).into_owned();
                asked.push(text.lines().next().unwrap_or_default().to_owned());
                let head = format!(
                    "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                stream.write_all((head + &body).as_bytes()).await.unwrap();
            }
            asked
        });
        (url, serving)
    }

    fn made(secret: &str) -> Password {
        serde_json::from_value(
            serde_json::json!({"id": "pw0123456789", "name": "x", "role": "admin",
            "cidrs": null, "created_at": "2026-11-25T10:00:00Z", "deleted_at": null,
            "expires_at": null, "last_used_at": null, "expired": false, "direct_vtgate": false,
            "direct_vtgate_addresses": [], "ttl_seconds": 300, "access_host_url": "127.0.0.1",
            "access_host_regional_url": "", "access_host_regional_urls": [], "actor": null,
            "region": null, "username": "u", "plain_text": secret, "replica": false,
            "renewable": true, "database_branch": {"name": "dev", "id": "br", "production": false,
                "mysql_edge_address": "", "private_edge_connectivity": false},
            "connection": {"host": "127.0.0.1", "port": 1, "username": "u", "database": "shop"},
            "last_refused_at": null, "last_refused_reason": null}),
        )
        .unwrap()
    }

    /// A renewal that fails is tried again; one that says the password is gone ends the command.
    #[tokio::test]
    async fn a_password_is_renewed_until_it_is_gone() {
        let gone = r#"{"code":"not_found","message":"it does not exist"}"#;
        let renewed = serde_json::to_string(&made("second")).unwrap();
        let answers = vec![
            (
                503,
                r#"{"code":"unavailable","message":"later"}"#.to_owned(),
            ),
            (200, renewed),
            (404, gone.to_owned()),
            (404, gone.to_owned()),
        ];
        let (url, serving) = server(answers).await;
        let (current, receiver) = watch::channel(Arc::new(made("first")));
        let temporary = Temporary {
            client: Client::new(&url, None).unwrap(),
            org: "default".into(),
            place: Place {
                database: "shop".into(),
                branch: "dev".into(),
            },
            id: "pw0123456789".into(),
            current,
        };
        let ended = temporary
            .renew_every(Duration::from_millis(1), Duration::ZERO)
            .await;
        assert!(matches!(ended, Failure::Client(error) if error.not_found()));
        assert_eq!(receiver.borrow().plain_text.as_deref(), Some("second"));
        assert_eq!(temporary.delete().await, Ok(()));
        let asked = serving.await.unwrap();
        let path = "/v1/organizations/default/databases/shop/branches/dev/passwords/pw0123456789";
        assert_eq!(asked[2], format!("POST {path}/renew HTTP/1.1"));
        assert_eq!(asked[3], format!("DELETE {path} HTTP/1.1"));
    }
}
