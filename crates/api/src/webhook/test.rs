//! Sends a test to a webhook.

use crate::access;
use crate::answer::Failure;
use crate::request::{Authenticated, Prefer, Segments};
use crate::state::ApiState;
use axum::extract::State;
use axum::http::StatusCode;
use offshoot_control::{locate, webhook};

/// Sends `webhook.test`, also to a webhook that is switched off. With `Prefer: wait=N` the answer comes when
/// it was sent; what became of it is in the deliveries.
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/databases/{database}/webhooks/{webhook}/test", tag = "Webhooks", operation_id = "test_webhook",
    responses((status = 204, description = "Sends a test to a webhook"))
)]
pub(crate) async fn test(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, id)): Segments<(String, String, String)>,
    prefer: Prefer,
) -> Result<StatusCode, Failure> {
    let control = &state.control;
    let needs = access::WRITE_DATABASE;
    let at = locate::webhook(control, &caller, &org, &database, &id, needs).await?;
    webhook::test(control, &at, prefer.wait).await?;
    Ok(StatusCode::NO_CONTENT)
}
