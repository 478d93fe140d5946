//! Changes a member: the only one is the owner, and stays it.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Body, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{Member, UpdateMember};
use offshoot_control::{locate, member};
use offshoot_core::Refusal;

/// Changes a member. The owner stays an administrator: what it is is taken, anything else refused.
#[utoipa::path(
    patch, path = "/v1/organizations/{organization}/members/{member}", tag = "Organizations", operation_id = "change_member",
    request_body = UpdateMember,
    responses((status = 200, description = "The member, as it was", body = Member))
)]
pub(crate) async fn update(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((name, id)): Segments<(String, String)>,
    Body(body): Body<UpdateMember>,
) -> Answer<Member> {
    let needs = access::WRITE_ORGANIZATION;
    let at = locate::organization(&state.control, &caller, &name, needs).await?;
    let found = member::show(&at, &id)?;
    match body.role.as_deref() {
        None | Some("admin") => Ok(Json(answer::member(at.organization(), found))),
        Some("member") => Err(Refusal::unprocessable(
            "the owner is the only member, and stays an administrator",
        )
        .hint("give others a service token: offshoot service-token create")
        .into()),
        Some(_) => Err(Refusal::invalid("role", "a role is member or admin").into()),
    }
}
