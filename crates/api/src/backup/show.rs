//! One backup.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::Backup;
use offshoot_control::{backup, locate};

/// One backup. It may have outlived its branch, and is still found by the branch's name.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/backups/{id}", tag = "Backups", operation_id = "get_backup",
    responses((status = 200, description = "One backup", body = Backup))
)]
pub(crate) async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, branch, id)): Segments<(String, String, String, String)>,
) -> Answer<Backup> {
    let control = &state.control;
    let needs = access::READ_BACKUP;
    let at = locate::backup(control, &caller, &org, &database, &branch, &id, needs).await?;
    let view = backup::show(control, &at).await?;
    Ok(Json::at(view.revision(), answer::backup(view)))
}
