//! The read-only regions of a database: there are none.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Parameters, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{Page, ReadOnlyRegion};
use offshoot_control::locate;
use offshoot_control::page::Listed;

/// The read-only regions of a database: there are none.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/read-only-regions", tag = "Databases", operation_id = "list_read_only_regions",
    params(
        ("page" = Option<u32>, Query, description = "Number of the page, from 1"),
        ("per_page" = Option<u32>, Query, description = "Entries of a page, at most 100; default 25"),
    ),
    responses((status = 200, description = "The read-only regions of a database: there are none.", body = Page<ReadOnlyRegion>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, name)): Segments<(String, String)>,
    parameters: Parameters,
) -> Answer<Page<ReadOnlyRegion>> {
    let needs = access::READ_DATABASE;
    locate::database(&state.control, &caller, &org, &name, needs).await?;
    let listed = Listed {
        items: Vec::<ReadOnlyRegion>::new(),
        total: 0,
        page: parameters.page()?,
    };
    let page = answer::uncounted(&state, &parameters, listed, |region| region);
    Ok(Json(page))
}
