//! Keeps an import open.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::Import;
use offshoot_control::{import, locate};

/// Keeps an import open for its time to live from now on
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/imports/{id}/renew", tag = "Imports", operation_id = "renew_import",
    responses((status = 200, description = "Keeps an import open for its time to live from now on", body = Import))
)]
pub(crate) async fn renew(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, branch, id)): Segments<(String, String, String, String)>,
) -> Answer<Import> {
    let control = &state.control;
    let needs = access::CONNECT;
    let at = locate::import(control, &caller, &org, &database, &branch, &id, needs).await?;
    Ok(Json(answer::import(import::renew(control, &at).await?)))
}
