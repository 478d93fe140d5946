//! Makes a webhook.

use super::events;
use crate::access;
use crate::answer::{self, Failure, Json};
use crate::request::{Authenticated, Creating, Segments};
use crate::state::ApiState;
use axum::extract::State;
use axum::http::StatusCode;
use offshoot_api_types::{CreateWebhook, Webhook};
use offshoot_control::locate;
use offshoot_control::webhook::{self, NewWebhook};
use offshoot_core::Refusal;

/// Makes a webhook. Its secret is in the answer, as it is wherever a caller may change it.
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/databases/{database}/webhooks", tag = "Webhooks", operation_id = "create_webhook",
    request_body = CreateWebhook,
    responses((status = 201, description = "Makes a webhook", body = Webhook))
)]
pub(crate) async fn create(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database)): Segments<(String, String)>,
    Creating { body, key }: Creating<CreateWebhook>,
) -> Result<(StatusCode, Json<Webhook>), Failure> {
    let control = &state.control;
    let at = locate::database(control, &caller, &org, &database, access::WRITE_DATABASE).await?;
    let url = body.url.filter(|url| !url.trim().is_empty());
    let new = NewWebhook {
        url: url.ok_or_else(|| Refusal::invalid("url", "say where events are sent to"))?,
        enabled: body.enabled.unwrap_or(true),
        events: events(body.events.unwrap_or_default())?,
    };
    let once = key.once(control, &caller).await?;
    let view = webhook::create(control, &at, new, &once).await?;
    Ok((StatusCode::CREATED, Json(answer::webhook(view))))
}
