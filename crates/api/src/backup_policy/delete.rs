//! Deletes a backup policy.

use crate::access;
use crate::answer::Failure;
use crate::request::{Authenticated, IfMatch, Segments};
use crate::state::ApiState;
use axum::extract::State;
use axum::http::StatusCode;
use offshoot_control::{backup_policy, locate};

/// Deletes a backup policy; its backups stay until they expire.
#[utoipa::path(
    delete, path = "/v1/organizations/{organization}/databases/{database}/backup-policies/{id}", tag = "Backup policies", operation_id = "delete_backup_policy",
    responses((status = 204, description = "Deletes a backup policy; its backups stay until they expire"))
)]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, id)): Segments<(String, String, String)>,
    IfMatch(expected): IfMatch,
) -> Result<StatusCode, Failure> {
    let control = &state.control;
    let needs = access::WRITE_BACKUP;
    let at = locate::backup_policy(control, &caller, &org, &database, &id, needs).await?;
    backup_policy::delete(control, &at, &expected).await?;
    Ok(StatusCode::NO_CONTENT)
}
