//! Backs a branch up.

use super::retention;
use crate::access;
use crate::answer::{self, Failure, Json};
use crate::request::{Authenticated, Creating, Prefer, Segments};
use crate::state::ApiState;
use axum::extract::State;
use axum::http::StatusCode;
use offshoot_api_types::{Backup, CreateBackup};
use offshoot_control::backup::NewBackup;
use offshoot_control::{backup, locate};

/// Backs a branch up. It is copied as it is, recovered aside and read in full; it serves on meanwhile.
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/backups", tag = "Backups", operation_id = "create_backup",
    params(("Prefer" = Option<String>, Header, description = "`wait=N`: answer when it has succeeded or failed, at the latest after N seconds (300 at most)")),
    request_body = CreateBackup,
    responses((status = 201, description = "The backup, in the state it has by then", body = Backup))
)]
pub(crate) async fn create(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, branch)): Segments<(String, String, String)>,
    prefer: Prefer,
    Creating { body, key }: Creating<CreateBackup>,
) -> Result<(StatusCode, Json<Backup>), Failure> {
    let control = &state.control;
    let needs = access::WRITE_BACKUP;
    let at = locate::branch(control, &caller, &org, &database, &branch, needs).await?;
    let new = NewBackup {
        retention: retention(body.retention_value, body.retention_unit.as_deref())?,
        name: body.name,
    };
    let once = key.once(control, &caller).await?;
    let mut view = backup::create(control, &at, new, &once).await?;
    if let Some(time) = prefer.wait.filter(|t| !t.is_zero()) {
        backup::wait(control, view.backup.id, time).await?;
        let id = view.backup.id.to_string();
        let at = locate::backup(control, &caller, &org, &database, &branch, &id, needs).await?;
        view = backup::show(control, &at).await?;
    }
    Ok((StatusCode::CREATED, Json(answer::backup(view))))
}
