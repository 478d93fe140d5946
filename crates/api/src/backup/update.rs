//! Changes a backup; absent fields stay.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Body, IfMatch, Segments, blank, moment};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{Backup, UpdateBackup};
use offshoot_control::backup::BackupChange;
use offshoot_control::{backup, locate};

/// Changes a backup; absent fields stay.
#[utoipa::path(
    patch, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/backups/{id}", tag = "Backups", operation_id = "update_backup",
    request_body = UpdateBackup,
    responses((status = 200, description = "Changes a backup; absent fields stay", body = Backup))
)]
pub(crate) async fn update(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, branch, id)): Segments<(String, String, String, String)>,
    IfMatch(expected): IfMatch,
    Body(body): Body<UpdateBackup>,
) -> Answer<Backup> {
    let control = &state.control;
    let needs = access::WRITE_BACKUP;
    let at = locate::backup(control, &caller, &org, &database, &branch, &id, needs).await?;
    let expires_at = body.expires_at.map(|time| {
        let time = blank(time);
        time.map(|t| moment("expires_at", &t)).transpose()
    });
    let change = BackupChange {
        name: body.name,
        protected: body.protected,
        expires_at: expires_at.transpose()?,
        expected,
    };
    let view = backup::update(control, &at, change).await?;
    Ok(Json::at(view.revision(), answer::backup(view)))
}
