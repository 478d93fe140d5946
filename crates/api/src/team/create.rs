//! Makes a team: there are no people to put into one.

use crate::access;
use crate::answer::{Answer, Failure};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::Team;
use offshoot_control::locate;
use offshoot_core::Refusal;

/// Refused: an organization has one member, so there is nobody to put into a team.
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/teams", tag = "Organizations", operation_id = "make_team",
    responses((status = 422, description = "There are no teams", body = offshoot_api_types::ErrorBody))
)]
pub(crate) async fn create(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments(name): Segments<String>,
) -> Answer<Team> {
    let needs = access::WRITE_ORGANIZATION;
    locate::organization(&state.control, &caller, &name, needs).await?;
    Err(Failure::from(
        Refusal::unprocessable("there are no teams: the organization has one member, its owner")
            .hint("give each group a service token of its own: offshoot service-token create"),
    ))
}
