//! The passwords of all branches of a database, newest first.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::password::list::filter;
use crate::request::{Authenticated, Parameters, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{Page, Password};
use offshoot_control::{locate, password};

/// The passwords of all branches of a database, newest first.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/passwords", tag = "Passwords", operation_id = "list_database_passwords",
    params(
        ("q" = Option<String>, Query, description = "Part of the name or username"),
        ("status" = Option<String>, Query, description = "`active`, `renewable` or `expired`"),
        ("read_only_region_id" = Option<String>, Query, description = "There are no such regions: any id finds none"),
        ("page" = Option<u32>, Query, description = "Number of the page, from 1"),
        ("per_page" = Option<u32>, Query, description = "Entries of a page, at most 100; default 25"),
    ),
    responses((status = 200, description = "The passwords of all branches of a database, newest first", body = Page<Password>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, name)): Segments<(String, String)>,
    parameters: Parameters,
) -> Answer<Page<Password>> {
    let control = &state.control;
    let at = locate::database(control, &caller, &org, &name, access::READ_PASSWORD).await?;
    let filter = filter(&parameters)?;
    let page = parameters.page()?;
    let listed = password::list_of_database(control, &at, &filter, page).await?;
    let shape = |view| answer::password(&state, &at.database().schema_name, view);
    Ok(Json(answer::counted(&state, &parameters, listed, shape)))
}
