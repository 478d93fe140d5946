//! What is questionable about a branch's tables, as its engine shows them; wakes it.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Parameters, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{LintError, Page};
use offshoot_control::page::Listed;
use offshoot_control::{branch, locate};

/// What is questionable about a branch's tables; wakes it.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/schema/lint", tag = "Branches", operation_id = "lint_branch_schema",
    params(
        ("page" = Option<u32>, Query, description = "Number of the page, from 1"),
        ("per_page" = Option<u32>, Query, description = "Entries of a page, at most 100; default 25"),
    ),
    responses((status = 200, description = "Findings, by table", body = Page<LintError>))
)]
pub(crate) async fn lint(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, name)): Segments<(String, String, String)>,
    parameters: Parameters,
) -> Answer<Page<LintError>> {
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
    let page = parameters.page()?;
    let all = branch::lint(control, &at).await?;
    let listed = Listed::of_all(all, page);
    let shape = answer::finding;
    Ok(Json(answer::uncounted(&state, &parameters, listed, shape)))
}
