//! Drills a backup.

use crate::access;
use crate::answer::{Failure, Json};
use crate::request::{Authenticated, Creating, Prefer, Segments};
use crate::state::ApiState;
use axum::extract::State;
use axum::http::StatusCode;
use offshoot_api_types::{CreateDrill, Drill};
use offshoot_control::{drill, locate};

/// Restores a backup aside, reads all of it, and compares it with what it held when it was made.
/// Nothing of what was restored stays.
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/backups/{id}/drills", tag = "Backups", operation_id = "create_drill",
    params(("Prefer" = Option<String>, Header, description = "`wait=N`: answer when it is over, at the latest after N seconds (300 at most)")),
    request_body = CreateDrill,
    responses((status = 201, description = "The drill, in the state it has by then", body = Drill))
)]
pub(crate) async fn create(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, branch, id)): Segments<(String, String, String, String)>,
    prefer: Prefer,
    Creating { body: _, key }: Creating<CreateDrill>,
) -> Result<(StatusCode, Json<Drill>), Failure> {
    let control = &state.control;
    let needs = access::WRITE_BACKUP;
    let at = locate::backup(control, &caller, &org, &database, &branch, &id, needs).await?;
    let once = key.once(control, &caller).await?;
    let mut made = drill::create(control, &at, &once).await?;
    if let Some(time) = prefer.wait.filter(|t| !t.is_zero()) {
        drill::wait(control, made.id, time).await?;
        let id = made.id.to_string();
        let at = locate::drill(control, &caller, &org, &database, &id, needs).await?;
        made = drill::show(control, &at).await?;
    }
    Ok((StatusCode::CREATED, Json(made.into())))
}
