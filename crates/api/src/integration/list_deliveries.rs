//! The events that came in for an integration, newest first.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Parameters, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{Delivery, Page};
use offshoot_control::{delivery, locate};
use offshoot_core::Refusal;
use offshoot_core::delivery::DeliveryState;

/// The events that came in for an integration, newest first.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/integrations/{integration}/deliveries", tag = "Integrations", operation_id = "list_deliveries",
    params(
        ("state" = Option<String>, Query, description = "`received`, `applied`, `ignored` or `failed`"),
        ("page" = Option<u32>, Query, description = "Number of the page, from 1"),
        ("per_page" = Option<u32>, Query, description = "Entries of a page, at most 100; default 25"),
    ),
    responses((status = 200, description = "The events that came in for an integration, newest first", body = Page<Delivery>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, name)): Segments<(String, String)>,
    parameters: Parameters,
) -> Answer<Page<Delivery>> {
    let control = &state.control;
    let needs = access::READ_ORGANIZATION;
    let at = locate::integration(control, &caller, &org, &name, needs).await?;
    let wanted = parameters.text("state").map(|text| {
        text.parse::<DeliveryState>().map_err(|e| {
            Refusal::invalid("state", format!("{text:?} is not a state")).hint(e.to_string())
        })
    });
    let page = parameters.page()?;
    let listed = delivery::list(control, &at, wanted.transpose()?, page).await?;
    let shape = answer::delivery;
    Ok(Json(answer::counted(&state, &parameters, listed, shape)))
}
