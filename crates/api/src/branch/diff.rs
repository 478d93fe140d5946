//! What differs between a branch and its parent, a unified diff per object; wakes both.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{DataList, SchemaText};
use offshoot_control::{branch, locate};

/// What differs between a branch and its parent, a unified diff per object; wakes both.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/diff", tag = "Branches", operation_id = "get_branch_diff",
    responses((status = 200, description = "What differs between a branch and its parent, a unified diff per object; wakes both", body = DataList<SchemaText>))
)]
pub(crate) async fn diff(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, name)): Segments<(String, String, String)>,
) -> Answer<DataList<SchemaText>> {
    let control = &state.control;
    let at = locate::branch(
        control,
        &caller,
        &org,
        &database,
        &name,
        access::READ_BRANCH,
    )
    .await?;
    let objects = branch::diff(control, &at).await?;
    Ok(Json(answer::texts(objects)))
}
