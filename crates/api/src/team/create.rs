//! Makes a team: there are none.

use crate::access;
use crate::answer::{Answer, Failure};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::Team;
use offshoot_control::locate;
use offshoot_core::Refusal;

/// Refused: what members may do is said by their role.
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
        Refusal::unprocessable("there are no teams: what a member may do is said by their role")
            .hint("give each group a service token of its own: offshoot service-token create"),
    ))
}
