//! Ends a client's session in a branch's engine, or its statement.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Body, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{Data, KillProcess, Killed};
use offshoot_control::{branch, locate};
use offshoot_core::Refusal;
use offshoot_core::instance::Kill;

/// Ends a session of a branch, or its statement. Needs what connecting needs.
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/processlist/kill", tag = "Branches", operation_id = "kill_branch_process",
    request_body = KillProcess,
    responses((status = 200, description = "It was ended", body = Data<Killed>))
)]
pub(crate) async fn kill_process(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, name)): Segments<(String, String, String)>,
    Body(body): Body<KillProcess>,
) -> Answer<Data<Killed>> {
    let control = &state.control;
    let at = locate::branch(control, &caller, &org, &database, &name, access::CONNECT).await?;
    let kind = body.kind.as_deref().filter(|k| !k.is_empty());
    let kind = kind.unwrap_or("connection");
    let what = match kind {
        "connection" => Kill::Session,
        "query" => Kill::Statement,
        _ => return Err(Refusal::invalid("kind", "kind is connection or query").into()),
    };
    let id = body
        .id
        .and_then(|id| u64::try_from(id).ok())
        .ok_or_else(|| Refusal::invalid("id", "the number of a session is missing"))?;
    branch::kill(control, &at, id, what).await?;
    let data = answer::killed(&at, id, kind);
    Ok(Json(Data { data }))
}
