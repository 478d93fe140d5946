//! The service tokens of an organization.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Parameters, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{Page, ServiceToken};
use offshoot_control::{locate, token};

/// The service tokens of an organization.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/service-tokens", tag = "Service tokens", operation_id = "list_service_tokens",
    params(
        ("page" = Option<u32>, Query, description = "Number of the page, from 1"),
        ("per_page" = Option<u32>, Query, description = "Entries of a page, at most 100; default 25"),
    ),
    responses((status = 200, description = "The service tokens of an organization", body = Page<ServiceToken>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments(name): Segments<String>,
    parameters: Parameters,
) -> Answer<Page<ServiceToken>> {
    let control = &state.control;
    let at = locate::organization(control, &caller, &name, access::READ_TOKENS).await?;
    let listed = token::list(control, &at, parameters.page()?).await?;
    Ok(Json(answer::counted(
        &state,
        &parameters,
        listed,
        answer::service_token,
    )))
}
