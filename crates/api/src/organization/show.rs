//! One organization.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::Organization;
use offshoot_control::{locate, organization};

/// One organization.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}", tag = "Organizations", operation_id = "get_organization",
    responses((status = 200, description = "One organization", body = Organization))
)]
pub(crate) async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments(name): Segments<String>,
) -> Answer<Organization> {
    let at =
        locate::organization(&state.control, &caller, &name, access::READ_ORGANIZATION).await?;
    let view = organization::show(&state.control, &at).await?;
    Ok(Json(answer::organization(view)))
}
