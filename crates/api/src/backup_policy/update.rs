//! Changes a backup policy; absent fields stay.

use super::parse;
use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Body, IfMatch, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{BackupPolicy, BackupPolicyFields};
use offshoot_control::revision::Revision;
use offshoot_control::{backup_policy, locate};

/// Changes a backup policy; absent fields stay. Backups that are there keep their expiry.
#[utoipa::path(
    patch, path = "/v1/organizations/{organization}/databases/{database}/backup-policies/{id}", tag = "Backup policies", operation_id = "update_backup_policy",
    request_body = BackupPolicyFields,
    responses((status = 200, description = "Changes a backup policy; absent fields stay", body = BackupPolicy))
)]
pub(crate) async fn update(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, id)): Segments<(String, String, String)>,
    IfMatch(expected): IfMatch,
    Body(body): Body<BackupPolicyFields>,
) -> Answer<BackupPolicy> {
    let control = &state.control;
    let needs = access::WRITE_BACKUP;
    let at = locate::backup_policy(control, &caller, &org, &database, &id, needs).await?;
    let policy = backup_policy::update(control, &at, &parse(body)?, &expected).await?;
    let revision = Revision::of_policy(&policy);
    Ok(Json::at(revision, answer::backup_policy(policy)))
}
