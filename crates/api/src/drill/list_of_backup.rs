//! The restore drills of a backup.

use super::filter;
use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Parameters, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{Drill, Page};
use offshoot_control::{drill, locate};

/// The restore drills of a backup, newest first.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/backups/{id}/drills", tag = "Backups", operation_id = "list_backup_drills",
    params(
        ("state" = Option<String>, Query, description = "`pending`, `running`, `success`, `failed` or `error`"),
        ("page" = Option<u32>, Query, description = "Number of the page, from 1"),
        ("per_page" = Option<u32>, Query, description = "Entries of a page, at most 100; default 25"),
    ),
    responses((status = 200, description = "The restore drills of a backup, newest first", body = Page<Drill>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, branch, id)): Segments<(String, String, String, String)>,
    parameters: Parameters,
) -> Answer<Page<Drill>> {
    let control = &state.control;
    let (needs, page) = (access::READ_BACKUP, parameters.page()?);
    let at = locate::backup(control, &caller, &org, &database, &branch, &id, needs).await?;
    let filter = filter(&parameters)?.unwrap_or_default();
    let listed = drill::list_of_backup(control, &at, &filter, page).await?;
    Ok(Json(answer::counted(
        &state,
        &parameters,
        listed,
        Drill::from,
    )))
}
