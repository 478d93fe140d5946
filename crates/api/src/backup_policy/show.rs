//! One backup policy.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::BackupPolicy;
use offshoot_control::revision::Revision;
use offshoot_control::{backup_policy, locate};

/// One backup policy.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/backup-policies/{id}", tag = "Backup policies", operation_id = "get_backup_policy",
    responses((status = 200, description = "One backup policy", body = BackupPolicy))
)]
pub(crate) async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, id)): Segments<(String, String, String)>,
) -> Answer<BackupPolicy> {
    let control = &state.control;
    let needs = access::READ_BACKUP;
    let at = locate::backup_policy(control, &caller, &org, &database, &id, needs).await?;
    let policy = backup_policy::show(control, &at).await?;
    let revision = Revision::of_policy(&policy);
    Ok(Json::at(revision, answer::backup_policy(policy)))
}
