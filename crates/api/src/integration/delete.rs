//! Deletes an integration, with its deliveries and iterations.

use crate::access;
use crate::answer::Failure;
use crate::request::{Authenticated, IfMatch, Segments};
use crate::state::ApiState;
use axum::extract::State;
use axum::http::StatusCode;
use offshoot_control::{integration, locate};

/// Deletes an integration, with its deliveries and iterations; refused while automations go by it.
#[utoipa::path(
    delete, path = "/v1/organizations/{organization}/integrations/{integration}", tag = "Integrations", operation_id = "delete_integration",
    responses((status = 204, description = "Deletes an integration, with its deliveries and iterations"))
)]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, name)): Segments<(String, String)>,
    IfMatch(expected): IfMatch,
) -> Result<StatusCode, Failure> {
    let control = &state.control;
    let needs = access::WRITE_ORGANIZATION;
    let at = locate::integration(control, &caller, &org, &name, needs).await?;
    integration::delete(control, &at, &expected).await?;
    Ok(StatusCode::NO_CONTENT)
}
