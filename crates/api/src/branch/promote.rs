//! Makes a branch a production branch.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::Branch;
use offshoot_control::{branch, locate};

/// Makes a branch a production branch.
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/promote", tag = "Branches", operation_id = "promote_branch",
    responses((status = 200, description = "Makes a branch a production branch", body = Branch))
)]
pub(crate) async fn promote(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, name)): Segments<(String, String, String)>,
) -> Answer<Branch> {
    let control = &state.control;
    let at = locate::branch(
        control,
        &caller,
        &org,
        &database,
        &name,
        access::PROMOTE_BRANCH,
    )
    .await?;
    let view = branch::promote(control, &at).await?;
    Ok(Json(answer::branch(&state, view)))
}
