//! The automations of a database, by name.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Parameters, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{Automation, Page};
use offshoot_control::{automation, locate};

/// The automations of a database, by name.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/automations", tag = "Automations", operation_id = "list_automations",
    params(
        ("page" = Option<u32>, Query, description = "Number of the page, from 1"),
        ("per_page" = Option<u32>, Query, description = "Entries of a page, at most 100; default 25"),
    ),
    responses((status = 200, description = "The automations of a database, by name", body = Page<Automation>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database)): Segments<(String, String)>,
    parameters: Parameters,
) -> Answer<Page<Automation>> {
    let control = &state.control;
    let at = locate::database(control, &caller, &org, &database, access::READ_DATABASE).await?;
    let listed = automation::list(control, &at, parameters.page()?).await?;
    let shape = answer::automation;
    Ok(Json(answer::counted(&state, &parameters, listed, shape)))
}
