//! The accesses of a service token by resource.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{DataList, ResourceGrants};
use offshoot_control::{locate, token};

/// The accesses of a service token by resource.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/service-tokens/{token}/grants", tag = "Service tokens", operation_id = "list_service_token_grants",
    responses((status = 200, description = "The accesses of a service token by resource", body = DataList<ResourceGrants>))
)]
pub(crate) async fn show_access(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, id)): Segments<(String, String)>,
) -> Answer<DataList<ResourceGrants>> {
    let control = &state.control;
    let at = locate::token(control, &caller, &org, &id, access::READ_TOKENS).await?;
    let view = token::show(control, &at).await?;
    Ok(Json(answer::grants(&view)))
}
