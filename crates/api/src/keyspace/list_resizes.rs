//! The changes of a keyspace's size.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Parameters, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{KeyspaceResize, Page};
use offshoot_control::page::Listed;
use offshoot_control::{keyspace, locate};

/// The changes of a keyspace's size: the last one of its branch. Earlier ones are in the audit log.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/keyspaces/{keyspace}/resizes", tag = "Keyspaces", operation_id = "list_keyspace_resizes",
    params(
        ("page" = Option<u32>, Query, description = "Number of the page, from 1"),
        ("per_page" = Option<u32>, Query, description = "Entries of a page, at most 100; default 25"),
    ),
    responses((status = 200, description = "The last resize, or none", body = Page<KeyspaceResize>))
)]
pub(crate) async fn list_resizes(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, branch, name)): Segments<(String, String, String, String)>,
    parameters: Parameters,
) -> Answer<Page<KeyspaceResize>> {
    let control = &state.control;
    let needs = access::READ_BRANCH;
    let at = locate::branch(control, &caller, &org, &database, &branch, needs).await?;
    let page = parameters.page()?;
    let last = keyspace::last_resize(control, &at, &name).await?;
    let listed = Listed::of_all(last.into_iter().collect(), page);
    let shape = answer::keyspace_resize;
    Ok(Json(answer::uncounted(&state, &parameters, listed, shape)))
}
