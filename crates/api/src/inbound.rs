//! Events that planning tools send. No token: the tool's own signature proves who sends.

use crate::answer::Failure;
use crate::limit::Limits;
use crate::request::{read_up_to, remote};
use crate::state::ApiState;
use axum::Extension;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use offshoot_api_types::Accepted;
use offshoot_control::inbound::{self, Arrived, MAX_BODY, Received};
use offshoot_core::Kind;
use std::time::Instant;

/// An event of a planning tool: stored when it is answered, and worked on afterwards.
#[utoipa::path(
    post, path = "/v1/inbound/{integration}", tag = "Integrations", operation_id = "receive_event",
    request_body(content = String, content_type = "application/json"),
    responses(
        (status = 202, description = "It is stored", body = Accepted),
        (status = 200, description = "It was there already, or the tool looked whether somebody is there", body = Accepted),
    )
)]
pub(crate) async fn receive(
    State(state): State<ApiState>,
    Path(integration): Path<String>,
    Extension(limits): Extension<Limits>,
    request: Request,
) -> Result<Response, Failure> {
    arrive(&state, &integration, &limits, request).await
}

/// What some tools ask before they send events.
#[utoipa::path(
    get, path = "/v1/inbound/{integration}", tag = "Integrations", operation_id = "greet_tool",
    responses((status = 200, description = "Somebody is there", body = String, content_type = "text/plain"))
)]
pub(crate) async fn greet(
    State(state): State<ApiState>,
    Path(integration): Path<String>,
    Extension(limits): Extension<Limits>,
    request: Request,
) -> Result<Response, Failure> {
    arrive(&state, &integration, &limits, request).await
}

async fn arrive(
    state: &ApiState,
    integration: &str,
    limits: &Limits,
    request: Request,
) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    let address = remote(&parts);
    let path = parts.uri.path_and_query().map_or("/", |p| p.as_str());
    let headers = parts.headers.iter().filter_map(|(name, value)| {
        let value = String::from_utf8(value.as_bytes().to_vec()).ok()?;
        Some((name.to_string(), value))
    });
    let arrived = Arrived {
        method: parts.method.to_string(),
        url: format!("{}{path}", state.public_url),
        headers: headers.collect(),
        body: read_up_to(body, MAX_BODY).await?.to_vec(),
    };
    let received = inbound::receive(&state.control, integration, arrived).await;
    let received = received.map_err(|refusal| match refusal.kind {
        Kind::Unauthorized => limits.failure(address, refusal, Instant::now()),
        _ => refusal.into(),
    })?;
    Ok(match received {
        Received::Stored(delivery) => {
            let delivery = Some(delivery.id.to_string());
            (StatusCode::ACCEPTED, Json(Accepted { delivery })).into_response()
        }
        Received::Known => Json(Accepted { delivery: None }).into_response(),
        Received::Shaken(answer) => {
            let mut response = Response::new(Body::from(answer.body));
            *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
            for (name, value) in answer.headers {
                if let Ok(value) = HeaderValue::from_str(&value) {
                    response
                        .headers_mut()
                        .insert(HeaderName::from_static(name), value);
                }
            }
            response
        }
    })
}
