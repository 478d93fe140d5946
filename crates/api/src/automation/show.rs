//! One automation.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::Automation;
use offshoot_control::{automation, locate};

/// One automation.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/automations/{automation}", tag = "Automations", operation_id = "get_automation",
    responses((status = 200, description = "One automation", body = Automation))
)]
pub(crate) async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, name)): Segments<(String, String, String)>,
) -> Answer<Automation> {
    let control = &state.control;
    let needs = access::READ_DATABASE;
    let at = locate::automation(control, &caller, &org, &database, &name, needs).await?;
    let view = automation::show(control, &at).await?;
    let revision = view.revision();
    Ok(Json::at(revision, answer::automation(view)))
}
