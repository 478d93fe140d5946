//! One service token, without the token itself.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::ServiceToken;
use offshoot_control::{locate, token};

/// One service token, without the token itself.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/service-tokens/{token}", tag = "Service tokens", operation_id = "get_service_token",
    responses((status = 200, description = "One service token, without the token itself", body = ServiceToken))
)]
pub(crate) async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, id)): Segments<(String, String)>,
) -> Answer<ServiceToken> {
    let control = &state.control;
    let at = locate::token(control, &caller, &org, &id, access::READ_TOKENS).await?;
    let view = token::show(control, &at).await?;
    Ok(Json::at(view.revision(), answer::service_token(view)))
}
