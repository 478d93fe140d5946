//! Removes a member: the only one is the owner, and stays.

use crate::access;
use crate::answer::Failure;
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use axum::http::StatusCode;
use offshoot_control::{locate, member};
use offshoot_core::Refusal;

/// Refused: the owner is the only member.
#[utoipa::path(
    delete, path = "/v1/organizations/{organization}/members/{member}", tag = "Organizations", operation_id = "remove_member",
    responses((status = 422, description = "The owner stays", body = offshoot_api_types::ErrorBody))
)]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((name, id)): Segments<(String, String)>,
) -> Result<StatusCode, Failure> {
    let needs = access::WRITE_ORGANIZATION;
    let at = locate::organization(&state.control, &caller, &name, needs).await?;
    member::show(&at, &id)?;
    Err(
        Refusal::unprocessable("the owner is the only member, and stays")
            .hint("take service tokens away instead: offshoot service-token delete")
            .into(),
    )
}
