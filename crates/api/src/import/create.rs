//! Opens an import of a branch.

use crate::access;
use crate::answer::{self, Failure, Json};
use crate::request::{Authenticated, Creating, Prefer, Segments, seconds};
use crate::state::ApiState;
use axum::extract::State;
use axum::http::StatusCode;
use offshoot_api_types::{CreateImport, Import};
use offshoot_control::{import, locate};
use offshoot_core::import::ImportState;

/// Keeps a branch as it is, so that it can be filled, and taken back if that fails. Its engine stands
/// still for a moment; on a pool that copies in full it is restarted, once its commands and transactions
/// have ended.
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/imports", tag = "Imports", operation_id = "create_import",
    params(("Prefer" = Option<String>, Header, description = "`wait=N`: answer when it is open, at the latest after N seconds (300 at most)")),
    request_body = CreateImport,
    responses((status = 201, description = "The import, `pending` or `open`", body = Import))
)]
pub(crate) async fn create(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, branch)): Segments<(String, String, String)>,
    prefer: Prefer,
    Creating { body, key }: Creating<CreateImport>,
) -> Result<(StatusCode, Json<Import>), Failure> {
    let control = &state.control;
    let needs = access::CONNECT;
    let at = locate::branch(control, &caller, &org, &database, &branch, needs).await?;
    let ttl = body.ttl.map(|s| seconds("ttl", s)).transpose()?;
    let once = key.once(control, &caller).await?;
    let mut view = import::open(control, &at, ttl, &once).await?;
    if let Some(time) = prefer.wait {
        let id = view.import.id;
        import::wait(control, id, ImportState::Pending, time).await?;
        let id = id.to_string();
        let at = locate::import(control, &caller, &org, &database, &branch, &id, needs).await?;
        view = import::show(control, &at).await?;
    }
    Ok((StatusCode::CREATED, Json(answer::import(view))))
}
