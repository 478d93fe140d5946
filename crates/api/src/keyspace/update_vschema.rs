//! Changes a VSchema, which is Vitess's alone.

use crate::access;
use crate::answer::{Answer, Failure};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::Vschema;
use offshoot_control::{keyspace, locate};
use offshoot_core::Refusal;

/// Refused: a VSchema tells Vitess how tables are spread over shards, and there are none here.
#[utoipa::path(
    patch, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/keyspaces/{keyspace}/vschema", tag = "Keyspaces", operation_id = "change_keyspace_vschema",
    responses((status = 422, description = "There are no shards", body = offshoot_api_types::ErrorBody))
)]
pub(crate) async fn update_vschema(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, branch, name)): Segments<(String, String, String, String)>,
) -> Answer<Vschema> {
    let control = &state.control;
    let needs = access::CREATE_KEYSPACE;
    let at = locate::branch(control, &caller, &org, &database, &branch, needs).await?;
    keyspace::show(control, &at, &name).await?;
    Err(Failure::from(
        Refusal::unprocessable(
            "a VSchema cannot be changed: it tells Vitess how tables are spread over shards, and a branch here is one MySQL server",
        )
        .hint("create tables with SQL; they need no VSchema"),
    ))
}
