//! JSON bodies.

use crate::answer::Failure;
use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use offshoot_core::Refusal;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// Longest body that is read, in bytes: the largest request of this API takes a few KiB.
pub const MAX_BODY: usize = 256 * 1024;

/// A client that sends its body slower than this holds a connection for nothing.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// A body as `T`. Without a body it is an empty object; its media type is not looked at.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        Ok(Self(parse(&read(request).await?)?))
    }
}

/// The whole body, within its limits.
pub(super) async fn read(request: Request) -> Result<Bytes, Failure> {
    read_up_to(request.into_body(), MAX_BODY).await
}

/// A body of another kind, within a limit of its own.
pub(crate) async fn read_up_to(body: axum::body::Body, most: usize) -> Result<Bytes, Failure> {
    let reading = to_bytes(body, most);
    tokio::time::timeout(BODY_TIMEOUT, reading)
        .await
        .map_err(|_| {
            refused("the body did not arrive in time").status(StatusCode::REQUEST_TIMEOUT)
        })?
        .map_err(|_| {
            refused(format!(
                "the body is longer than {most} bytes, or broke off"
            ))
            .status(StatusCode::PAYLOAD_TOO_LARGE)
        })
}

pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    let text = match bytes.trim_ascii() {
        b"" => b"{}",
        text if text.starts_with(b"{") => text,
        _ => return Err(refused("the body is not a JSON object")),
    };
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        if inner.is_data() && path != "." {
            Failure::field(path, format!("the body does not fit: {inner}"))
        } else {
            refused(format!(
                "the body is not the JSON that is expected: {inner}"
            ))
        }
    })?;
    reader.end().map_err(|error| {
        refused(format!(
            "the body is not the JSON that is expected: {error}"
        ))
    })?;
    Ok(value)
}

fn refused(message: impl Into<String>) -> Failure {
    Failure::from(Refusal::invalid("body", message).hint("see /openapi.json for its shape"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use offshoot_api_types::CreateBranch;

    #[test]
    fn a_body_that_does_not_fit_names_its_field() {
        let wrong = |text: &str| {
            let failure = parse::<CreateBranch>(text.as_bytes()).unwrap_err();
            failure.field_name().unwrap_or_default().to_owned()
        };
        assert_eq!(wrong(r#"{"ttl":"soon"}"#), "ttl");
        assert_eq!(wrong(r#"{"ttl":1.5}"#), "ttl");
        assert_eq!(wrong(r#"{"password":{"ttl":[]}}"#), "password.ttl");
        assert_eq!(wrong(r#"{"labels":{"a":1}}"#), "labels.a");
        for text in ["{", "[]", "null", "{} {}", "\"a\"", "\u{0}"] {
            assert_eq!(wrong(text), "body", "{text}");
        }
        assert!(parse::<CreateBranch>(b" ").is_ok());
    }
}
