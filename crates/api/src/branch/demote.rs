//! Makes a production branch a development branch.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::Branch;
use offshoot_control::{branch, locate};

/// Makes a production branch a development branch.
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/demote", tag = "Branches", operation_id = "demote_branch",
    responses((status = 200, description = "Makes a production branch a development branch", body = Branch))
)]
pub(crate) async fn demote(
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
        access::DEMOTE_BRANCH,
    )
    .await?;
    let view = branch::demote(control, &at).await?;
    Ok(Json(answer::branch(&state, view)))
}
