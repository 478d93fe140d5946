//! The organizations that the caller belongs to.

use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Parameters};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{Organization, Page};
use offshoot_control::organization;

/// The organizations that the caller belongs to.
#[utoipa::path(
    get, path = "/v1/organizations", tag = "Organizations", operation_id = "list_organizations",
    params(
        ("page" = Option<u32>, Query, description = "Number of the page, from 1"),
        ("per_page" = Option<u32>, Query, description = "Entries of a page, at most 100; default 25"),
    ),
    responses((status = 200, description = "The organizations that the caller belongs to", body = Page<Organization>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    parameters: Parameters,
) -> Answer<Page<Organization>> {
    let listed = organization::list(&state.control, &caller, parameters.page()?).await?;
    Ok(Json(answer::uncounted(
        &state,
        &parameters,
        listed,
        answer::organization,
    )))
}
