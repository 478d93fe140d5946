//! JSON bodies with their entity tags.
//!
//! A tag is `"<revision>.<digest of the body>"`; lists have no revision. `If-None-Match` looks at the
//! whole of it, `If-Match` at the revision alone, which moves with what people change: a branch
//! that fell asleep since it was read can still be changed.

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use offshoot_control::revision::Revision;
use offshoot_core::Refusal;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Like `axum::Json`, with an `ETag`.
pub(crate) struct Json<T> {
    body: T,
    revision: Option<Revision>,
}

/// A list, or something that nobody changes.
#[expect(
    non_snake_case,
    reason = "used as the constructor of a tuple struct is"
)]
pub(crate) fn Json<T>(body: T) -> Json<T> {
    Json {
        body,
        revision: None,
    }
}

impl<T> Json<T> {
    /// A thing at a revision.
    pub(crate) fn at(revision: Revision, body: T) -> Self {
        Self {
            body,
            revision: Some(revision),
        }
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        let Ok(bytes) = serde_json::to_vec(&self.body) else {
            let refusal = Refusal::internal("an answer is not JSON");
            return super::Failure::from(refusal).into_response();
        };
        let tag = tag(self.revision.as_ref(), &bytes);
        let mut response = Response::new(Body::from(bytes));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            headers.insert(ETAG, tag);
        }
        response
    }
}

fn tag(revision: Option<&Revision>, body: &[u8]) -> String {
    use std::fmt::Write;
    /// Bytes of the digest: far more than two states of one thing need to differ.
    const LENGTH: usize = 12;
    let digest: [u8; 32] = Sha256::digest(body).into();
    let mut text = String::with_capacity(48);
    text.push('"');
    if let Some(revision) = revision {
        let _ = write!(text, "{revision}");
    }
    text.push('.');
    for byte in &digest[..LENGTH] {
        let _ = write!(text, "{byte:02x}");
    }
    text.push('"');
    text
}

/// The members of `If-Match` and `If-None-Match`, as they stand. Our tags have no comma in them.
pub(crate) fn entity_tags<'a>(
    values: impl Iterator<Item = &'a HeaderValue>,
) -> impl Iterator<Item = &'a str> {
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

/// Tags belong to what GET, PATCH and PUT answer; a GET whose caller has it already is answered with 304.
pub(crate) fn conditional(method: &Method, headers: &HeaderMap, response: &mut Response) {
    if *method != Method::GET && *method != Method::HEAD {
        if *method != Method::PATCH && *method != Method::PUT {
            response.headers_mut().remove(ETAG);
        }
        return;
    }
    let Some(tag) = response.headers().get(ETAG).and_then(|t| t.to_str().ok()) else {
        return;
    };
    // The weak comparison (RFC 9110, 13.1.2).
    let known = entity_tags(headers.get_all(IF_NONE_MATCH).iter())
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag);
    if known && response.status() == StatusCode::OK {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::empty();
        response.headers_mut().remove(CONTENT_TYPE);
        response.headers_mut().remove(CONTENT_LENGTH);
    }
}
