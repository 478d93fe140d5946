//! Safe migrations, on and off.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Body, IfMatch, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{Branch, SafeMigrations};
use offshoot_control::caller::Caller;
use offshoot_control::revision::Expected;
use offshoot_control::{branch, locate};
use offshoot_core::Refusal;

/// Lets no statement change the schema of a production branch, whatever the role.
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/safe-migrations", tag = "Branches", operation_id = "enable_safe_migrations",
    responses((status = 200, description = "They are on", body = Branch), (status = 422, description = "The branch cannot have them", body = offshoot_api_types::ErrorBody))
)]
pub(crate) async fn enable(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments(at): Segments<(String, String, String)>,
    IfMatch(expected): IfMatch,
) -> Answer<Branch> {
    switch(&state, &caller, at, true, &expected).await
}

/// Lets statements change the schema again.
#[utoipa::path(
    delete, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/safe-migrations", tag = "Branches", operation_id = "disable_safe_migrations",
    responses((status = 200, description = "They are off", body = Branch))
)]
pub(crate) async fn disable(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments(at): Segments<(String, String, String)>,
    IfMatch(expected): IfMatch,
) -> Answer<Branch> {
    switch(&state, &caller, at, false, &expected).await
}

/// Switches safe migrations on or off.
#[utoipa::path(
    put, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/safe-migrations", tag = "Branches", operation_id = "set_safe_migrations",
    request_body = SafeMigrations,
    responses((status = 200, description = "They are as wanted", body = Branch), (status = 422, description = "The branch cannot have them", body = offshoot_api_types::ErrorBody))
)]
pub(crate) async fn set(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments(at): Segments<(String, String, String)>,
    IfMatch(expected): IfMatch,
    Body(body): Body<SafeMigrations>,
) -> Answer<Branch> {
    let missing = || Refusal::invalid("safe_migrations", "true or false is missing");
    let on = body.safe_migrations.ok_or_else(missing)?;
    switch(&state, &caller, at, on, &expected).await
}

async fn switch(
    state: &ApiState,
    caller: &Caller,
    (org, database, name): (String, String, String),
    on: bool,
    expected: &Expected,
) -> Answer<Branch> {
    let control = &state.control;
    let needs = access::WRITE_SAFE_MIGRATIONS;
    let at = locate::branch(control, caller, &org, &database, &name, needs).await?;
    let view = branch::set_safe_migrations(control, &at, on, expected).await?;
    Ok(Json::at(view.revision(), answer::branch(state, view)))
}
