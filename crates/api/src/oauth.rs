//! Logins of programs (RFC 8628): what the program calls, and the pages that its user confirms on.

pub(crate) mod authorize_device;
mod cookie;
pub(crate) mod device;
mod page;
pub(crate) mod provider;
pub(crate) mod revoke;
pub(crate) mod token;

use crate::answer::Json;
use crate::limit::Limits;
use crate::request::remote;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use offshoot_api_types::OAuthError;
use std::convert::Infallible;
use std::net::IpAddr;

/// Where a request comes from, and what came from there before.
pub(crate) struct Origin {
    pub(super) address: Option<IpAddr>,
    pub(super) limits: Limits,
}

impl<S: Sync> FromRequestParts<S> for Origin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self {
            address: remote(parts),
            limits: parts
                .extensions
                .get::<Limits>()
                .cloned()
                .unwrap_or_default(),
        })
    }
}

/// A refusal in the shape of OAuth (RFC 6749, 5.2).
pub(super) fn refused(error: &str, description: impl Into<String>) -> Response {
    let body = OAuthError {
        error: error.to_owned(),
        error_description: description.into(),
    };
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}
