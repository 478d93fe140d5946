//! A test of seed rules.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::SeedRulesTest;
use offshoot_control::{locate, seed_rules};

/// A test of seed rules, with what they did.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/seed-rules/tests/{id}", tag = "Seed rules", operation_id = "get_seed_rules_test",
    responses((status = 200, description = "The test", body = SeedRulesTest))
)]
pub(crate) async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, branch, id)): Segments<(String, String, String, String)>,
) -> Answer<SeedRulesTest> {
    let control = &state.control;
    let needs = access::TEST_SEED_RULES;
    let at = locate::branch(control, &caller, &org, &database, &branch, needs).await?;
    let test = seed_rules::show_test(control, &at, &id).await?;
    Ok(Json(answer::seed_rules_test(test)))
}
