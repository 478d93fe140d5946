//! The regions of a database.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Parameters, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{Page, Region};
use offshoot_control::locate;
use offshoot_control::page::Listed;

/// The regions of a database.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/regions", tag = "Databases", operation_id = "list_database_regions",
    params(
        ("page" = Option<u32>, Query, description = "Number of the page, from 1"),
        ("per_page" = Option<u32>, Query, description = "Entries of a page, at most 100; default 25"),
    ),
    responses((status = 200, description = "The regions of a database.", body = Page<Region>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, name)): Segments<(String, String)>,
    parameters: Parameters,
) -> Answer<Page<Region>> {
    let needs = access::READ_DATABASE;
    locate::database(&state.control, &caller, &org, &name, needs).await?;
    let listed = Listed {
        items: vec![Region::clone(&state.region)],
        total: 1,
        page: parameters.page()?,
    };
    let page = answer::uncounted(&state, &parameters, listed, |region| region);
    Ok(Json(page))
}
