//! Deletes a backup.

use crate::access;
use crate::answer::Failure;
use crate::request::{Authenticated, IfMatch, Parameters, Segments};
use crate::state::ApiState;
use axum::extract::State;
use axum::http::StatusCode;
use offshoot_control::{backup, locate};

/// Deletes a backup; branches that were made of it keep their data.
#[utoipa::path(
    delete, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/backups/{id}", tag = "Backups", operation_id = "delete_backup",
    params(("keep_copy" = Option<bool>, Query, description = "Its off-site copy stays, where that is whole; default: it goes with the backup")),
    responses((status = 204, description = "Deletes a backup; branches that were made of it keep their data"))
)]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, branch, id)): Segments<(String, String, String, String)>,
    IfMatch(expected): IfMatch,
    parameters: Parameters,
) -> Result<StatusCode, Failure> {
    let control = &state.control;
    let needs = access::DELETE_BACKUP;
    let at = locate::backup(control, &caller, &org, &database, &branch, &id, needs).await?;
    let keep_copy = parameters.flag("keep_copy")?.unwrap_or(false);
    backup::delete(control, &at, &expected, keep_copy).await?;
    Ok(StatusCode::NO_CONTENT)
}
