//! Makes a user, who is a member then.

use crate::access;
use crate::answer::{self, Failure, Json};
use crate::request::{Authenticated, Body, Segments};
use crate::state::ApiState;
use axum::extract::State;
use axum::http::StatusCode;
use offshoot_api_types::{CreateMember, MemberPassword};
use offshoot_control::member::NewUser;
use offshoot_control::{locate, member};
use offshoot_core::user::{Email, Role};
use secrecy::SecretString;

/// Makes a user of this server. Without a password one is drawn, which is in this answer and nowhere else.
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/members", tag = "Organizations", operation_id = "make_member",
    request_body = CreateMember,
    responses((status = 201, description = "The member", body = MemberPassword))
)]
pub(crate) async fn create(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments(name): Segments<String>,
    Body(body): Body<CreateMember>,
) -> Result<(StatusCode, Json<MemberPassword>), Failure> {
    let needs = access::WRITE_ORGANIZATION;
    let at = locate::organization(&state.control, &caller, &name, needs).await?;
    let new = NewUser {
        email: Email::parse(&body.email)?,
        name: body.name,
        role: body.role.as_deref().map_or(Ok(Role::Member), str::parse)?,
        password: body.password.map(SecretString::from),
    };
    let made = member::create(&state.control, &at, new).await?;
    let shown = answer::member_password(at.organization(), &made);
    Ok((StatusCode::CREATED, Json(shown)))
}
