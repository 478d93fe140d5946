//! The keyspaces of a branch.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Parameters, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{Keyspace, Page};
use offshoot_control::page::Listed;
use offshoot_control::{keyspace, locate};

/// The keyspaces of a branch, which are its MySQL schemas, by name; wakes it.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/keyspaces", tag = "Keyspaces", operation_id = "list_keyspaces",
    params(
        ("page" = Option<u32>, Query, description = "Number of the page, from 1"),
        ("per_page" = Option<u32>, Query, description = "Entries of a page, at most 100; default 25"),
    ),
    responses((status = 200, description = "The keyspaces of a branch", body = Page<Keyspace>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, branch)): Segments<(String, String, String)>,
    parameters: Parameters,
) -> Answer<Page<Keyspace>> {
    let control = &state.control;
    let needs = access::READ_BRANCH;
    let at = locate::branch(control, &caller, &org, &database, &branch, needs).await?;
    let page = parameters.page()?;
    let listed = Listed::of_all(keyspace::list(control, &at).await?, page);
    let shape = answer::keyspace;
    Ok(Json(answer::uncounted(&state, &parameters, listed, shape)))
}
