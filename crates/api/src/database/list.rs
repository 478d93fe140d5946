//! The databases of an organization that the caller may know of.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Parameters, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{Database, Page};
use offshoot_control::{database, locate};

/// The databases of an organization that the caller may know of.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases", tag = "Databases", operation_id = "list_databases",
    params(
        ("q" = Option<String>, Query, description = "Part of the name"),
        ("page" = Option<u32>, Query, description = "Number of the page, from 1"),
        ("per_page" = Option<u32>, Query, description = "Entries of a page, at most 100; default 25"),
    ),
    responses((status = 200, description = "The databases of an organization that the caller may know of", body = Page<Database>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments(name): Segments<String>,
    parameters: Parameters,
) -> Answer<Page<Database>> {
    let at = locate::organization(&state.control, &caller, &name, access::LIST_DATABASES).await?;
    let page = parameters.page()?;
    let listed = database::list(&state.control, &at, parameters.text("q"), page).await?;
    let shape = |view| answer::database(&state, view);
    Ok(Json(answer::counted(&state, &parameters, listed, shape)))
}
