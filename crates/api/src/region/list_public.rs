//! All regions; needs no token.

use crate::answer::{self, Answer, Json};
use crate::request::Parameters;
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{Page, PublicRegion, Region};
use offshoot_control::page::Listed;

/// All regions; needs no token.
#[utoipa::path(
    get, path = "/v1/regions", tag = "Organizations", operation_id = "list_public_regions",
    params(
        ("page" = Option<u32>, Query, description = "Number of the page, from 1"),
        ("per_page" = Option<u32>, Query, description = "Entries of a page, at most 100; default 25"),
    ),
    responses((status = 200, description = "All regions; needs no token", body = Page<PublicRegion>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    parameters: Parameters,
) -> Answer<Page<PublicRegion>> {
    let listed = Listed {
        items: vec![Region::clone(&state.region).into()],
        total: 1,
        page: parameters.page()?,
    };
    Ok(Json(answer::uncounted(
        &state,
        &parameters,
        listed,
        |region| region,
    )))
}
