//! Makes an automation.

use crate::access;
use crate::answer::{self, Failure, Json};
use crate::request::{Authenticated, Creating, Segments};
use crate::state::ApiState;
use axum::extract::State;
use axum::http::StatusCode;
use offshoot_api_types::{Automation, CreateAutomation};
use offshoot_control::{automation, locate};

/// Makes an automation. Iterations that are known already are looked at, too.
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/databases/{database}/automations", tag = "Automations", operation_id = "create_automation",
    request_body = CreateAutomation,
    responses((status = 201, description = "Makes an automation", body = Automation))
)]
pub(crate) async fn create(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database)): Segments<(String, String)>,
    Creating { body, key }: Creating<CreateAutomation>,
) -> Result<(StatusCode, Json<Automation>), Failure> {
    let control = &state.control;
    let at = locate::database(control, &caller, &org, &database, access::WRITE_DATABASE).await?;
    let new = super::new(body)?;
    let once = key.once(control, &caller).await?;
    let view = automation::create(control, &at, new, &once).await?;
    Ok((StatusCode::CREATED, Json(answer::automation(view))))
}
