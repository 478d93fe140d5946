//! Changes what a member may do.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Body, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{Member, UpdateMember};
use offshoot_control::{locate, member};

/// Changes the role of a member, from this moment on also in sessions. The last administrator stays one.
#[utoipa::path(
    patch, path = "/v1/organizations/{organization}/members/{member}", tag = "Organizations", operation_id = "change_member",
    request_body = UpdateMember,
    responses((status = 200, description = "The member", body = Member))
)]
pub(crate) async fn update(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((name, id)): Segments<(String, String)>,
    Body(body): Body<UpdateMember>,
) -> Answer<Member> {
    let control = &state.control;
    let needs = access::WRITE_ORGANIZATION;
    let at = locate::organization(control, &caller, &name, needs).await?;
    let user = match body.role {
        Some(role) => member::set_role(control, &at, &id, role.parse()?).await?,
        None => member::show(control, &at, &id).await?,
    };
    Ok(Json(answer::member(at.organization(), &user)))
}
