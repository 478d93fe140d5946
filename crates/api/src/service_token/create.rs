//! Makes a service token without any access; the token is in this answer and nowhere else.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Creating, Segments, seconds};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{CreateServiceToken, ServiceToken};
use offshoot_control::{locate, token};

/// Makes a service token without any access; the token is in this answer and nowhere else.
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/service-tokens", tag = "Service tokens", operation_id = "create_service_token",
    request_body = CreateServiceToken,
    responses((status = 200, description = "Makes a service token without any access; the token is in this answer and nowhere else", body = ServiceToken))
)]
pub(crate) async fn create(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments(name): Segments<String>,
    Creating { body, key }: Creating<CreateServiceToken>,
) -> Answer<ServiceToken> {
    let control = &state.control;
    let at = locate::organization(control, &caller, &name, access::WRITE_TOKENS).await?;
    let ttl = body.ttl.filter(|s| *s != 0);
    let ttl = ttl.map(|s| seconds("ttl", s)).transpose()?;
    let once = key.once(control, &caller).await?;
    let view = token::create(control, &at, body.name, ttl, &once).await?;
    Ok(Json(answer::service_token(view)))
}
