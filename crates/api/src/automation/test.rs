//! What an event would do, without doing it.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Body, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{AutomationTest, TestAutomation};
use offshoot_control::inbound::Arrived;
use offshoot_control::{automation, locate};
use offshoot_core::Refusal;

/// What an event would do, without doing it.
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/databases/{database}/automations/{automation}/test", tag = "Automations", operation_id = "test_automation",
    request_body = TestAutomation,
    responses((status = 200, description = "What an event would do, without doing it", body = AutomationTest))
)]
pub(crate) async fn test(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, name)): Segments<(String, String, String)>,
    Body(body): Body<TestAutomation>,
) -> Answer<AutomationTest> {
    let control = &state.control;
    let needs = access::READ_DATABASE;
    let at = locate::automation(control, &caller, &org, &database, &name, needs).await?;
    let text = serde_json::to_vec(&body.body);
    let arrived = Arrived {
        method: "POST".to_owned(),
        url: String::new(),
        headers: body.headers.into_iter().collect(),
        body: text.map_err(|_| Refusal::invalid("body", "the event is no JSON"))?,
    };
    let tested = automation::test(control, &at, arrived).await?;
    Ok(Json(answer::automation_test(tested)))
}
