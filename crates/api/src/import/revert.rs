//! Takes a branch back to what it was before an import.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Prefer, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::Import;
use offshoot_control::{import, locate};
use offshoot_core::import::ImportState;

/// Takes a branch back to what it was before an import. Its id, passwords and address stay; its
/// sessions end.
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/imports/{id}/revert", tag = "Imports", operation_id = "revert_import",
    params(("Prefer" = Option<String>, Header, description = "`wait=N`: answer when it is reverted, at the latest after N seconds (300 at most)")),
    responses((status = 200, description = "The import, `reverting` or `reverted`", body = Import))
)]
pub(crate) async fn revert(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, branch, id)): Segments<(String, String, String, String)>,
    prefer: Prefer,
) -> Answer<Import> {
    let control = &state.control;
    let needs = access::CONNECT;
    let at = locate::import(control, &caller, &org, &database, &branch, &id, needs).await?;
    let mut view = import::revert(control, &at).await?;
    if let Some(time) = prefer.wait {
        import::wait(control, view.import.id, ImportState::Reverting, time).await?;
        view = import::show(control, &at).await?;
    }
    Ok(Json(answer::import(view)))
}
