//! One branch, by name or id.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::Branch;
use offshoot_control::{branch, locate};

/// One branch, by name or id.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}", tag = "Branches", operation_id = "get_branch",
    responses((status = 200, description = "One branch, by name or id", body = Branch))
)]
pub(crate) async fn show(
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
        access::READ_BRANCH,
    )
    .await?;
    let view = branch::show(control, &at).await?;
    Ok(Json::at(view.revision(), answer::branch(&state, view)))
}
