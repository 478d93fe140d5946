//! Deletes a branch, with its descendants when asked to.

use crate::access;
use crate::answer::Failure;
use crate::request::{Authenticated, IfMatch, Parameters, Segments};
use crate::state::ApiState;
use axum::extract::State;
use axum::http::StatusCode;
use offshoot_control::{branch, locate};

/// Deletes a branch, with its descendants when asked to.
#[utoipa::path(
    delete, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}", tag = "Branches", operation_id = "delete_branch",
    params(("delete_descendants" = Option<bool>, Query, description = "Delete the branches made from it, too; refused otherwise when there are any")
    ),
    responses((status = 204, description = "Deletes a branch, with its descendants when asked to"))
)]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, name)): Segments<(String, String, String)>,
    IfMatch(expected): IfMatch,
    parameters: Parameters,
) -> Result<StatusCode, Failure> {
    let control = &state.control;
    let at = locate::branch(
        control,
        &caller,
        &org,
        &database,
        &name,
        access::DELETE_BRANCH,
    )
    .await?;
    let descendants = parameters.flag("delete_descendants")?.unwrap_or(false);
    branch::delete(control, &at, descendants, &expected).await?;
    Ok(StatusCode::NO_CONTENT)
}
