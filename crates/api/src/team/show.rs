//! One team: there is none.

use crate::access;
use crate::answer::Answer;
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::Team;
use offshoot_control::locate;
use offshoot_core::Refusal;

/// One team: not found, as there is none.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/teams/{team}", tag = "Organizations", operation_id = "get_team",
    responses((status = 404, description = "There is none", body = offshoot_api_types::ErrorBody))
)]
pub(crate) async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((name, team)): Segments<(String, String)>,
) -> Answer<Team> {
    let needs = access::READ_ORGANIZATION;
    locate::organization(&state.control, &caller, &name, needs).await?;
    let shown: String = team.chars().take(80).collect();
    Err(Refusal::not_found(format!("team {shown:?}")).into())
}
