//! One event that came in, with what became of it.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::Delivery;
use offshoot_control::{delivery, locate};

/// One event that came in, with what became of it.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/integrations/{integration}/deliveries/{delivery}", tag = "Integrations", operation_id = "get_delivery",
    responses((status = 200, description = "One event that came in, with what became of it", body = Delivery))
)]
pub(crate) async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, name, id)): Segments<(String, String, String)>,
) -> Answer<Delivery> {
    let control = &state.control;
    let needs = access::READ_ORGANIZATION;
    let at = locate::integration(control, &caller, &org, &name, needs).await?;
    let found = delivery::show(control, &at, &id).await?;
    Ok(Json(answer::delivery(found)))
}
