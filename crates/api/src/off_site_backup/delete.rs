//! Removes an off-site copy whose backup is not here.

use crate::access;
use crate::answer::Failure;
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use axum::http::StatusCode;
use offshoot_control::{locate, off_site};

/// Removes an off-site copy whose backup is not on this server: those of backups that are here go with them.
#[utoipa::path(
    delete, path = "/v1/organizations/{organization}/off-site-backups/{id}", tag = "Backups", operation_id = "remove_off_site_backup",
    responses((status = 204, description = "Removes an off-site copy whose backup is not on this server"))
)]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, id)): Segments<(String, String)>,
) -> Result<StatusCode, Failure> {
    let control = &state.control;
    let at = locate::organization(control, &caller, &org, access::DELETE_BACKUP).await?;
    off_site::delete(control, &at, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
