//! Makes a backup policy.

use super::parse;
use crate::access;
use crate::answer::{self, Failure, Json};
use crate::request::{Authenticated, Creating, Segments};
use crate::state::ApiState;
use axum::extract::State;
use axum::http::StatusCode;
use offshoot_api_types::{BackupPolicy, BackupPolicyFields};
use offshoot_control::{backup_policy, locate};

/// Makes a backup policy.
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/databases/{database}/backup-policies", tag = "Backup policies", operation_id = "create_backup_policy",
    request_body = BackupPolicyFields,
    responses((status = 201, description = "Makes a backup policy", body = BackupPolicy))
)]
pub(crate) async fn create(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database)): Segments<(String, String)>,
    Creating { body, key }: Creating<BackupPolicyFields>,
) -> Result<(StatusCode, Json<BackupPolicy>), Failure> {
    let control = &state.control;
    let at = locate::database(control, &caller, &org, &database, access::WRITE_BACKUP).await?;
    let new = parse(body)?;
    let once = key.once(control, &caller).await?;
    let policy = backup_policy::create(control, &at, &new, &once).await?;
    Ok((StatusCode::CREATED, Json(answer::backup_policy(policy))))
}
