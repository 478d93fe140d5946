//! Takes a change of a keyspace's size back.

use crate::access;
use crate::answer::Failure;
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use axum::http::StatusCode;
use offshoot_control::{keyspace, locate};
use offshoot_core::Refusal;

/// Takes a change of a keyspace's size back: one that has begun goes on, so it is refused while one is under way.
#[utoipa::path(
    delete, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/keyspaces/{keyspace}/resizes", tag = "Keyspaces", operation_id = "cancel_keyspace_resize",
    responses((status = 204, description = "None is under way"))
)]
pub(crate) async fn cancel_resize(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, branch, name)): Segments<(String, String, String, String)>,
) -> Result<StatusCode, Failure> {
    let control = &state.control;
    let needs = access::WRITE_DATABASE;
    let at = locate::branch(control, &caller, &org, &database, &branch, needs).await?;
    let last = keyspace::last_resize(control, &at, &name).await?;
    if last.is_some_and(|resize| resize.completed_at.is_none()) {
        return Err(Refusal::unprocessable(
            "the resize goes on: the engine is started anew as soon as nobody has a transaction",
        )
        .hint("wait for its end, then resize again")
        .into());
    }
    Ok(StatusCode::NO_CONTENT)
}
