//! Wakes a branch; the answer comes when it is awake.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::Branch;
use offshoot_control::{branch, locate};

/// Wakes a branch; the answer comes when it is awake.
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/wake", tag = "Branches", operation_id = "wake_branch",
    responses((status = 200, description = "Wakes a branch; the answer comes when it is awake", body = Branch))
)]
pub(crate) async fn wake(
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
        access::WAKE_BRANCH,
    )
    .await?;
    let view = branch::wake(control, &at).await?;
    Ok(Json(answer::branch(&state, view)))
}
