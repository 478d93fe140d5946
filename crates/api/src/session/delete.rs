//! Ends a session.

use crate::answer::Failure;
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use axum::http::StatusCode;
use offshoot_control::{locate, session};

/// Ends a session: its token is worth nothing from then on.
#[utoipa::path(
    delete, path = "/v1/organizations/{organization}/sessions/{session}", tag = "Organizations", operation_id = "revoke_session",
    responses((status = 204, description = "The session is over"))
)]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((name, id)): Segments<(String, String)>,
) -> Result<StatusCode, Failure> {
    let at = locate::organization(&state.control, &caller, &name, &[]).await?;
    session::delete(&state.control, &at, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
