//! One delivery to a webhook, with its body.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::WebhookDelivery;
use offshoot_control::{locate, webhook};

/// One delivery to a webhook, with its body.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/webhooks/{webhook}/deliveries/{delivery}", tag = "Webhooks", operation_id = "get_webhook_delivery",
    responses((status = 200, description = "One delivery to a webhook, with its body", body = WebhookDelivery))
)]
pub(crate) async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, id, delivery)): Segments<(String, String, String, String)>,
) -> Answer<WebhookDelivery> {
    let control = &state.control;
    let needs = access::READ_WEBHOOK;
    let at = locate::webhook(control, &caller, &org, &database, &id, needs).await?;
    let found = webhook::delivery(control, &at, &delivery).await?;
    Ok(Json(answer::webhook_delivery(found, true)))
}
