//! Tests seed rules on a copy of a branch.

use crate::access;
use crate::answer::{self, Failure, Json};
use crate::request::{Authenticated, Creating, Prefer, Segments};
use crate::state::ApiState;
use axum::extract::State;
use axum::http::StatusCode;
use offshoot_api_types::{CreateSeedRulesTest, SeedRulesTest};
use offshoot_control::{locate, seed_rules};

/// Tests seed rules: the branch is copied as it is, the rules are carried out on the copy, which nobody
/// reaches, and it is thrown away. One test at a time for a database.
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/seed-rules/tests", tag = "Seed rules", operation_id = "create_seed_rules_test",
    params(("Prefer" = Option<String>, Header, description = "`wait=N`: answer when it is over, at the latest after N seconds (300 at most)")),
    request_body = CreateSeedRulesTest,
    responses((status = 201, description = "The test, as far as it is by then", body = SeedRulesTest))
)]
pub(crate) async fn test(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, branch)): Segments<(String, String, String)>,
    prefer: Prefer,
    Creating { body, key }: Creating<CreateSeedRulesTest>,
) -> Result<(StatusCode, Json<SeedRulesTest>), Failure> {
    let control = &state.control;
    let needs = access::TEST_SEED_RULES;
    let at = locate::branch(control, &caller, &org, &database, &branch, needs).await?;
    let once = key.once(control, &caller).await?;
    let mut test = seed_rules::test(control, &at, body.rules, &once).await?;
    if let Some(time) = prefer.wait.filter(|t| !t.is_zero()) {
        seed_rules::wait_test(control, test.id, time).await?;
        test = seed_rules::show_test(control, &at, test.id.as_str()).await?;
    }
    Ok((StatusCode::CREATED, Json(answer::seed_rules_test(test))))
}
