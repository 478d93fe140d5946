//! Answers over HTTP: errors of calls in both shapes that the clients know, and bodies.

use super::encoder::{LAST, envelope, json_text};
use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::sync::mpsc;

/// Why a call fails before there is a statement to answer: Connect's codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    Unauthenticated,
    PermissionDenied,
    InvalidArgument,
    /// The message is too long.
    TooLong,
    Unimplemented,
    /// The body is in a form that nobody here reads.
    MediaType,
    Method,
    Unavailable,
}

impl Reason {
    pub(super) fn code(self) -> &'static str {
        match self {
            Reason::Unauthenticated => "unauthenticated",
            Reason::PermissionDenied => "permission_denied",
            Reason::InvalidArgument | Reason::MediaType => "invalid_argument",
            Reason::TooLong => "resource_exhausted",
            Reason::Unimplemented | Reason::Method => "unimplemented",
            Reason::Unavailable => "unavailable",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Reason::Unauthenticated => StatusCode::UNAUTHORIZED,
            Reason::PermissionDenied => StatusCode::FORBIDDEN,
            Reason::InvalidArgument => StatusCode::BAD_REQUEST,
            Reason::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Reason::Unimplemented => StatusCode::NOT_IMPLEMENTED,
            Reason::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Reason::Method => StatusCode::METHOD_NOT_ALLOWED,
            Reason::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// A call that fails.
#[derive(Clone, Debug)]
pub(super) struct Failed {
    pub(super) reason: Reason,
    pub(super) message: String,
}

impl Failed {
    pub(super) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
        }
    }

    /// `code` and `message` stand at the top for Connect's clients, and under `error` for
    /// `@planetscale/database`.
    fn body(&self) -> Vec<u8> {
        let mut pair = format!("\"code\":\"{}\",\"message\":", self.reason.code()).into_bytes();
        json_text(&self.message, &mut pair);
        [b"{", &pair[..], b",\"error\":{", &pair[..], b"}}"].concat()
    }

    pub(super) fn response(&self) -> Response<DataBody> {
        let mut response = json(self.reason.status(), self.body());
        let headers = response.headers_mut();
        match self.reason {
            Reason::Unauthenticated => {
                let value = HeaderValue::from_static("Basic realm=\"branch password\"");
                headers.insert(header::WWW_AUTHENTICATE, value);
            }
            Reason::Method => {
                headers.insert(header::ALLOW, HeaderValue::from_static("POST, OPTIONS"));
            }
            Reason::MediaType => {
                let value = HeaderValue::from_static(
                    "application/json, application/proto, application/connect+proto, application/connect+json",
                );
                headers.insert(HeaderName::from_static("accept-post"), value);
            }
            _ => {}
        }
        response
    }

    /// For a streaming call, whose clients look for errors in the last message.
    pub(super) fn streamed(&self, content: &'static str) -> Response<DataBody> {
        let mut message = format!(
            "{{\"error\":{{\"code\":\"{}\",\"message\":",
            self.reason.code()
        );
        let mut text = Vec::new();
        json_text(&self.message, &mut text);
        message.push_str(&String::from_utf8_lossy(&text));
        message.push_str("}}");
        answer(StatusCode::OK, content, envelope(LAST, message.as_bytes()))
    }
}

pub(super) const JSON: &str = "application/json";

pub(super) fn json(status: StatusCode, body: Vec<u8>) -> Response<DataBody> {
    answer(status, JSON, body.into())
}

pub(super) fn answer(status: StatusCode, content: &'static str, body: Bytes) -> Response<DataBody> {
    with(status, content, DataBody::whole(body))
}

pub(super) fn with(
    status: StatusCode,
    content: &'static str,
    body: DataBody,
) -> Response<DataBody> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let value = HeaderValue::from_static(content);
    response.headers_mut().insert(header::CONTENT_TYPE, value);
    response
}

/// Headers of every answer: any page may call, since a call always brings its credential itself.
pub(super) fn open_to_pages(response: &mut Response<DataBody>) {
    let any = HeaderValue::from_static("*");
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any);
    let value = HeaderValue::from_static("no-store");
    headers.insert(header::CACHE_CONTROL, value);
}

/// What browsers ask before a page's first call.
pub(super) fn preflight() -> Response<DataBody> {
    let mut response = Response::new(DataBody::whole(Bytes::new()));
    *response.status_mut() = StatusCode::NO_CONTENT;
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST, OPTIONS"),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "authorization, content-type, content-encoding, user-agent, connect-protocol-version, \
             connect-timeout-ms, connect-content-encoding, connect-accept-encoding",
        ),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
    ] {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A piece of an answer that is not yet over, or its end.
pub(super) enum Piece {
    More(Bytes),
    Last(Bytes),
}

/// The body of an answer. One that breaks off before its end is an error, never a short answer.
pub struct DataBody {
    ready: Option<Bytes>,
    rest: Option<mpsc::Receiver<Piece>>,
}

impl DataBody {
    pub(super) fn whole(bytes: Bytes) -> Self {
        Self {
            ready: Some(bytes).filter(|b| !b.is_empty()),
            rest: None,
        }
    }

    /// `first`, and what comes of `rest` up to its last piece.
    pub(super) fn streamed(first: Bytes, rest: mpsc::Receiver<Piece>) -> Self {
        Self {
            ready: Some(first).filter(|b| !b.is_empty()),
            rest: Some(rest),
        }
    }
}

impl std::fmt::Debug for DataBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataBody").finish_non_exhaustive()
    }
}

impl Body for DataBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(bytes) = self.ready.take() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        let Some(rest) = &mut self.rest else {
            return Poll::Ready(None);
        };
        Poll::Ready(Some(match ready!(rest.poll_recv(cx)) {
            Some(Piece::More(bytes)) => Ok(Frame::data(bytes)),
            Some(Piece::Last(bytes)) => {
                self.rest = None;
                Ok(Frame::data(bytes))
            }
            None => {
                self.rest = None;
                Err(std::io::Error::other("the answer broke off"))
            }
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.ready.is_none() && self.rest.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let ready = self.ready.as_ref().map_or(0, |b| b.len() as u64);
        match self.rest {
            None => SizeHint::with_exact(ready),
            Some(_) => {
                let mut hint = SizeHint::default();
                hint.set_lower(ready);
                hint
            }
        }
    }
}
