//! Deletes an automation; the branches that it made stay.

use crate::access;
use crate::answer::Failure;
use crate::request::{Authenticated, IfMatch, Segments};
use crate::state::ApiState;
use axum::extract::State;
use axum::http::StatusCode;
use offshoot_control::{automation, locate};

/// Deletes an automation; the branches that it made stay.
#[utoipa::path(
    delete, path = "/v1/organizations/{organization}/databases/{database}/automations/{automation}", tag = "Automations", operation_id = "delete_automation",
    responses((status = 204, description = "Deletes an automation; the branches that it made stay"))
)]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, name)): Segments<(String, String, String)>,
    IfMatch(expected): IfMatch,
) -> Result<StatusCode, Failure> {
    let control = &state.control;
    let needs = access::WRITE_DATABASE;
    let at = locate::automation(control, &caller, &org, &database, &name, needs).await?;
    automation::delete(control, &at, &expected).await?;
    Ok(StatusCode::NO_CONTENT)
}
