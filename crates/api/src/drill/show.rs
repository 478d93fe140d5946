//! One restore drill.

use crate::access;
use crate::answer::{Answer, Json, progress};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::Drill;
use offshoot_control::{drill, locate};

/// One restore drill.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/drills/{id}", tag = "Backups", operation_id = "get_drill",
    responses((status = 200, description = "One restore drill", body = Drill))
)]
pub(crate) async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, id)): Segments<(String, String, String)>,
) -> Answer<Drill> {
    let control = &state.control;
    let needs = access::READ_BACKUP;
    let at = locate::drill(control, &caller, &org, &database, &id, needs).await?;
    Ok(Json(Drill {
        progress: drill::done(control, &at).map(progress),
        ..drill::show(control, &at).await?.into()
    }))
}
