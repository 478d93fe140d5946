//! The sessions that clients have in a branch's engine.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{Data, ProcessList};
use offshoot_control::{branch, locate};

/// The sessions of a branch; none while it sleeps. Needs what connecting needs.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/processlist", tag = "Branches", operation_id = "get_branch_processlist",
    responses((status = 200, description = "The sessions of a branch", body = Data<ProcessList>))
)]
pub(crate) async fn processlist(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, name)): Segments<(String, String, String)>,
) -> Answer<Data<ProcessList>> {
    let control = &state.control;
    let at = locate::branch(control, &caller, &org, &database, &name, access::CONNECT).await?;
    let sessions = branch::sessions(control, &at).await?;
    let data = answer::processes(&at, sessions);
    Ok(Json(Data { data }))
}
