//! Reading calls: method, form, packing, and messages in both forms.

use super::bind::Values;
use super::encoder::{COMPRESSED, ENVELOPE, Form};
use super::kinds;
use super::messages::{self, BindVariable, Value};
use super::reply::{Failed, JSON, Reason};
use super::s2::{self, S2Error};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http::HeaderMap;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use prost::Message;
use serde::Deserialize;
use std::collections::HashMap;
use std::io::Read;

/// Longest message in bytes, packed or not: MySQL's own default for a statement
/// (`max_allowed_packet`).
pub(super) const MAX_MESSAGE: usize = 64 << 20;

/// The calls there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    CreateSession,
    Execute,
    StreamExecute,
    Prepare,
    CloseSession,
}

impl Method {
    pub(super) const ALL: [Self; 5] = [
        Self::CreateSession,
        Self::Execute,
        Self::StreamExecute,
        Self::Prepare,
        Self::CloseSession,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Method::CreateSession => "CreateSession",
            Method::Execute => "Execute",
            Method::StreamExecute => "StreamExecute",
            Method::Prepare => "Prepare",
            Method::CloseSession => "CloseSession",
        }
    }
}

/// How a call's message travels, and so its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) form: Form,
    pub(super) stream: bool,
}

impl Shape {
    pub(super) fn of(method: Method, headers: &HeaderMap) -> Result<Self, Failed> {
        let content = headers
            .get(CONTENT_TYPE)
            .and_then(|v| v.to_str().ok())
            .unwrap_or("");
        let name = content.split(';').next().unwrap_or("").trim();
        let shape = match name.to_ascii_lowercase().as_str() {
            JSON => (Form::Json, false),
            "application/proto" => (Form::Proto, false),
            "application/connect+json" => (Form::Json, true),
            "application/connect+proto" => (Form::Proto, true),
            _ => {
                return Err(media(format!(
                    "a body of type {content:?} is not read here"
                )));
            }
        };
        let (form, stream) = shape;
        if stream != (method == Method::StreamExecute) {
            let name = method.name();
            return Err(media(format!("{name} does not take {content:?}")));
        }
        Ok(Self { form, stream })
    }

    pub(super) fn content(self) -> &'static str {
        match (self.form, self.stream) {
            (Form::Json, false) => JSON,
            (Form::Proto, false) => "application/proto",
            (Form::Json, true) => "application/connect+json",
            (Form::Proto, true) => "application/connect+proto",
        }
    }
}

fn media(message: String) -> Failed {
    Failed::new(Reason::MediaType, message)
}

fn invalid(message: impl Into<String>) -> Failed {
    Failed::new(Reason::InvalidArgument, message)
}

fn too_long() -> Failed {
    let message = format!("a message may have {MAX_MESSAGE} bytes at most");
    Failed::new(Reason::TooLong, message)
}

/// Username and secret of Basic authentication.
pub(super) fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (username, secret) = text.split_once(':')?;
    Some((username.to_owned(), secret.to_owned()))
}

/// The message of a call, unpacked.
pub(super) async fn message<B>(shape: Shape, headers: &HeaderMap, body: B) -> Result<Bytes, Failed>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    // Two headers for one thing: packing of the whole body, or of each message in a stream.
    let name = match shape.stream {
        true => "connect-content-encoding",
        false => CONTENT_ENCODING.as_str(),
    };
    let packing = headers.get(name).map(|v| v.to_str().unwrap_or("?"));
    let room = MAX_MESSAGE + ENVELOPE;
    let read = Limited::new(body, room).collect().await;
    let body = read.map_err(|e| match e.downcast_ref::<LengthLimitError>() {
        Some(_) => too_long(),
        None => invalid("the body broke off"),
    })?;
    let body = body.to_bytes();
    if !shape.stream {
        return unpack(packing.unwrap_or("identity"), body);
    }
    let Some((head, message)) = body.split_first_chunk::<ENVELOPE>() else {
        return Err(invalid("the message has no envelope"));
    };
    let [flags, a, b, c, d] = *head;
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    if message.len() != length {
        return Err(invalid(
            "the envelope does not say the length of its message",
        ));
    }
    let message = body.slice(ENVELOPE..);
    match flags {
        0 => unpack("identity", message),
        COMPRESSED => unpack(packing.unwrap_or("identity"), message),
        _ => Err(invalid("the envelope has unknown flags")),
    }
}

fn unpack(packing: &str, body: Bytes) -> Result<Bytes, Failed> {
    let bytes = match packing {
        "identity" | "" => body,
        "s2" => match s2::decode(&body, MAX_MESSAGE) {
            Ok(bytes) => bytes.into(),
            Err(S2Error::TooLong(_)) => return Err(too_long()),
            Err(damaged) => return Err(invalid(damaged.to_string())),
        },
        "gzip" => {
            let mut out = Vec::new();
            let limit = MAX_MESSAGE as u64 + 1;
            MultiGzDecoder::new(&body[..])
                .take(limit)
                .read_to_end(&mut out)
                .map_err(|_| invalid("the gzip stream is damaged"))?;
            out.into()
        }
        other => {
            let message = format!("packing {other:?} is not known; use s2, gzip or identity");
            return Err(Failed::new(Reason::Unimplemented, message));
        }
    };
    match bytes.len() <= MAX_MESSAGE {
        true => Ok(bytes),
        false => Err(too_long()),
    }
}

/// What all calls say between them.
#[derive(Debug, Default)]
pub(super) struct Call {
    /// The handle; empty = a new session.
    pub(super) session: Bytes,
    pub(super) query: Bytes,
    pub(super) values: Values,
}

impl Call {
    pub(super) fn read(method: Method, form: Form, message: Bytes) -> Result<Self, Failed> {
        match form {
            Form::Json => Self::json(&message),
            Form::Proto => Self::proto(method, message)
                .map_err(|e| invalid(format!("the message is not understood: {e}"))),
        }
    }

    fn proto(method: Method, message: Bytes) -> Result<Self, prost::DecodeError> {
        let signature = |s: Option<messages::Session>| s.map(|s| s.signature).unwrap_or_default();
        Ok(match method {
            Method::CreateSession => Self::default(),
            Method::Execute | Method::StreamExecute => {
                let m = messages::ExecuteRequest::decode(message)?;
                Self {
                    session: signature(m.session),
                    query: m.query,
                    values: m.bind_variables,
                }
            }
            Method::Prepare => {
                let m = messages::PrepareRequest::decode(message)?;
                Self {
                    session: signature(m.session),
                    query: m.query,
                    values: Values::new(),
                }
            }
            Method::CloseSession => Self {
                session: signature(messages::CloseSessionRequest::decode(message)?.session),
                ..Self::default()
            },
        })
    }

    fn json(message: &[u8]) -> Result<Self, Failed> {
        let message = match message {
            b"" => b"{}",
            some => some,
        };
        let read: Json = serde_json::from_slice(message)
            .map_err(|e| invalid(format!("the message is not understood: {e}")))?;
        let signature = read.session.and_then(|s| s.signature).unwrap_or_default();
        let mut values = Values::new();
        for (name, value) in read.bind_variables.unwrap_or_default() {
            let list = value.values.iter().flatten();
            let list = list.map(|v| {
                Ok(Value {
                    r#type: number(v.r#type.as_ref())?,
                    value: bytes(v.value.as_deref())?,
                })
            });
            let variable = BindVariable {
                r#type: number(value.r#type.as_ref())?,
                value: bytes(value.value.as_deref())?,
                values: list.collect::<Result<_, Failed>>()?,
            };
            values.insert(name, variable);
        }
        Ok(Self {
            session: bytes(Some(&signature))?,
            query: read.query.unwrap_or_default().into_bytes().into(),
            values,
        })
    }
}

/// A message in JSON; members that nobody here knows are passed over.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Json {
    session: Option<JsonSession>,
    query: Option<String>,
    bind_variables: Option<HashMap<String, JsonValue>>,
}

#[derive(Deserialize)]
struct JsonSession {
    signature: Option<String>,
}

#[derive(Deserialize)]
struct JsonValue {
    r#type: Option<serde_json::Value>,
    value: Option<String>,
    values: Option<Vec<JsonValue>>,
}

fn bytes(text: Option<&str>) -> Result<Bytes, Failed> {
    match STANDARD.decode(text.unwrap_or_default()) {
        Ok(bytes) => Ok(bytes.into()),
        Err(_) => Err(invalid("a value of the message is not base64")),
    }
}

/// The number of a type that is given as its name or number.
fn number(given: Option<&serde_json::Value>) -> Result<i32, Failed> {
    let known = match given {
        None => Some(kinds::NULL.number),
        Some(serde_json::Value::String(name)) => kinds::named(name).map(|t| t.number),
        Some(other) => other.as_i64().and_then(|n| i32::try_from(n).ok()),
    };
    known.ok_or_else(|| invalid("a value has an unknown type"))
}

#[cfg(test)]
mod tests;
