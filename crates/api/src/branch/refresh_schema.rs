//! Asks for a fresh look at a branch's schema. It is read from the engine each time, so there is nothing to refresh.

use crate::access;
use crate::answer::Failure;
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use axum::http::StatusCode;
use offshoot_control::locate;

/// Nothing to do: a schema is read from the engine each time.
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/refresh-schema", tag = "Branches", operation_id = "refresh_branch_schema",
    responses((status = 204, description = "The schema is fresh: it is read from the engine each time"))
)]
pub(crate) async fn refresh_schema(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, name)): Segments<(String, String, String)>,
) -> Result<StatusCode, Failure> {
    let control = &state.control;
    locate::branch(
        control,
        &caller,
        &org,
        &database,
        &name,
        access::READ_BRANCH,
    )
    .await?;
    Ok(StatusCode::NO_CONTENT)
}
