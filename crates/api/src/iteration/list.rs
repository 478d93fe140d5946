//! The iterations that planning tools announced, newest first.

use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Parameters, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{Iteration, Page};
use offshoot_control::iteration::{self, IterationFilter};
use offshoot_control::locate;

/// The iterations that planning tools announced, newest first.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/iterations", tag = "Iterations", operation_id = "list_iterations",
    params(
        ("integration" = Option<String>, Query, description = "Name or id: only its iterations"),
        ("state" = Option<String>, Query, description = "`planned`, `started`, `ended` or `deleted`"),
        ("page" = Option<u32>, Query, description = "Number of the page, from 1"),
        ("per_page" = Option<u32>, Query, description = "Entries of a page, at most 100; default 25"),
    ),
    responses((status = 200, description = "The iterations that planning tools announced, newest first", body = Page<Iteration>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments(org): Segments<String>,
    parameters: Parameters,
) -> Answer<Page<Iteration>> {
    let control = &state.control;
    let at = locate::organization(control, &caller, &org, &[]).await?;
    let wanted = parameters.text("state").map(str::parse);
    let filter = IterationFilter {
        integration: parameters.text("integration").map(str::to_owned),
        state: wanted.transpose()?,
    };
    let listed = iteration::list(control, &at, &filter, parameters.page()?).await?;
    let shape = |view| answer::iteration(&state, view);
    Ok(Json(answer::counted(&state, &parameters, listed, shape)))
}
