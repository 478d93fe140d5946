//! Changes a password; absent fields stay.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Body, IfMatch, Segments, cidrs};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{Password, UpdatePassword};
use offshoot_control::password::PasswordChange;
use offshoot_control::{locate, password};

/// Changes a password; absent fields stay.
#[utoipa::path(
    patch, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/passwords/{password}", tag = "Passwords", operation_id = "update_password",
    request_body = UpdatePassword,
    responses((status = 200, description = "Changes a password; absent fields stay", body = Password))
)]
pub(crate) async fn update(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, branch, id)): Segments<(String, String, String, String)>,
    IfMatch(expected): IfMatch,
    Body(body): Body<UpdatePassword>,
) -> Answer<Password> {
    let control = &state.control;
    let needs = access::WRITE_PASSWORD;
    let at = locate::password(control, &caller, &org, &database, &branch, &id, needs).await?;
    let networks = body.cidrs.as_deref();
    let change = PasswordChange {
        name: body.name,
        expected,
        cidrs: networks.map(|n| cidrs("cidrs", n)).transpose()?,
    };
    let view = password::update(control, &at, change).await?;
    let schema = &at.database().schema_name;
    Ok(Json::at(
        view.revision(),
        answer::password(&state, schema, view),
    ))
}
