//! One webhook.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::Webhook;
use offshoot_control::{locate, webhook};

/// One webhook.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/webhooks/{webhook}", tag = "Webhooks", operation_id = "get_webhook",
    responses((status = 200, description = "One webhook", body = Webhook))
)]
pub(crate) async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, id)): Segments<(String, String, String)>,
) -> Answer<Webhook> {
    let control = &state.control;
    let needs = access::READ_WEBHOOK;
    let at = locate::webhook(control, &caller, &org, &database, &id, needs).await?;
    let view = webhook::show(control, &at).await?;
    let revision = view.revision();
    Ok(Json::at(revision, answer::webhook(view)))
}
