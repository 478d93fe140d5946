//! Shows an import.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::Import;
use offshoot_control::{import, locate};

/// Shows an import
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/imports/{id}", tag = "Imports", operation_id = "get_import",
    responses((status = 200, description = "Shows an import", body = Import))
)]
pub(crate) async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, branch, id)): Segments<(String, String, String, String)>,
) -> Answer<Import> {
    let control = &state.control;
    let needs = access::CONNECT;
    let at = locate::import(control, &caller, &org, &database, &branch, &id, needs).await?;
    Ok(Json(answer::import(import::show(control, &at).await?)))
}
