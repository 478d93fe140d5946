//! The shadow of a branch.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::Shadow;
use offshoot_control::{locate, shadow};

/// The shadow of a production branch.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/shadow", tag = "Branches", operation_id = "get_shadow",
    responses((status = 200, description = "The shadow as it is now", body = Shadow))
)]
pub(crate) async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, branch)): Segments<(String, String, String)>,
) -> Answer<Shadow> {
    let control = &state.control;
    let needs = access::READ_BRANCH;
    let at = locate::branch(control, &caller, &org, &database, &branch, needs).await?;
    let view = shadow::show(control, &at).await?;
    Ok(Json::at(view.revision(), answer::shadow(view)))
}
