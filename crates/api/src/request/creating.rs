//! Bodies of creating requests, with what makes a replay of one recognisable.

use super::body::{parse, read};
use crate::answer::Failure;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use offshoot_control::Control;
use offshoot_control::caller::Caller;
use offshoot_control::once::{Asked, Once};
use offshoot_core::Refusal;
use serde::de::DeserializeOwned;

const KEY: &str = "Idempotency-Key";

/// A body as `T`, and the request's `Idempotency-Key`. Bodies are compared byte for byte.
pub(crate) struct Creating<T> {
    pub(crate) body: T,
    pub(crate) key: IdempotencyKey,
}

/// A request without a key makes something every time.
pub(crate) struct IdempotencyKey(Option<Keyed>);

struct Keyed {
    method: String,
    path: String,
    key: String,
    body: Bytes,
}

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Creating<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let key = key(request.headers())?;
        let method = request.method().as_str().to_owned();
        let path = request.uri().path().to_owned();
        let bytes = read(request).await?;
        Ok(Self {
            body: parse(&bytes)?,
            key: IdempotencyKey(key.map(|key| Keyed {
                method,
                path,
                key,
                body: bytes,
            })),
        })
    }
}

impl IdempotencyKey {
    /// Refused where the key came with another body, or its request is under way.
    pub(crate) async fn once(&self, control: &Control, caller: &Caller) -> Result<Once, Refusal> {
        let Some(keyed) = &self.0 else {
            return Ok(Once::unnamed());
        };
        let asked = Asked {
            method: &keyed.method,
            path: &keyed.path,
            key: &keyed.key,
            body: &keyed.body,
        };
        Once::begin(control, caller, asked).await
    }
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let mut all = headers.get_all(KEY).iter();
    let Some(first) = all.next() else {
        return Ok(None);
    };
    match (first.to_str(), all.next()) {
        (Ok(text), None) => Ok(Some(text.trim().to_owned())),
        _ => Err(Refusal::invalid(
            KEY,
            "there is more than one key, or one that is not ASCII",
        )),
    }
}
