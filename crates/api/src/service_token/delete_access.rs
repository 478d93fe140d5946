//! Takes accesses away; the request has a body.

use crate::access;
use crate::answer::Failure;
use crate::request::{Authenticated, Body, Segments};
use crate::service_token::accesses;
use crate::state::ApiState;
use axum::extract::State;
use axum::http::StatusCode;
use offshoot_api_types::ChangeAccess;
use offshoot_control::{locate, token};

/// Takes accesses away; the request has a body.
#[utoipa::path(
    delete, path = "/v1/organizations/{organization}/service-tokens/{token}/access", tag = "Service tokens", operation_id = "delete_service_token_access",
    request_body = ChangeAccess,
    responses((status = 204, description = "Takes accesses away; the request has a body"))
)]
pub(crate) async fn delete_access(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, id)): Segments<(String, String)>,
    Body(body): Body<ChangeAccess>,
) -> Result<StatusCode, Failure> {
    let control = &state.control;
    let at = locate::token(control, &caller, &org, &id, access::WRITE_TOKENS).await?;
    let accesses = accesses(&body.access)?;
    token::revoke(control, &at, body.database.as_deref(), &accesses).await?;
    Ok(StatusCode::NO_CONTENT)
}
