//! Deletes a database with all its branches.

use crate::access;
use crate::answer::Failure;
use crate::request::{Authenticated, IfMatch, Segments};
use crate::state::ApiState;
use axum::extract::State;
use axum::http::StatusCode;
use offshoot_control::{database, locate};

/// Deletes a database with all its branches.
#[utoipa::path(
    delete, path = "/v1/organizations/{organization}/databases/{database}", tag = "Databases", operation_id = "delete_database",
    responses((status = 204, description = "Deletes a database with all its branches"))
)]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, name)): Segments<(String, String)>,
    IfMatch(expected): IfMatch,
) -> Result<StatusCode, Failure> {
    let control = &state.control;
    let at = locate::database(control, &caller, &org, &name, access::DELETE_DATABASE).await?;
    database::delete(control, &at, &expected).await?;
    Ok(StatusCode::NO_CONTENT)
}
