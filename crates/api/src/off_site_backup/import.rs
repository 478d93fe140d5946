//! Makes a backup of an off-site copy.

use crate::access;
use crate::answer::{self, Failure, Json};
use crate::request::{Authenticated, Creating, Prefer, Segments};
use crate::state::ApiState;
use axum::extract::State;
use axum::http::StatusCode;
use offshoot_api_types::{Backup, ImportBackup};
use offshoot_control::{backup, locate, off_site};

/// Makes a backup of an off-site copy: fetched, recovered aside and read in full, and good only when it holds what its backup held. A database that is not there is made, with an empty branch.
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/off-site-backups/{id}/import", tag = "Backups", operation_id = "create_backup_of_off_site_copy",
    params(("Prefer" = Option<String>, Header, description = "`wait=N`: answer when it has succeeded or failed, at the latest after N seconds (300 at most)")),
    request_body = ImportBackup,
    responses((status = 201, description = "The backup, in the state it has by then", body = Backup))
)]
pub(crate) async fn import(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, id)): Segments<(String, String)>,
    prefer: Prefer,
    Creating { body, key }: Creating<ImportBackup>,
) -> Result<(StatusCode, Json<Backup>), Failure> {
    let control = &state.control;
    let at = locate::organization(control, &caller, &org, access::WRITE_BACKUP).await?;
    let once = key.once(control, &caller).await?;
    let database = body.database.as_deref();
    let mut view = off_site::import(control, &at, &id, database, &once).await?;
    if let Some(time) = prefer.wait.filter(|t| !t.is_zero()) {
        backup::wait(control, view.backup.id, time).await?;
        view = backup::by_id(control, view.backup.id).await?;
    }
    Ok((StatusCode::CREATED, Json(answer::backup(view))))
}
