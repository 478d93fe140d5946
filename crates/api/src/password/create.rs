//! Makes a password.

use crate::access;
use crate::answer::{self, Failure, Json};
use crate::request::{Authenticated, Creating, Segments, cidrs, role, seconds};
use crate::state::ApiState;
use axum::extract::State;
use axum::http::StatusCode;
use offshoot_api_types::{CreatePassword, Password};
use offshoot_control::password::NewPassword;
use offshoot_control::{locate, password};
use offshoot_core::Refusal;
use offshoot_core::password::Role;

/// Makes a password; its secret is in this answer and nowhere else.
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/passwords", tag = "Passwords", operation_id = "create_password",
    request_body = CreatePassword,
    responses((status = 201, description = "The password, with `plain_text`", body = Password))
)]
pub(crate) async fn create(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, name)): Segments<(String, String, String)>,
    Creating { body, key }: Creating<CreatePassword>,
) -> Result<(StatusCode, Json<Password>), Failure> {
    let control = &state.control;
    let needs = access::WRITE_PASSWORD;
    let at = locate::branch(control, &caller, &org, &database, &name, needs).await?;
    let new = parse(body)?;
    let once = key.once(control, &caller).await?;
    let view = password::create(control, &at, new, &once).await?;
    let shape = answer::password(&state, &at.database().schema_name, view);
    Ok((StatusCode::CREATED, Json(shape)))
}

fn parse(body: CreatePassword) -> Result<NewPassword, Refusal> {
    let default = if body.replica == Some(true) {
        Role::Reader
    } else {
        Role::Admin
    };
    let ttl = body.ttl.filter(|s| *s != 0);
    Ok(NewPassword {
        name: body.name.unwrap_or_default(),
        role: role("role", body.role.as_deref())?.unwrap_or(default),
        ttl: ttl.map(|s| seconds("ttl", s)).transpose()?,
        cidrs: cidrs("cidrs", body.cidrs.as_deref().unwrap_or_default())?,
    })
}
