//! Reads an event again, with the settings of today.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::Delivery;
use offshoot_control::{delivery, locate};

/// Reads an event again, with the settings of today.
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/integrations/{integration}/deliveries/{delivery}/replay", tag = "Integrations", operation_id = "replay_delivery",
    responses((status = 200, description = "Reads an event again, with the settings of today", body = Delivery))
)]
pub(crate) async fn replay(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, name, id)): Segments<(String, String, String)>,
) -> Answer<Delivery> {
    let control = &state.control;
    let needs = access::WRITE_ORGANIZATION;
    let at = locate::integration(control, &caller, &org, &name, needs).await?;
    let found = delivery::replay(control, &at, &id).await?;
    Ok(Json(answer::delivery(found)))
}
