//! One password, without its secret.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::Password;
use offshoot_control::{locate, password};

/// One password, without its secret.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/passwords/{password}", tag = "Passwords", operation_id = "get_password",
    responses((status = 200, description = "One password, without its secret", body = Password))
)]
pub(crate) async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, branch, id)): Segments<(String, String, String, String)>,
) -> Answer<Password> {
    let control = &state.control;
    let needs = access::READ_PASSWORD;
    let at = locate::password(control, &caller, &org, &database, &branch, &id, needs).await?;
    let view = password::show(control, &at).await?;
    let schema = &at.database().schema_name;
    Ok(Json::at(
        view.revision(),
        answer::password(&state, schema, view),
    ))
}
