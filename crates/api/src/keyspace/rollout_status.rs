//! How far a change of a keyspace's settings is rolled out.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::RolloutStatus;
use offshoot_control::{keyspace, locate};

/// How far a change of a keyspace's settings is rolled out: always all the way, as there is nothing to change.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/keyspaces/{keyspace}/rollout-status", tag = "Keyspaces", operation_id = "get_keyspace_rollout_status",
    responses((status = 200, description = "There is no rollout", body = RolloutStatus))
)]
pub(crate) async fn rollout_status(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, branch, name)): Segments<(String, String, String, String)>,
) -> Answer<RolloutStatus> {
    let control = &state.control;
    let needs = access::READ_BRANCH;
    let at = locate::branch(control, &caller, &org, &database, &branch, needs).await?;
    let found = keyspace::show(control, &at, &name).await?;
    Ok(Json(answer::rollout_status(found)))
}
