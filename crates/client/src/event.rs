//! The event stream of a branch (server-sent events).

use crate::branch::path;
use crate::error::Error;
use crate::request::Client;
use offshoot_api_types::BranchEvent;
use reqwest::header::ACCEPT;
use reqwest::{Method, Response};
use std::time::Duration;

/// Longer than the server keeps a stream open.
const STREAM_TIMEOUT: Duration = Duration::from_secs(3600);
/// Bytes of one event: a state and a few workflows take some hundred.
const MAX_EVENT: usize = 1 << 20;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// For [`Client::watch_branch`], to go on from here.
    pub id: String,
    /// `branch`, and at the end `deleted` or `failed`.
    pub name: String,
    pub event: BranchEvent,
}

/// A branch's states as they come.
#[derive(Debug)]
pub struct BranchEvents {
    response: Response,
    url: String,
    read: Vec<u8>,
}

impl Client {
    /// The present state first, then each that differs. With the id of the last event seen (`after`)
    /// the present state comes only when it is another one.
    pub async fn watch_branch(
        &self,
        org: &str,
        database: &str,
        branch: &str,
        after: Option<&str>,
    ) -> Result<BranchEvents, Error> {
        let url = self.url(&path(org, database, branch, &["events"]));
        let mut request = self
            .request(Method::GET, url)
            .header(ACCEPT, "text/event-stream")
            .timeout(STREAM_TIMEOUT);
        if let Some(id) = after {
            request = request.header("last-event-id", id);
        }
        let response = self.execute(request).await?;
        Ok(BranchEvents {
            response: self.checked(response).await?,
            url: self.address(),
            read: Vec::new(),
        })
    }
}

impl BranchEvents {
    /// `None` when the server ended the stream: after `deleted` or `failed` for good, else ask again
    /// with the last id.
    pub async fn next(&mut self) -> Result<Option<Told>, Error> {
        loop {
            if let Some(end) = self.read.windows(2).position(|w| w == b"\n\n") {
                let block: Vec<u8> = self.read.drain(..end + 2).collect();
                match parse(&String::from_utf8_lossy(&block)) {
                    Some(Ok(told)) => return Ok(Some(told)),
                    Some(Err(_)) => return Err(self.malformed()),
                    None => continue,
                }
            }
            if self.read.len() > MAX_EVENT {
                return Err(self.malformed());
            }
            let chunk = self.response.chunk().await;
            match chunk.map_err(|source| Error::Broken {
                url: self.url.clone(),
                source: source.without_url(),
            })? {
                Some(bytes) => self.read.extend_from_slice(&bytes),
                None => return Ok(None),
            }
        }
    }

    fn malformed(&self) -> Error {
        Error::Malformed {
            url: self.url.clone(),
            status: self.response.status(),
        }
    }
}

/// `None` for a comment.
fn parse(block: &str) -> Option<Result<Told, serde_json::Error>> {
    let (mut id, mut name, mut data) = (String::new(), String::new(), String::new());
    for line in block.lines() {
        match line.split_once(':') {
            Some(("id", value)) => id = value.trim_start().to_owned(),
            Some(("event", value)) => name = value.trim_start().to_owned(),
            Some(("data", value)) => data.push_str(value.trim_start()),
            _ => {}
        }
    }
    (!data.is_empty()).then(|| serde_json::from_str(&data).map(|event| Told { id, name, event }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_and_comments_are_not() {
        assert!(parse(":\n\n").is_none());
        let data =
            r#"{"id":"b","name":"n","state":"ready","ready":true,"failure":null,"workflows":[]}"#;
        let told = parse(&format!("event: branch\nid: 7\ndata: {data}\n\n"));
        let told = told.unwrap().unwrap();
        assert_eq!(
            (&*told.id, &*told.name, told.event.ready),
            ("7", "branch", true)
        );
        assert!(parse("data: x\n\n").unwrap().is_err());
    }
}
