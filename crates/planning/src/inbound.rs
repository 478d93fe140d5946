//! What planning tools send: shaken hands with, verified, told apart, read.
//!
//! In this order, for each request to an integration's address: [`handshake`], [`verify`],
//! [`delivery_key`] and the kept request ([`Request::kept`]) go into the database, then the tool has its
//! answer; [`parse`] comes afterwards and may be repeated.

use crate::settings::Settings;
use crate::signature::hex;
pub use crate::signature::{TOLERANCE, Unverified};
use jiff::Timestamp;
use offshoot_core::iteration::Observation;
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use std::fmt;

/// No body of a tool that says something of an iteration or a pull request is larger.
pub const BODY_LIMIT: usize = 1 << 20;

/// A request as it arrived.
#[derive(Clone)]
pub struct Request {
    /// `POST`
    pub method: String,
    /// The address as the tool was given it, with scheme, host and query: some sign it.
    pub url: String,
    /// In the order of arrival; names in any case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// Without headers, body and query: all of them may hold secrets.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.url.split('?').next().unwrap_or_default();
        write!(f, "{} {url} of {} bytes", self.method, self.body.len())
    }
}

impl Request {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// What is kept of it to read it later: all that [`parse`] looks at, and nothing that is secret.
    pub fn kept(&self, settings: &Settings) -> Request {
        let names = settings.tool().adapter().event_headers();
        let wanted = |name: &str| {
            name.eq_ignore_ascii_case("content-type")
                || names.iter().any(|n| n.eq_ignore_ascii_case(name))
        };
        Request {
            method: self.method.clone(),
            url: self.url.split('?').next().unwrap_or_default().to_owned(),
            headers: self
                .headers
                .iter()
                .filter(|(name, _)| wanted(name))
                .cloned()
                .collect(),
            body: self.body.clone(),
        }
    }
}

/// What a handshake is answered with. Whether the tool may be believed was looked at.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    /// A secret that the tool made, to be kept with the integration's webhook secrets before the answer goes.
    pub keep: Option<SecretString>,
}

impl Answer {
    /// 200 and nothing else.
    pub(crate) fn empty() -> Self {
        Self {
            status: 200,
            headers: Vec::new(),
            body: Vec::new(),
            keep: None,
        }
    }
}

/// The answer to a request by which the tool looks whether somebody is there; `None` for all others. It is
/// answered at once, and nothing of it is a delivery. GitHub's ping is signed, and so a delivery that is
/// ignored.
pub fn handshake(
    settings: &Settings,
    secrets: &[SecretString],
    request: &Request,
) -> Option<Result<Answer, Unverified>> {
    settings
        .tool()
        .adapter()
        .handshake(settings, secrets, request)
}

/// Whether the request comes from the tool: signed with one of `secrets` in the tool's way.
///
/// # Errors
/// Why not; nothing of the request is to be believed then.
pub fn verify(
    settings: &Settings,
    secrets: &[SecretString],
    request: &Request,
    now: Timestamp,
) -> Result<(), Unverified> {
    let scheme = settings.tool().adapter().scheme(settings);
    scheme.verify(secrets, request, now)
}

/// What tells a delivery from others, and is the same when the tool sends it again: the tool's own id of it,
/// else a digest of the body. At most 200 bytes.
pub fn delivery_key(settings: &Settings, request: &Request) -> String {
    let header = settings.tool().adapter().delivery_header(settings);
    let id = header.and_then(|name| request.header(name)).map(str::trim);
    match id.filter(|id| !id.is_empty()) {
        Some(id) if id.len() <= 190 => format!("id:{id}"),
        Some(id) => format!("id-sha256:{}", hex(&Sha256::digest(id))),
        None => format!("sha256:{}", hex(&Sha256::digest(&request.body))),
    }
}

/// What a delivery says.
#[derive(Clone, Debug, PartialEq)]
pub enum Parsed {
    /// What it says of iterations.
    Observed(Vec<Observation>),
    /// Something changed, and the event does not say what: the API is to be asked ([`crate::poll`]).
    Look(Look),
    /// It is no business of the integration's; why.
    Ignored(String),
    /// It is not what the tool is known to send; what is missing or wrong.
    Invalid(String),
}

/// What is to be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    pub what: crate::poll::What,
    /// What the event said.
    pub reason: String,
}

/// Reads a delivery, or what was [`Request::kept`] of it. The same request always reads the same.
pub fn parse(settings: &Settings, request: &Request, received_at: Timestamp) -> Parsed {
    settings
        .tool()
        .adapter()
        .parse(settings, request, received_at)
}
