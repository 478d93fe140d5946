//! Where a branch runs.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::Infrastructure;
use offshoot_control::{branch, locate};

/// Where a branch runs: one engine on this machine.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/infrastructure", tag = "Branches", operation_id = "get_branch_infrastructure",
    responses((status = 200, description = "Where a branch runs", body = Infrastructure))
)]
pub(crate) async fn infrastructure(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, name)): Segments<(String, String, String)>,
) -> Answer<Infrastructure> {
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
    let schema = at.database().schema_name.clone();
    Ok(Json(answer::infrastructure(&state.region, &schema, view)))
}
