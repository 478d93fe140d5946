//! Changes a database; absent fields stay.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Body, IfMatch, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{Database, UpdateDatabase};
use offshoot_control::database::DatabaseChange;
use offshoot_control::{database, locate};
use offshoot_core::Refusal;
use offshoot_core::name::DatabaseName;

/// Changes a database; absent fields stay.
#[utoipa::path(
    patch, path = "/v1/organizations/{organization}/databases/{database}", tag = "Databases", operation_id = "update_database",
    request_body = UpdateDatabase,
    responses((status = 200, description = "Changes a database; absent fields stay", body = Database))
)]
pub(crate) async fn update(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, name)): Segments<(String, String)>,
    IfMatch(expected): IfMatch,
    Body(body): Body<UpdateDatabase>,
) -> Answer<Database> {
    let control = &state.control;
    let at = locate::database(control, &caller, &org, &name, access::WRITE_DATABASE).await?;
    let mut change = change(body)?;
    change.expected = expected;
    let view = database::update(control, &at, change).await?;
    Ok(Json::at(view.revision(), answer::database(&state, view)))
}

fn change(body: UpdateDatabase) -> Result<DatabaseChange, Refusal> {
    let new_name = body.new_name.as_deref().map(|name| {
        DatabaseName::parse_new(name).map_err(|mut refusal| {
            refusal.field = Some("new_name");
            refusal
        })
    });
    Ok(DatabaseChange {
        new_name: new_name.transpose()?,
        deletion_protected: body.deletion_protected,
        allow_data_branching: body.allow_data_branching,
        require_seed_rules: body.require_seed_rules,
        default_branch: body.default_branch,
        ..DatabaseChange::default()
    })
}
