//! The sessions of a branch, in the shape that `pscale branch connections` reads.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::Connections;
use offshoot_control::{branch, locate};

/// The sessions of a branch; none while it sleeps. Needs what connecting needs.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/connections", tag = "Branches", operation_id = "get_branch_connections",
    responses((status = 200, description = "The sessions of a branch", body = Connections))
)]
pub(crate) async fn connections(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, name)): Segments<(String, String, String)>,
) -> Answer<Connections> {
    let control = &state.control;
    let at = locate::branch(control, &caller, &org, &database, &name, access::CONNECT).await?;
    let sessions = branch::sessions(control, &at).await?;
    Ok(Json(answer::connections(&at, control.time(), sessions)))
}
