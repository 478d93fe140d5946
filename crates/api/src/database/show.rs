//! One database.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::Database;
use offshoot_control::{database, locate};

/// One database.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}", tag = "Databases", operation_id = "get_database",
    responses((status = 200, description = "One database", body = Database))
)]
pub(crate) async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, name)): Segments<(String, String)>,
) -> Answer<Database> {
    let control = &state.control;
    let at = locate::database(control, &caller, &org, &name, access::READ_DATABASE).await?;
    let view = database::show(control, &at).await?;
    Ok(Json::at(view.revision(), answer::database(&state, view)))
}
