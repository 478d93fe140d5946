//! The integrations of an organization, by name.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Parameters, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{Integration, Page};
use offshoot_control::{integration, locate};

/// The integrations of an organization, by name.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/integrations", tag = "Integrations", operation_id = "list_integrations",
    params(
        ("page" = Option<u32>, Query, description = "Number of the page, from 1"),
        ("per_page" = Option<u32>, Query, description = "Entries of a page, at most 100; default 25"),
    ),
    responses((status = 200, description = "The integrations of an organization, by name", body = Page<Integration>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments(org): Segments<String>,
    parameters: Parameters,
) -> Answer<Page<Integration>> {
    let control = &state.control;
    let at = locate::organization(control, &caller, &org, access::READ_ORGANIZATION).await?;
    let listed = integration::list(control, &at, parameters.page()?).await?;
    let shape = |view| answer::integration(&state, view);
    Ok(Json(answer::counted(&state, &parameters, listed, shape)))
}
