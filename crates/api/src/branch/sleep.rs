//! Puts a development branch to sleep now.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::Branch;
use offshoot_control::{branch, locate};

/// Puts a development branch to sleep now.
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/sleep", tag = "Branches", operation_id = "sleep_branch",
    responses((status = 200, description = "Puts a development branch to sleep now", body = Branch))
)]
pub(crate) async fn sleep(
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
        access::UPDATE_BRANCH,
    )
    .await?;
    let view = branch::sleep(control, &at).await?;
    Ok(Json(answer::branch(&state, view)))
}
