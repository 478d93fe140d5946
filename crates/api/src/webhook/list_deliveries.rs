//! What was sent to a webhook, the newest first.

use super::events;
use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Parameters, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{Page, WebhookDelivery};
use offshoot_control::locate;
use offshoot_control::webhook::{self, SentFilter};
use offshoot_core::Refusal;
use offshoot_core::webhook::SendState;

/// What was sent to a webhook, or is to be, the newest first.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/webhooks/{webhook}/deliveries", tag = "Webhooks", operation_id = "list_webhook_deliveries",
    params(
        ("state" = Option<String>, Query, description = "`pending`, `delivered` or `failed`"),
        ("event" = Option<String>, Query, description = "Only those of one event"),
        ("page" = Option<u32>, Query, description = "Number of the page, from 1"),
        ("per_page" = Option<u32>, Query, description = "Entries of a page, at most 100; default 25"),
    ),
    responses((status = 200, description = "What was sent to a webhook, the newest first", body = Page<WebhookDelivery>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, id)): Segments<(String, String, String)>,
    parameters: Parameters,
) -> Answer<Page<WebhookDelivery>> {
    let control = &state.control;
    let needs = access::READ_WEBHOOK;
    let at = locate::webhook(control, &caller, &org, &database, &id, needs).await?;
    let state_named = parameters
        .text("state")
        .map(str::parse::<SendState>)
        .transpose();
    let named = parameters.text("event").map(str::to_owned);
    let filter = SentFilter {
        state: state_named
            .map_err(|_| Refusal::invalid("state", "a delivery is pending, delivered or failed"))?,
        event: events(named.into_iter().collect())?.first().copied(),
    };
    let listed = webhook::deliveries(control, &at, &filter, parameters.page()?).await?;
    let shape = |delivery| answer::webhook_delivery(delivery, false);
    Ok(Json(answer::counted(&state, &parameters, listed, shape)))
}
