//! Has a backup copied off-site.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Prefer, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::Backup;
use offshoot_control::{backup, locate, off_site};

/// Has a backup copied off-site; one that is copied is left alone. `off_site` says how far it is.
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/backups/{id}/export", tag = "Backups", operation_id = "export_backup",
    params(("Prefer" = Option<String>, Header, description = "`wait=N`: answer when the copy is there or could not be made, at the latest after N seconds (300 at most)")),
    responses((status = 200, description = "The backup, with how far its copy is", body = Backup))
)]
pub(crate) async fn export(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, branch, id)): Segments<(String, String, String, String)>,
    prefer: Prefer,
) -> Answer<Backup> {
    let control = &state.control;
    let needs = access::WRITE_BACKUP;
    let at = locate::backup(control, &caller, &org, &database, &branch, &id, needs).await?;
    let mut view = off_site::export(control, &at).await?;
    if let Some(time) = prefer.wait.filter(|t| !t.is_zero()) {
        off_site::wait(control, view.backup.id, time).await?;
        view = backup::show(control, &at).await?;
    }
    Ok(Json(answer::backup(view)))
}
