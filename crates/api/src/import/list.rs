//! The imports of a branch, newest first.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Parameters, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{Import, Page};
use offshoot_control::{import, locate};

/// The imports of a branch, those that ended included, newest first.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/imports", tag = "Imports", operation_id = "list_imports",
    params(
        ("page" = Option<u32>, Query, description = "Number of the page, from 1"),
        ("per_page" = Option<u32>, Query, description = "Entries of a page, at most 100; default 25"),
    ),
    responses((status = 200, description = "The imports of a branch, newest first", body = Page<Import>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, branch)): Segments<(String, String, String)>,
    parameters: Parameters,
) -> Answer<Page<Import>> {
    let control = &state.control;
    let needs = access::CONNECT;
    let at = locate::branch(control, &caller, &org, &database, &branch, needs).await?;
    let listed = import::list(control, &at, parameters.page()?).await?;
    Ok(Json(answer::counted(
        &state,
        &parameters,
        listed,
        answer::import,
    )))
}
