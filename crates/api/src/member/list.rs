//! The members of an organization.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Parameters, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{Member, Page};
use offshoot_control::page::Listed;
use offshoot_control::{locate, member};

/// The members of an organization: its users.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/members", tag = "Organizations", operation_id = "list_members",
    params(
        ("q" = Option<String>, Query, description = "Part of the name or e-mail address"),
        ("page" = Option<u32>, Query, description = "Number of the page, from 1"),
        ("per_page" = Option<u32>, Query, description = "Entries of a page, at most 100; default 25"),
    ),
    responses((status = 200, description = "The members", body = Page<Member>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments(name): Segments<String>,
    parameters: Parameters,
) -> Answer<Page<Member>> {
    let needs = access::READ_ORGANIZATION;
    let at = locate::organization(&state.control, &caller, &name, needs).await?;
    let found = member::list(&state.control, &at, parameters.text("q")).await?;
    let listed = Listed::of_all(found, parameters.page()?);
    let shape = |user| answer::member(at.organization(), &user);
    Ok(Json(answer::counted(&state, &parameters, listed, shape)))
}
