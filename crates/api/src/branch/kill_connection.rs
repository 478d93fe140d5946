//! Ends a client's session in a branch's engine, its statement or its transaction.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::Killed;
use offshoot_control::{branch, locate};
use offshoot_core::Refusal;
use offshoot_core::instance::Kill;

/// Ends a session, its statement (`query`) or its transaction. Needs what connecting needs.
#[utoipa::path(
    delete, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/connections/{kind}/{id}", tag = "Branches", operation_id = "kill_branch_connection",
    responses((status = 200, description = "It was ended", body = Killed))
)]
pub(crate) async fn kill_connection(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, name, kind, id)): Segments<(String, String, String, String, String)>,
) -> Answer<Killed> {
    let control = &state.control;
    let at = locate::branch(control, &caller, &org, &database, &name, access::CONNECT).await?;
    let what = match kind.as_str() {
        "connection" | "transaction" => Kill::Session,
        "query" => Kill::Statement,
        _ => return Err(Refusal::not_found("this address").into()),
    };
    let number: u64 = id
        .parse()
        .map_err(|_| Refusal::invalid("id", "the number of a session is a whole number"))?;
    let session = match kind.as_str() {
        // Only the end of its session ends a transaction.
        "transaction" => branch::sessions(control, &at)
            .await?
            .into_iter()
            .find(|s| s.transaction.as_ref().is_some_and(|t| t.id == number) || s.id == number)
            .map_or(number, |s| s.id),
        _ => number,
    };
    branch::kill(control, &at, session, what).await?;
    Ok(Json(answer::killed(&at, session, &kind)))
}
