//! The versions of a database's seed rules.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Parameters, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{Page, SeedRulesVersion};
use offshoot_control::{locate, seed_rules};

/// The versions of a database's seed rules, newest first.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/seed-rules/versions", tag = "Seed rules", operation_id = "list_seed_rules_versions",
    params(
        ("page" = Option<u32>, Query, description = "Number of the page, from 1"),
        ("per_page" = Option<u32>, Query, description = "Entries of a page, at most 100; default 25"),
    ),
    responses((status = 200, description = "The versions, newest first, without their documents", body = Page<SeedRulesVersion>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database)): Segments<(String, String)>,
    parameters: Parameters,
) -> Answer<Page<SeedRulesVersion>> {
    let control = &state.control;
    let needs = access::READ_SEED_RULES;
    let at = locate::database(control, &caller, &org, &database, needs).await?;
    let listed = seed_rules::versions(control, &at, parameters.page()?).await?;
    let shape = answer::seed_rules_version;
    Ok(Json(answer::counted(&state, &parameters, listed, shape)))
}
