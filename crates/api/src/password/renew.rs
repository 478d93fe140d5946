//! Gives a password with a TTL its whole time again, and a fresh secret.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::Password;
use offshoot_control::{locate, password};

/// Gives a password with a TTL its whole time again, and a fresh secret.
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/passwords/{password}/renew", tag = "Passwords", operation_id = "renew_password",
    responses((status = 200, description = "Gives a password with a TTL its whole time again, and a fresh secret", body = Password))
)]
pub(crate) async fn renew(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, branch, id)): Segments<(String, String, String, String)>,
) -> Answer<Password> {
    let control = &state.control;
    let needs = access::WRITE_PASSWORD;
    let at = locate::password(control, &caller, &org, &database, &branch, &id, needs).await?;
    let view = password::renew(control, &at).await?;
    Ok(Json(answer::password(
        &state,
        &at.database().schema_name,
        view,
    )))
}
