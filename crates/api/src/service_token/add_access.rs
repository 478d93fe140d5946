//! Grants accesses, on a database or on the whole organization.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Body, Segments};
use crate::service_token::accesses;
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{AccessGrant, ChangeAccess, DataList};
use offshoot_control::{locate, token};

/// Grants accesses, on a database or on the whole organization.
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/service-tokens/{token}/access", tag = "Service tokens", operation_id = "add_service_token_access",
    request_body = ChangeAccess,
    responses((status = 200, description = "Grants accesses, on a database or on the whole organization", body = DataList<AccessGrant>))
)]
pub(crate) async fn add_access(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, id)): Segments<(String, String)>,
    Body(body): Body<ChangeAccess>,
) -> Answer<DataList<AccessGrant>> {
    let control = &state.control;
    let at = locate::token(control, &caller, &org, &id, access::WRITE_TOKENS).await?;
    let accesses = accesses(&body.access)?;
    let view = token::grant(control, &at, body.database.as_deref(), &accesses).await?;
    Ok(Json(answer::access_list(&view)))
}
