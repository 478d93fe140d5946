//! One member of an organization.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::Member;
use offshoot_control::{locate, member};

/// One member, by its id, or by id or e-mail address of its user.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/members/{member}", tag = "Organizations", operation_id = "get_member",
    responses((status = 200, description = "The member", body = Member))
)]
pub(crate) async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((name, id)): Segments<(String, String)>,
) -> Answer<Member> {
    let needs = access::READ_ORGANIZATION;
    let at = locate::organization(&state.control, &caller, &name, needs).await?;
    let found = member::show(&state.control, &at, &id).await?;
    Ok(Json(answer::member(at.organization(), &found)))
}
