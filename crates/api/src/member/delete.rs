//! Removes a member: deletes the user.

use crate::access;
use crate::answer::Failure;
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use axum::http::StatusCode;
use offshoot_control::{locate, member};

/// Deletes a user, with all their sessions. Refused for the last administrator.
#[utoipa::path(
    delete, path = "/v1/organizations/{organization}/members/{member}", tag = "Organizations", operation_id = "remove_member",
    responses((status = 204, description = "The user is gone"))
)]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((name, id)): Segments<(String, String)>,
) -> Result<StatusCode, Failure> {
    let needs = access::WRITE_ORGANIZATION;
    let at = locate::organization(&state.control, &caller, &name, needs).await?;
    member::delete(&state.control, &at, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
