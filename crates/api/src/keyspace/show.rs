//! One keyspace.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::Keyspace;
use offshoot_control::{keyspace, locate};

/// One keyspace of a branch, by name or id; wakes it.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/keyspaces/{keyspace}", tag = "Keyspaces", operation_id = "get_keyspace",
    responses((status = 200, description = "One keyspace", body = Keyspace))
)]
pub(crate) async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, branch, name)): Segments<(String, String, String, String)>,
) -> Answer<Keyspace> {
    let control = &state.control;
    let needs = access::READ_BRANCH;
    let at = locate::branch(control, &caller, &org, &database, &branch, needs).await?;
    let found = keyspace::show(control, &at, &name).await?;
    Ok(Json(answer::keyspace(found)))
}
