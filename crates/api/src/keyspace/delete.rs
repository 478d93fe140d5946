//! Deletes a keyspace.

use crate::access;
use crate::answer::Failure;
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use axum::http::StatusCode;
use offshoot_control::{keyspace, locate};

/// Deletes a keyspace: drops the MySQL schema with all that is in it. The database's own is refused.
#[utoipa::path(
    delete, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/keyspaces/{keyspace}", tag = "Keyspaces", operation_id = "remove_keyspace",
    responses((status = 204, description = "The keyspace is gone"))
)]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, branch, name)): Segments<(String, String, String, String)>,
) -> Result<StatusCode, Failure> {
    let control = &state.control;
    let needs = access::DELETE_BRANCH;
    let at = locate::branch(control, &caller, &org, &database, &branch, needs).await?;
    keyspace::delete(control, &at, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
