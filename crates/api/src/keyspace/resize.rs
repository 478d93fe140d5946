//! Gives a keyspace another size, which is its branch's.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Body, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{ChangeKeyspaceSize, KeyspaceResize};
use offshoot_control::{keyspace, locate};
use offshoot_core::Refusal;

/// Gives a keyspace another size. Its branch gets it, and so do all its keyspaces: they share one engine, which is started anew
/// as soon as no command or transaction is under way.
#[utoipa::path(
    put, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/keyspaces/{keyspace}/resizes", tag = "Keyspaces", operation_id = "resize_keyspace",
    request_body = ChangeKeyspaceSize,
    responses((status = 200, description = "The resize", body = KeyspaceResize))
)]
pub(crate) async fn resize(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, branch, name)): Segments<(String, String, String, String)>,
    Body(body): Body<ChangeKeyspaceSize>,
) -> Answer<KeyspaceResize> {
    let control = &state.control;
    let needs = access::WRITE_DATABASE;
    let at = locate::branch(control, &caller, &org, &database, &branch, needs).await?;
    if body.extra_replicas.is_some_and(|n| n > 0) {
        return Err(Refusal::unprocessable(
            "there are no replicas here: a branch is one MySQL server",
        )
        .hint("leave extra_replicas out")
        .into());
    }
    let size = body.cluster_size.as_deref();
    let resize = keyspace::resize(control, &at, &name, size).await?;
    Ok(Json(answer::keyspace_resize(resize)))
}
