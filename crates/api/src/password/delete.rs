//! Deletes a password and ends its sessions.

use crate::access;
use crate::answer::Failure;
use crate::request::{Authenticated, IfMatch, Segments};
use crate::state::ApiState;
use axum::extract::State;
use axum::http::StatusCode;
use offshoot_control::{locate, password};

/// Deletes a password and ends its sessions.
#[utoipa::path(
    delete, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/passwords/{password}", tag = "Passwords", operation_id = "delete_password",
    responses((status = 204, description = "Deletes a password and ends its sessions"))
)]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, branch, id)): Segments<(String, String, String, String)>,
    IfMatch(expected): IfMatch,
) -> Result<StatusCode, Failure> {
    let control = &state.control;
    let needs = access::DELETE_PASSWORD;
    let at = locate::password(control, &caller, &org, &database, &branch, &id, needs).await?;
    password::delete(control, &at, &expected).await?;
    Ok(StatusCode::NO_CONTENT)
}
