//! The programs that act for users.

use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Parameters, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{Page, UserSession};
use offshoot_control::page::Listed;
use offshoot_control::{locate, session};

/// The sessions of the user that calls; everybody's for those who may change the organization.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/sessions", tag = "Organizations", operation_id = "list_sessions",
    params(
        ("page" = Option<u32>, Query, description = "Number of the page, from 1"),
        ("per_page" = Option<u32>, Query, description = "Entries of a page, at most 100; default 25"),
    ),
    responses((status = 200, description = "The sessions, newest first", body = Page<UserSession>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments(name): Segments<String>,
    parameters: Parameters,
) -> Answer<Page<UserSession>> {
    let at = locate::organization(&state.control, &caller, &name, &[]).await?;
    let found = session::list(&state.control, &at).await?;
    let listed = Listed::of_all(found, parameters.page()?);
    let page = answer::counted(&state, &parameters, listed, answer::session);
    Ok(Json(page))
}
