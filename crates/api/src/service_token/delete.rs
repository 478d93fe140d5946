//! Deletes a service token.

use crate::access;
use crate::answer::Failure;
use crate::request::{Authenticated, IfMatch, Segments};
use crate::state::ApiState;
use axum::extract::State;
use axum::http::StatusCode;
use offshoot_control::{locate, token};

/// Deletes a service token.
#[utoipa::path(
    delete, path = "/v1/organizations/{organization}/service-tokens/{token}", tag = "Service tokens", operation_id = "delete_service_token",
    responses((status = 204, description = "Deletes a service token"))
)]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, id)): Segments<(String, String)>,
    IfMatch(expected): IfMatch,
) -> Result<StatusCode, Failure> {
    let control = &state.control;
    let at = locate::token(control, &caller, &org, &id, access::DELETE_TOKENS).await?;
    token::delete(control, &at, &expected).await?;
    Ok(StatusCode::NO_CONTENT)
}
