//! One integration.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::Integration;
use offshoot_control::{integration, locate};

/// One integration.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/integrations/{integration}", tag = "Integrations", operation_id = "get_integration",
    responses((status = 200, description = "One integration", body = Integration))
)]
pub(crate) async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, name)): Segments<(String, String)>,
) -> Answer<Integration> {
    let control = &state.control;
    let needs = access::READ_ORGANIZATION;
    let at = locate::integration(control, &caller, &org, &name, needs).await?;
    let view = integration::show(control, &at).await?;
    let revision = view.revision();
    Ok(Json::at(revision, answer::integration(&state, view)))
}
