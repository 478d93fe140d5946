//! Changes how a shadow follows.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Body, IfMatch, Segments, seconds};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{Shadow, UpdateShadow};
use offshoot_control::{locate, shadow};

/// Changes how a shadow follows; absent fields stay.
#[utoipa::path(
    patch, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/shadow", tag = "Branches", operation_id = "update_shadow",
    request_body = UpdateShadow,
    responses((status = 200, description = "The shadow as it is now", body = Shadow))
)]
pub(crate) async fn update(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, branch)): Segments<(String, String, String)>,
    IfMatch(expected): IfMatch,
    Body(body): Body<UpdateShadow>,
) -> Answer<Shadow> {
    let control = &state.control;
    let needs = access::WRITE_SHADOW;
    let at = locate::branch(control, &caller, &org, &database, &branch, needs).await?;
    let every = body
        .every_seconds
        .map(|time| time.map(|s| seconds("every_seconds", s)).transpose());
    let view = shadow::update(control, &at, every.transpose()?, &expected).await?;
    Ok(Json::at(view.revision(), answer::shadow(view)))
}
