//! The one place where a refusal becomes an HTTP status and a code of PlanetScale's clients.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use offshoot_api_types::{ErrorBody, OAuthError};
use offshoot_core::refusal::code;
use offshoot_core::{Kind, Refusal};
use std::sync::Arc;

/// A refusal on its way to the client. [`crate::observe`] writes its body and logs its cause.
#[derive(Clone, Debug)]
pub(crate) struct Failure(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    refusal: Refusal,
    status: StatusCode,
    /// A field that is only known at run time, such as `labels.a`.
    path: Option<String>,
    /// Seconds after which trying again makes sense, where they are known.
    after: Option<u32>,
}

/// Status and code by kind.
fn mapped(kind: Kind) -> (StatusCode, &'static str) {
    match kind {
        Kind::NotFound => (StatusCode::NOT_FOUND, "not_found"),
        Kind::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized"),
        // The clients know one code for both; the status tells them apart.
        Kind::Forbidden => (StatusCode::FORBIDDEN, "unauthorized"),
        Kind::Invalid => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_params"),
        Kind::Unprocessable => (StatusCode::UNPROCESSABLE_ENTITY, "unprocessable"),
        Kind::Conflict => (StatusCode::CONFLICT, "conflict"),
        Kind::Exhausted => (StatusCode::SERVICE_UNAVAILABLE, "exhausted"),
        Kind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        Kind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
    }
}

impl Failure {
    /// A malformed field whose name is found while reading.
    pub(crate) fn field(path: String, public: impl Into<String>) -> Self {
        let refusal = Refusal::new(Kind::Invalid, public);
        Self::new(refusal, None, Some(path))
    }

    /// Another status than that of the kind.
    pub(crate) fn status(self, status: StatusCode) -> Self {
        match Arc::try_unwrap(self.0) {
            Ok(inner) => Self(Arc::new(Inner { status, ..inner })),
            Err(shared) => Self(shared),
        }
    }

    /// Seconds for `Retry-After`.
    pub(crate) fn after(self, seconds: u32) -> Self {
        match Arc::try_unwrap(self.0) {
            Ok(inner) => Self(Arc::new(Inner {
                after: Some(seconds),
                ..inner
            })),
            Err(shared) => Self(shared),
        }
    }

    pub(crate) fn refusal(&self) -> &Refusal {
        &self.0.refusal
    }

    pub(crate) fn field_name(&self) -> Option<&str> {
        self.0.path.as_deref().or(self.0.refusal.place())
    }

    /// What the client reads. A fault of ours tells nothing but the request's id.
    pub(crate) fn body(&self, request_id: &str) -> ErrorBody {
        let refusal = &self.0.refusal;
        let internal = refusal.kind == Kind::Internal;
        ErrorBody {
            code: mapped(refusal.kind).1.to_owned(),
            message: if internal {
                format!("an internal error occurred (request {request_id})")
            } else {
                refusal.public.clone()
            },
            error_code: Some(refusal.code.to_owned()),
            hint: if internal {
                Some("the server's log has the cause under this request id".to_owned())
            } else {
                refusal.hint.clone()
            },
            field: self.field_name().map(str::to_owned),
            request_id: Some(request_id.to_owned()),
        }
    }

    /// The body as it is written. For sessions that are over it has the shape by which `pscale` knows that.
    pub(crate) fn json(&self, request_id: &str) -> Vec<u8> {
        let refusal = &self.0.refusal;
        let written = match refusal.code {
            code::SESSION => serde_json::to_vec(&OAuthError {
                error: "invalid_token".to_owned(),
                error_description: refusal.public.clone(),
            }),
            _ => serde_json::to_vec(&self.body(request_id)),
        };
        written.unwrap_or_default()
    }

    /// Seconds after which trying again makes sense.
    pub(crate) fn retry_after(&self) -> Option<u32> {
        if self.0.after.is_some() {
            return self.0.after;
        }
        match self.0.refusal.kind {
            Kind::Exhausted => Some(5),
            Kind::Unavailable => Some(1),
            Kind::Conflict if self.0.refusal.code == code::IN_FLIGHT => Some(1),
            _ => None,
        }
    }

    fn new(refusal: Refusal, status: Option<StatusCode>, path: Option<String>) -> Self {
        let status = status.unwrap_or_else(|| match refusal.code {
            // Nobody but HTTP tells it from other conflicts.
            code::CHANGED => StatusCode::PRECONDITION_FAILED,
            _ => mapped(refusal.kind).0,
        });
        Self(Arc::new(Inner {
            refusal,
            status,
            path,
            after: None,
        }))
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal, None, None)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = self.0.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_of_ours_tells_a_request_id_only() {
        let failure = Failure::from(Refusal::internal("secret path /x").hint("no"));
        let body = failure.body("req1");
        assert!(!serde_json::to_string(&body).unwrap().contains("/x"));
        assert_eq!(body.request_id.as_deref(), Some("req1"));
        assert_eq!(failure.into_response().status(), 500);
    }

    #[test]
    fn kinds_become_what_clients_know() {
        let of = |kind| {
            let failure = Failure::from(Refusal::new(kind, "x"));
            (failure.0.status.as_u16(), failure.body("r").code)
        };
        assert_eq!(of(Kind::NotFound), (404, "not_found".into()));
        assert_eq!(of(Kind::Unauthorized), (401, "unauthorized".into()));
        assert_eq!(of(Kind::Forbidden), (403, "unauthorized".into()));
        assert_eq!(of(Kind::Invalid), (422, "invalid_params".into()));
        assert_eq!(of(Kind::Unprocessable), (422, "unprocessable".into()));
        assert_eq!(of(Kind::Conflict), (409, "conflict".into()));
        assert_eq!(of(Kind::Exhausted), (503, "exhausted".into()));
    }
}
