//! Deletes a webhook.

use crate::access;
use crate::answer::Failure;
use crate::request::{Authenticated, IfMatch, Segments};
use crate::state::ApiState;
use axum::extract::State;
use axum::http::StatusCode;
use offshoot_control::{locate, webhook};

/// Deletes a webhook; what was on its way to it is forgotten.
#[utoipa::path(
    delete, path = "/v1/organizations/{organization}/databases/{database}/webhooks/{webhook}", tag = "Webhooks", operation_id = "delete_webhook",
    responses((status = 204, description = "Deletes a webhook"))
)]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, id)): Segments<(String, String, String)>,
    IfMatch(expected): IfMatch,
) -> Result<StatusCode, Failure> {
    let control = &state.control;
    let needs = access::WRITE_DATABASE;
    let at = locate::webhook(control, &caller, &org, &database, &id, needs).await?;
    webhook::delete(control, &at, &expected).await?;
    Ok(StatusCode::NO_CONTENT)
}
