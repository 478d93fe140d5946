//! What a change of an automation would do, without doing it.

use super::parse;
use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Body, IfMatch, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{AutomationEffects, UpdateAutomation};
use offshoot_control::{automation, locate};

/// What a change of an automation would do, without doing it.
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/databases/{database}/automations/{automation}/preview", tag = "Automations", operation_id = "preview_automation",
    request_body = UpdateAutomation,
    responses((status = 200, description = "What a change of an automation would do, without doing it", body = AutomationEffects))
)]
pub(crate) async fn preview(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, name)): Segments<(String, String, String)>,
    IfMatch(expected): IfMatch,
    Body(body): Body<UpdateAutomation>,
) -> Answer<AutomationEffects> {
    let control = &state.control;
    let needs = access::WRITE_DATABASE;
    let at = locate::automation(control, &caller, &org, &database, &name, needs).await?;
    let change = parse(body, expected)?;
    let effects = automation::effects(control, &at, &change).await?;
    Ok(Json(answer::automation_effects(effects)))
}
