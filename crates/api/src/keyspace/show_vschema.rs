//! A keyspace as Vitess would describe it.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::Vschema;
use offshoot_control::{keyspace, locate};

/// A keyspace as Vitess describes one without shards: the names of its tables; wakes the branch.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/keyspaces/{keyspace}/vschema", tag = "Keyspaces", operation_id = "get_keyspace_vschema",
    responses((status = 200, description = "The VSchema", body = Vschema))
)]
pub(crate) async fn show_vschema(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, branch, name)): Segments<(String, String, String, String)>,
) -> Answer<Vschema> {
    let control = &state.control;
    let needs = access::READ_BRANCH;
    let at = locate::branch(control, &caller, &org, &database, &branch, needs).await?;
    let tables = keyspace::tables(control, &at, &name).await?;
    Ok(Json(answer::vschema(&tables)))
}
