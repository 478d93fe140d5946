//! What surrounds every request: its id, its log line, its metrics, the body of its refusal.

use crate::answer::{Failure, conditional};
use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, IF_NONE_MATCH, RETRY_AFTER};
use axum::http::{HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use offshoot_core::refusal::code;
use offshoot_core::{Kind, Refusal};
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Header that tells the request's id, in every answer.
const REQUEST_ID: &str = "x-request-id";

/// In the extensions of a request that another machine sent without TLS: it is not served.
#[derive(Clone, Copy, Debug)]
pub struct Unprotected;

fn unprotected() -> Response {
    let refusal = Refusal::new(Kind::Forbidden, "plain HTTP is served to this machine only")
        .code(code::PLAIN_HTTP)
        .hint("use https:// on the same port, trusting tls/ca.pem of the server's data directory");
    Failure::from(refusal).into_response()
}

/// Outermost layer. Logs once per request: method, route, status, time; never a query, a header or a body.
pub(crate) async fn observe(request: Request, next: Next) -> Response {
    let id = request_id();
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("-", |path| path.as_str())
        .to_owned();
    let known = request.headers().contains_key(IF_NONE_MATCH);
    let conditions = known.then(|| request.headers().clone());
    let start = Instant::now();
    let mut response = match request.extensions().get::<Unprotected>() {
        Some(Unprotected) => unprotected(),
        None => next.run(request).await,
    };
    let took = start.elapsed();
    match response.extensions_mut().remove::<Failure>() {
        Some(failure) => {
            write_refusal(&mut response, &failure, &id);
            log_refusal(&failure, &id, &method, &route, &response, took);
        }
        None => {
            conditional(&method, &conditions.unwrap_or_default(), &mut response);
            log_answer(&id, &method, &route, &response, took);
        }
    }
    measure(&method, route, &response, took);
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, value);
    }
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

fn write_refusal(response: &mut Response, failure: &Failure, id: &str) {
    *response.body_mut() = Body::from(failure.json(id));
    let headers = response.headers_mut();
    headers.remove(CONTENT_LENGTH);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(seconds) = failure.retry_after() {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
}

fn log_refusal(
    failure: &Failure,
    id: &str,
    method: &Method,
    route: &str,
    response: &Response,
    took: Duration,
) {
    let refusal = failure.refusal();
    let status = response.status().as_u16();
    let ms = milliseconds(took);
    let cause = refusal.cause.as_ref().map(tracing::field::debug);
    if refusal.kind == Kind::Internal {
        tracing::error!(request.id = id, %method, route, status, ms, code = refusal.code, cause, "request failed");
    } else {
        tracing::info!(request.id = id, %method, route, status, ms, code = refusal.code, reason = %refusal.public, cause, "request refused");
    }
}

fn log_answer(id: &str, method: &Method, route: &str, response: &Response, took: Duration) {
    let status = response.status().as_u16();
    let ms = milliseconds(took);
    if method == Method::GET {
        tracing::debug!(request.id = id, %method, route, status, ms, "request");
    } else {
        tracing::info!(request.id = id, %method, route, status, ms, "request");
    }
}

fn measure(method: &Method, route: String, response: &Response, took: Duration) {
    let labels = [
        ("method", known(method).to_owned()),
        ("route", route),
        ("status", response.status().as_u16().to_string()),
    ];
    metrics::counter!("offshoot_http_requests_total", &labels).increment(1);
    metrics::histogram!("offshoot_http_request_seconds", &labels).record(took.as_secs_f64());
}

/// Clients may make methods up; metrics keep to few.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        _ => "other",
    }
}

fn milliseconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 1e6).round() / 1e3
}

/// Sixteen hex digits, different for every request of every run: a counter, hashed with a key that
/// the process drew when it started.
fn request_id() -> String {
    static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!(
        "{:016x}",
        KEY.hash_one(COUNT.fetch_add(1, Ordering::Relaxed))
    )
}
