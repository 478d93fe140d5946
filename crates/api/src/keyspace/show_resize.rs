//! One change of a keyspace's size.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::KeyspaceResize;
use offshoot_control::{keyspace, locate};
use offshoot_core::Refusal;

/// The last change of a keyspace's size, by its id.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/keyspaces/{keyspace}/resizes/{resize}", tag = "Keyspaces", operation_id = "get_keyspace_resize",
    responses((status = 200, description = "The resize", body = KeyspaceResize))
)]
pub(crate) async fn show_resize(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, branch, name, id)): Segments<(String, String, String, String, String)>,
) -> Answer<KeyspaceResize> {
    let control = &state.control;
    let needs = access::READ_BRANCH;
    let at = locate::branch(control, &caller, &org, &database, &branch, needs).await?;
    let last = keyspace::last_resize(control, &at, &name).await?;
    let found = last.filter(|resize| resize.id.as_str() == id);
    let shown: String = id.chars().take(80).collect();
    let found = found.ok_or_else(|| {
        Refusal::not_found(format!("resize {shown:?}"))
            .hint("only the last one is kept; earlier ones are in the audit log")
    })?;
    Ok(Json(answer::keyspace_resize(found)))
}
