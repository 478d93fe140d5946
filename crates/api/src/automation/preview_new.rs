//! What a new automation would do at once, without making it.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Body, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{AutomationEffects, CreateAutomation};
use offshoot_control::{automation, locate};

/// What a new automation would do at once, without making it.
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/databases/{database}/automations/preview", tag = "Automations", operation_id = "preview_new_automation",
    request_body = CreateAutomation,
    responses((status = 200, description = "What a new automation would do at once, without making it", body = AutomationEffects))
)]
pub(crate) async fn preview(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database)): Segments<(String, String)>,
    Body(body): Body<CreateAutomation>,
) -> Answer<AutomationEffects> {
    let control = &state.control;
    let at = locate::database(control, &caller, &org, &database, access::WRITE_DATABASE).await?;
    let effects = automation::effects_of_new(control, &at, super::new(body)?).await?;
    Ok(Json(answer::automation_effects(effects)))
}
