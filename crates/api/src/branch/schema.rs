//! The tables and other objects of a branch, as its engine shows them; wakes it.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Parameters, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{DataList, SchemaText};
use offshoot_control::{branch, locate};

/// The tables and other objects of a branch, as its engine shows them; wakes it.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/schema", tag = "Branches", operation_id = "get_branch_schema",
    params(("keyspace" = Option<String>, Query, description = "Only the objects of this MySQL schema")),
    responses((status = 200, description = "The tables and other objects of a branch, as its engine shows them; wakes it", body = DataList<SchemaText>))
)]
pub(crate) async fn schema(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, name)): Segments<(String, String, String)>,
    parameters: Parameters,
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
    let keyspace = parameters.text("keyspace");
    let objects = branch::schema(control, &at, keyspace).await?;
    Ok(Json(answer::texts(objects)))
}
