//! Safe migrations: they come with deploy requests, so they can be switched off only.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Body, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{Branch, SafeMigrations};
use offshoot_control::caller::Caller;
use offshoot_control::{branch, locate};
use offshoot_core::Refusal;

fn not_there() -> Refusal {
    Refusal::unprocessable(
        "safe migrations cannot be switched on: there are no deploy requests yet, so nothing could change the schema",
    )
    .hint("protect the branch from deletion instead, and give out passwords with the role readwriter")
}

/// Refused: there are no deploy requests yet.
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/safe-migrations", tag = "Branches", operation_id = "enable_safe_migrations",
    responses((status = 422, description = "There are no deploy requests yet", body = offshoot_api_types::ErrorBody))
)]
pub(crate) async fn enable(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, name)): Segments<(String, String, String)>,
) -> Answer<Branch> {
    unchanged(&state, &caller, &org, &database, &name).await?;
    Err(not_there().into())
}

/// They are off.
#[utoipa::path(
    delete, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/safe-migrations", tag = "Branches", operation_id = "disable_safe_migrations",
    responses((status = 200, description = "They are off", body = Branch))
)]
pub(crate) async fn disable(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, name)): Segments<(String, String, String)>,
) -> Answer<Branch> {
    unchanged(&state, &caller, &org, &database, &name).await
}

/// Off is what they are, on is refused.
#[utoipa::path(
    put, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/safe-migrations", tag = "Branches", operation_id = "set_safe_migrations",
    request_body = SafeMigrations,
    responses((status = 200, description = "They are off", body = Branch))
)]
pub(crate) async fn set(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, name)): Segments<(String, String, String)>,
    Body(body): Body<SafeMigrations>,
) -> Answer<Branch> {
    let answer = unchanged(&state, &caller, &org, &database, &name).await?;
    match body.safe_migrations {
        Some(true) => Err(not_there().into()),
        Some(false) => Ok(answer),
        None => Err(Refusal::invalid("safe_migrations", "true or false is missing").into()),
    }
}

async fn unchanged(
    state: &ApiState,
    caller: &Caller,
    org: &str,
    database: &str,
    name: &str,
) -> Answer<Branch> {
    let control = &state.control;
    let needs = access::UPDATE_BRANCH;
    let at = locate::branch(control, caller, org, database, name, needs).await?;
    let view = branch::show(control, &at).await?;
    Ok(Json(answer::branch(state, view)))
}
