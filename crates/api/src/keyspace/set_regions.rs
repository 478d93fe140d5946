//! Read-only regions of a keyspace: there can be none.

use crate::access;
use crate::answer::{Answer, Json};
use crate::request::{Authenticated, Body, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{KeyspaceRegion, KeyspaceRegions};
use offshoot_control::{keyspace, locate};
use offshoot_core::Refusal;

/// Says which read-only regions a keyspace has. There is one region, so the list is empty; any other is refused. A bare list.
#[utoipa::path(
    put, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/keyspaces/{keyspace}/read-only-regions", tag = "Keyspaces", operation_id = "set_keyspace_read_only_regions",
    request_body = KeyspaceRegions,
    responses((status = 200, description = "None", body = Vec<KeyspaceRegion>))
)]
pub(crate) async fn set_regions(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, branch, name)): Segments<(String, String, String, String)>,
    Body(body): Body<KeyspaceRegions>,
) -> Answer<Vec<KeyspaceRegion>> {
    let control = &state.control;
    let needs = access::CREATE_KEYSPACE;
    let at = locate::branch(control, &caller, &org, &database, &branch, needs).await?;
    keyspace::show(control, &at, &name).await?;
    if !body.read_only_regions.is_empty() {
        return Err(Refusal::unprocessable(
            "there are no read-only regions here: there is one region, this machine",
        )
        .hint("write an empty list")
        .into());
    }
    Ok(Json(Vec::new()))
}
