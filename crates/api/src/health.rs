//! What a supervisor and a metrics collector ask: `/healthz`, `/readyz`, `/metrics`.

use crate::answer::Failure;
use crate::state::ApiState;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use offshoot_core::Refusal;

/// The process answers.
#[utoipa::path(
    get, path = "/healthz", tag = "Health", operation_id = "healthz",
    responses((status = 200, description = "The process answers", body = String, content_type = "text/plain"))
)]
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// The server can do its work.
#[utoipa::path(
    get, path = "/readyz", tag = "Health", operation_id = "readyz",
    responses((status = 200, description = "The server can do its work", body = String, content_type = "text/plain"))
)]
pub(crate) async fn readyz(State(state): State<ApiState>) -> Result<&'static str, Failure> {
    state.control.ready().await?;
    Ok("ready\n")
}

/// Metrics in Prometheus' text format.
#[utoipa::path(
    get, path = "/metrics", tag = "Health", operation_id = "metrics",
    responses((status = 200, description = "Metrics in Prometheus' text format", body = String, content_type = "text/plain"))
)]
pub(crate) async fn metrics(State(state): State<ApiState>) -> Result<Response, Failure> {
    let render = state
        .metrics
        .as_ref()
        .ok_or_else(|| Refusal::not_found("/metrics"))?;
    let content_type = (CONTENT_TYPE, "text/plain; version=0.0.4");
    Ok(([content_type], render()).into_response())
}
