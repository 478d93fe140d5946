//! What each branch takes in the pool, by name.

use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Parameters};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{BranchUsage, Page};
use offshoot_control::pool;

/// What each branch takes in the pool, by name.
#[utoipa::path(
    get, path = "/v1/pool/branches", tag = "Machine", operation_id = "list_pool_branches",
    params(
        ("page" = Option<u32>, Query, description = "Number of the page, from 1"),
        ("per_page" = Option<u32>, Query, description = "Entries of a page, at most 100; default 25"),
    ),
    responses((status = 200, description = "What each branch takes in the pool, by name", body = Page<BranchUsage>))
)]
pub(crate) async fn usage(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    parameters: Parameters,
) -> Answer<Page<BranchUsage>> {
    let listed = pool::usage(&state.control, &caller, parameters.page()?).await?;
    Ok(Json(answer::counted(
        &state,
        &parameters,
        listed,
        answer::usage,
    )))
}
