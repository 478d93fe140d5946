//! Other servers, and files with credentials, in memory.

use super::World;
use crate::receivers::{Call, Receivers, Reply};
use async_trait::async_trait;
use offshoot_core::Refusal;
use offshoot_core::port::{
    CredentialFiles, Outbound, OutboundRequest, OutboundResponse, PortError, PortResult,
};
use secrecy::{ExposeSecret, SecretString};

#[derive(Clone)]
pub struct FakeOutbound(pub World);

#[derive(Clone)]
pub struct FakeCredentialFiles(pub World);

/// A request that was received, with what was secret about it.
#[derive(Clone, Debug)]
pub struct Sent {
    pub method: &'static str,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Sent {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

impl World {
    /// What other servers were sent, in order.
    pub fn sent(&self) -> Vec<Sent> {
        self.lock().sent.clone()
    }

    /// What the next requests are answered with: status and body; the last one stays.
    pub fn answers(&self, answers: &[(u16, &str)]) {
        let answers = answers.iter().map(|(s, b)| (*s, (*b).to_owned()));
        self.lock().answers = answers.collect();
    }

    /// Every request goes to these.
    pub fn receivers(&self) -> Receivers {
        let mut state = self.lock();
        state.receivers.get_or_insert_default().clone()
    }

    /// Names and contents.
    pub fn credential_files(&self) -> Vec<(String, String)> {
        let state = self.lock();
        let files = state.credential_files.iter();
        files.map(|(n, c)| (n.clone(), c.clone())).collect()
    }
}

#[async_trait]
impl Outbound for FakeOutbound {
    async fn send(&self, request: OutboundRequest) -> PortResult<OutboundResponse> {
        self.0.enter("outbound.send")?;
        let answer = {
            let mut state = self.0.lock();
            let headers = request.headers.iter();
            let headers = headers.map(|(n, v)| (n.clone(), v.expose_secret().to_owned()));
            let sent = Sent {
                method: request.method,
                url: request.url.clone(),
                headers: headers.collect(),
                body: request
                    .body
                    .map(|b| b.expose_secret().to_owned())
                    .unwrap_or_default(),
            };
            state.sent.push(sent.clone());
            match (&state.receivers, state.answers.len()) {
                (Some(receivers), _) => Some(called(receivers, &sent)),
                (None, 0) => None,
                (None, 1) => state.answers.front().cloned().map(plain),
                (None, _) => state.answers.pop_front().map(plain),
            }
        };
        self.0.leave()?;
        let reply = answer.ok_or_else(|| {
            PortError::retry(Refusal::unavailable("no connection to it came about"))
        })?;
        Ok(OutboundResponse {
            status: reply.status,
            headers: reply.headers,
            body: reply.body.into_bytes(),
        })
    }
}

fn plain((status, body): (u16, String)) -> Reply {
    Reply {
        status,
        headers: Vec::new(),
        body,
    }
}

/// Where an API's token is.
const TOKENS: [&str; 3] = ["authorization", "private-token", "x-vault-token"];

fn called(receivers: &Receivers, sent: &Sent) -> Reply {
    let path = sent.url.splitn(4, '/').nth(3).unwrap_or_default();
    receivers.answer(Call {
        method: sent.method,
        path: &format!("/{path}"),
        token: TOKENS
            .iter()
            .find_map(|n| sent.header(n))
            .unwrap_or_default(),
        body: &sent.body,
    })
}

#[async_trait]
impl CredentialFiles for FakeCredentialFiles {
    async fn write(&self, name: &str, content: &SecretString) -> PortResult<()> {
        self.0.enter("credential_files.write")?;
        let content = content.expose_secret().to_owned();
        self.0
            .lock()
            .credential_files
            .insert(name.to_owned(), content);
        self.0.leave()
    }
}
