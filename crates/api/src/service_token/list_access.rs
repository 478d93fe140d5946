//! The accesses of a service token, one entry each.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{AccessGrant, DataList};
use offshoot_control::{locate, token};

/// The accesses of a service token, one entry each.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/service-tokens/{token}/access", tag = "Service tokens", operation_id = "list_service_token_access",
    responses((status = 200, description = "The accesses of a service token, one entry each", body = DataList<AccessGrant>))
)]
pub(crate) async fn list_access(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, id)): Segments<(String, String)>,
) -> Answer<DataList<AccessGrant>> {
    let control = &state.control;
    let at = locate::token(control, &caller, &org, &id, access::READ_TOKENS).await?;
    let view = token::show(control, &at).await?;
    Ok(Json(answer::access_list(&view)))
}
