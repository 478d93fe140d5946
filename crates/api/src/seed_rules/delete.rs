//! Removes the seed rules of a database.

use crate::access;
use crate::answer::Failure;
use crate::request::{Authenticated, IfMatch, Segments};
use crate::state::ApiState;
use axum::extract::State;
use axum::http::StatusCode;
use offshoot_control::{locate, seed_rules};

/// Removes the seed rules of a database, with a new version; earlier versions stay to be read.
#[utoipa::path(
    delete, path = "/v1/organizations/{organization}/databases/{database}/seed-rules", tag = "Seed rules", operation_id = "delete_seed_rules",
    responses((status = 204, description = "From now on branches start with what their parent has"))
)]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database)): Segments<(String, String)>,
    IfMatch(expected): IfMatch,
) -> Result<StatusCode, Failure> {
    let control = &state.control;
    let needs = access::WRITE_SEED_RULES;
    let at = locate::database(control, &caller, &org, &database, needs).await?;
    seed_rules::remove(control, &at, &expected).await?;
    Ok(StatusCode::NO_CONTENT)
}
