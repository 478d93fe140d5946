//! The teams of an organization: there are none.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Parameters, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{Page, Team};
use offshoot_control::locate;
use offshoot_control::page::Listed;

/// The teams of an organization: none.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/teams", tag = "Organizations", operation_id = "list_teams",
    params(
        ("page" = Option<u32>, Query, description = "Number of the page, from 1"),
        ("per_page" = Option<u32>, Query, description = "Entries of a page, at most 100; default 25"),
    ),
    responses((status = 200, description = "None", body = Page<Team>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments(name): Segments<String>,
    parameters: Parameters,
) -> Answer<Page<Team>> {
    let needs = access::READ_ORGANIZATION;
    locate::organization(&state.control, &caller, &name, needs).await?;
    let none = Listed::of_all(Vec::new(), parameters.page()?);
    let page = answer::counted(&state, &parameters, none, |team: Team| team);
    Ok(Json(page))
}
