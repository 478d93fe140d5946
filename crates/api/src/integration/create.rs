//! Makes an integration.

use super::{poll, required};
use crate::access;
use crate::answer::{self, Failure, Json};
use crate::request::{Authenticated, Creating, Segments};
use crate::state::ApiState;
use axum::extract::State;
use axum::http::StatusCode;
use offshoot_api_types::{CreateIntegration, Integration};
use offshoot_control::integration::{self, NewIntegration};
use offshoot_control::locate;
use offshoot_core::name::IntegrationName;

/// Makes an integration.
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/integrations", tag = "Integrations", operation_id = "create_integration",
    request_body = CreateIntegration,
    responses((status = 201, description = "Makes an integration", body = Integration))
)]
pub(crate) async fn create(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments(org): Segments<String>,
    Creating { body, key }: Creating<CreateIntegration>,
) -> Result<(StatusCode, Json<Integration>), Failure> {
    let control = &state.control;
    let at = locate::organization(control, &caller, &org, access::WRITE_ORGANIZATION).await?;
    let new = NewIntegration {
        name: IntegrationName::parse(&required("name", body.name)?)?,
        tool: required("tool", body.tool)?,
        settings: body.settings.unwrap_or_default(),
        secret: body.secret.map(Into::into),
        token: body.token.map(Into::into),
        poll_every: poll(body.poll_seconds)?,
    };
    let once = key.once(control, &caller).await?;
    let view = integration::create(control, &at, new, &once).await?;
    Ok((StatusCode::CREATED, Json(answer::integration(&state, view))))
}
