//! Changes a webhook; absent fields stay.

use super::events;
use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Body, IfMatch, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{UpdateWebhook, Webhook};
use offshoot_control::locate;
use offshoot_control::webhook::{self, WebhookChange};

/// Changes a webhook; absent fields stay. Earlier failures are forgotten.
#[utoipa::path(
    patch, path = "/v1/organizations/{organization}/databases/{database}/webhooks/{webhook}", tag = "Webhooks", operation_id = "update_webhook",
    request_body = UpdateWebhook,
    responses((status = 200, description = "Changes a webhook; absent fields stay", body = Webhook))
)]
pub(crate) async fn update(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, id)): Segments<(String, String, String)>,
    IfMatch(expected): IfMatch,
    Body(body): Body<UpdateWebhook>,
) -> Answer<Webhook> {
    let control = &state.control;
    let needs = access::WRITE_DATABASE;
    let at = locate::webhook(control, &caller, &org, &database, &id, needs).await?;
    let change = WebhookChange {
        url: body.url,
        enabled: body.enabled,
        events: body.events.map(events).transpose()?,
        expected,
    };
    let view = webhook::update(control, &at, change).await?;
    let revision = view.revision();
    Ok(Json::at(revision, answer::webhook(view)))
}
