//! Ends an import with what was loaded.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::Import;
use offshoot_control::{import, locate};

/// Ends an import; what was loaded stays
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/imports/{id}/complete", tag = "Imports", operation_id = "complete_import",
    responses((status = 200, description = "Ends an import; what was loaded stays", body = Import))
)]
pub(crate) async fn complete(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, branch, id)): Segments<(String, String, String, String)>,
) -> Answer<Import> {
    let control = &state.control;
    let needs = access::CONNECT;
    let at = locate::import(control, &caller, &org, &database, &branch, &id, needs).await?;
    Ok(Json(answer::import(import::complete(control, &at).await?)))
}
