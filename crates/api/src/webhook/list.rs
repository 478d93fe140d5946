//! The webhooks of a database, the oldest first.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Parameters, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{Page, Webhook};
use offshoot_control::{locate, webhook};

/// The webhooks of a database, the oldest first.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/webhooks", tag = "Webhooks", operation_id = "list_webhooks",
    params(
        ("page" = Option<u32>, Query, description = "Number of the page, from 1"),
        ("per_page" = Option<u32>, Query, description = "Entries of a page, at most 100; default 25"),
    ),
    responses((status = 200, description = "The webhooks of a database, the oldest first", body = Page<Webhook>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database)): Segments<(String, String)>,
    parameters: Parameters,
) -> Answer<Page<Webhook>> {
    let control = &state.control;
    let at = locate::database(control, &caller, &org, &database, access::READ_WEBHOOK).await?;
    let listed = webhook::list(control, &at, parameters.page()?).await?;
    let shape = answer::webhook;
    Ok(Json(answer::uncounted(&state, &parameters, listed, shape)))
}
