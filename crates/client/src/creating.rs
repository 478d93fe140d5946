//! Requests that make something: sent again when the connection broke, under one key, so that it is
//! made once all the same.

use crate::branch::Wait;
use crate::error::Error;
use crate::request::Client;
use reqwest::{Method, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// Tries in all: a server that restarts is back within seconds.
const TRIES: u32 = 4;
/// Before the second try; doubles with each further one.
const PAUSE: Duration = Duration::from_millis(500);
/// The first try is still under way on the server.
const IN_FLIGHT: &str = "OFS-1108";

impl Client {
    /// A secret in the answer is that of the last try: an earlier one no longer works.
    pub(crate) async fn create<B: Serialize, T: DeserializeOwned>(
        &self,
        url: Url,
        body: &B,
        wait: Option<Wait>,
    ) -> Result<T, Error> {
        let key = key();
        let mut pause = PAUSE;
        for tried in 1.. {
            let mut request = self.request(Method::POST, url.clone()).json(body);
            if let Some(key) = &key {
                request = request.header("idempotency-key", key);
            }
            match self.read(Wait::asked(wait, request)).await {
                Err(error) if key.is_some() && tried < TRIES && again(&error, tried) => {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                answer => return answer,
            }
        }
        unreachable!("the last try returns")
    }
}

/// Whether another try makes sense. A server that was not there from the beginning is not waited for.
fn again(error: &Error, tried: u32) -> bool {
    match error {
        Error::Broken { .. } => true,
        Error::Unreachable { .. } => tried > 1,
        Error::Refused(refused) => tried > 1 && refused.error_code.as_deref() == Some(IN_FLIGHT),
        _ => false,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a name for one request, that no other client gives"
)]
fn key() -> Option<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).ok()?;
    Some(bytes.iter().map(|b| format!("{b:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// The head of a request, in lower case.
    async fn head(stream: &mut tokio::net::TcpStream) -> String {
        let mut read = Vec::new();
        while !read.windows(4).any(|w| w == b"\r\n\r\n") {
            assert!(stream.read_buf(&mut read).await.unwrap() > 0);
        }
        String::from_utf8_lossy(&read).to_lowercase()
    }

    fn key_of(head: &str) -> &str {
        let line = head
            .lines()
            .find_map(|l| l.strip_prefix("idempotency-key: "));
        line.expect("a key")
    }

    #[tokio::test]
    async fn a_broken_request_is_sent_again_under_its_key() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let server = async {
            let (mut first, _) = listener.accept().await.unwrap();
            let one = head(&mut first).await;
            drop(first);
            let (mut second, _) = listener.accept().await.unwrap();
            let two = head(&mut second).await;
            let answer = "HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}";
            second.write_all(answer.as_bytes()).await.unwrap();
            assert_eq!(key_of(&one), key_of(&two));
            assert_eq!(key_of(&one).len(), 32);
        };
        let client = Client::new(&base, None).unwrap();
        let url = client.url(&["organizations"]);
        let body = serde_json::json!({"name": "a"});
        let call = client.create::<_, serde_json::Value>(url, &body, None);
        let ((), made) = tokio::join!(server, call);
        assert_eq!(made.unwrap(), serde_json::json!({}));
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_not_waited_for() {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", free.local_addr().unwrap());
        drop(free);
        let client = Client::new(&base, None).unwrap();
        let url = client.url(&["organizations"]);
        let refused = client.create::<_, serde_json::Value>(url, &(), None).await;
        assert!(matches!(refused, Err(Error::Unreachable { .. })));
        let broken = again(&refused.unwrap_err(), 2);
        assert!(broken, "once it was there, it is waited for");
    }
}
