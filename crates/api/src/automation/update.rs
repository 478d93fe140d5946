//! Changes an automation; absent fields stay.

use super::parse;
use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Body, IfMatch, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{Automation, UpdateAutomation};
use offshoot_control::{automation, locate};

/// Changes an automation; absent fields stay. What that does to branches, `…/preview` tells before.
#[utoipa::path(
    patch, path = "/v1/organizations/{organization}/databases/{database}/automations/{automation}", tag = "Automations", operation_id = "update_automation",
    request_body = UpdateAutomation,
    responses((status = 200, description = "Changes an automation; absent fields stay", body = Automation))
)]
pub(crate) async fn update(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, name)): Segments<(String, String, String)>,
    IfMatch(expected): IfMatch,
    Body(body): Body<UpdateAutomation>,
) -> Answer<Automation> {
    let control = &state.control;
    let needs = access::WRITE_DATABASE;
    let at = locate::automation(control, &caller, &org, &database, &name, needs).await?;
    let change = parse(body, expected)?;
    let view = automation::update(control, &at, change).await?;
    let revision = view.revision();
    Ok(Json::at(revision, answer::automation(view)))
}
