//! Gives a user another password.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Body, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{MemberPassword, SetMemberPassword};
use offshoot_control::{locate, member};
use secrecy::SecretString;

/// Gives a user another password, and ends all their sessions. Without one in the body it is drawn, and is in this answer
/// and nowhere else.
#[utoipa::path(
    put, path = "/v1/organizations/{organization}/members/{member}/password", tag = "Organizations", operation_id = "set_member_password",
    request_body = SetMemberPassword,
    responses((status = 200, description = "The member", body = MemberPassword))
)]
pub(crate) async fn set_password(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((name, id)): Segments<(String, String)>,
    Body(body): Body<SetMemberPassword>,
) -> Answer<MemberPassword> {
    let needs = access::WRITE_ORGANIZATION;
    let at = locate::organization(&state.control, &caller, &name, needs).await?;
    let password = body.password.map(SecretString::from);
    let set = member::set_password(&state.control, &at, &id, password).await?;
    Ok(Json(answer::member_password(at.organization(), &set)))
}
