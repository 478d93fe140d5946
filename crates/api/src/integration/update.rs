//! Changes an integration; absent fields stay.

use super::poll;
use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Body, IfMatch, Segments, blank};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{Integration, UpdateIntegration};
use offshoot_control::integration::{self, IntegrationChange};
use offshoot_control::locate;
use offshoot_core::Refusal;
use offshoot_core::name::IntegrationName;

/// Changes an integration; absent fields stay.
#[utoipa::path(
    patch, path = "/v1/organizations/{organization}/integrations/{integration}", tag = "Integrations", operation_id = "update_integration",
    request_body = UpdateIntegration,
    responses((status = 200, description = "Changes an integration; absent fields stay", body = Integration))
)]
pub(crate) async fn update(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, name)): Segments<(String, String)>,
    IfMatch(expected): IfMatch,
    Body(body): Body<UpdateIntegration>,
) -> Answer<Integration> {
    let control = &state.control;
    let needs = access::WRITE_ORGANIZATION;
    let at = locate::integration(control, &caller, &org, &name, needs).await?;
    let new_name = body.new_name.as_deref().map(IntegrationName::parse);
    let ids = body.remove_secrets.unwrap_or_default();
    let ids = ids.iter().map(|id| {
        id.parse()
            .map_err(|_| Refusal::invalid("remove_secrets", format!("{id:?} is not an id")))
    });
    let change = IntegrationChange {
        name: new_name.transpose()?,
        settings: body.settings,
        enabled: body.enabled,
        secret: body.secret.map(Into::into),
        draw_secret: body.draw_secret.unwrap_or_default(),
        remove_secrets: ids.collect::<Result<_, _>>()?,
        token: body.token.map(|token| blank(token).map(Into::into)),
        poll_every: body.poll_seconds.map(poll).transpose()?,
        expected,
    };
    let view = integration::update(control, &at, change).await?;
    let revision = view.revision();
    Ok(Json::at(revision, answer::integration(&state, view)))
}
