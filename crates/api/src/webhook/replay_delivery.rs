//! Sends a delivery to a webhook again.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::WebhookDelivery;
use offshoot_control::{locate, webhook};

/// Sends a delivery to a webhook again: the same body under the same id.
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/databases/{database}/webhooks/{webhook}/deliveries/{delivery}/replay", tag = "Webhooks", operation_id = "replay_webhook_delivery",
    responses((status = 200, description = "Sends a delivery to a webhook again", body = WebhookDelivery))
)]
pub(crate) async fn replay(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, id, delivery)): Segments<(String, String, String, String)>,
) -> Answer<WebhookDelivery> {
    let control = &state.control;
    let needs = access::WRITE_DATABASE;
    let at = locate::webhook(control, &caller, &org, &database, &id, needs).await?;
    let found = webhook::replay(control, &at, &delivery).await?;
    Ok(Json(answer::webhook_delivery(found, false)))
}
