//! Takes the shadow of a branch away.

use crate::access;
use crate::answer::Failure;
use crate::request::{Authenticated, IfMatch, Segments};
use crate::state::ApiState;
use axum::extract::State;
use axum::http::StatusCode;
use offshoot_control::{locate, shadow};

/// Takes the shadow of a production branch away; branches and backups that were taken of it stay.
#[utoipa::path(
    delete, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/shadow", tag = "Branches", operation_id = "delete_shadow",
    responses((status = 204, description = "From now on the branch is copied itself"))
)]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, branch)): Segments<(String, String, String)>,
    IfMatch(expected): IfMatch,
) -> Result<StatusCode, Failure> {
    let control = &state.control;
    let needs = access::WRITE_SHADOW;
    let at = locate::branch(control, &caller, &org, &database, &branch, needs).await?;
    shadow::delete(control, &at, &expected).await?;
    Ok(StatusCode::NO_CONTENT)
}
