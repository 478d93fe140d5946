//! The backup policies of a database.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Parameters, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{BackupPolicy, Page};
use offshoot_control::{backup_policy, locate};

/// The backup policies of a database, oldest first.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/backup-policies", tag = "Backup policies", operation_id = "list_backup_policies",
    params(
        ("page" = Option<u32>, Query, description = "Number of the page, from 1"),
        ("per_page" = Option<u32>, Query, description = "Entries of a page, at most 100; default 25"),
    ),
    responses((status = 200, description = "The backup policies of a database, oldest first", body = Page<BackupPolicy>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database)): Segments<(String, String)>,
    parameters: Parameters,
) -> Answer<Page<BackupPolicy>> {
    let control = &state.control;
    let at = locate::database(control, &caller, &org, &database, access::READ_BACKUP).await?;
    let listed = backup_policy::list(control, &at, parameters.page()?).await?;
    let shape = answer::backup_policy;
    Ok(Json(answer::counted(&state, &parameters, listed, shape)))
}
