//! Sets the seed rules of a database.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Body, IfMatch, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{SeedRules, UpdateSeedRules};
use offshoot_control::{locate, seed_rules};

/// Sets the seed rules of a database: a new version, unless the newest one says the same. They have to
/// fit the tables of its default branch. Branches that are there stay as they are.
#[utoipa::path(
    put, path = "/v1/organizations/{organization}/databases/{database}/seed-rules", tag = "Seed rules", operation_id = "update_seed_rules",
    request_body = UpdateSeedRules,
    responses((status = 200, description = "The rules as they hold now", body = SeedRules))
)]
pub(crate) async fn set(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database)): Segments<(String, String)>,
    IfMatch(expected): IfMatch,
    Body(body): Body<UpdateSeedRules>,
) -> Answer<SeedRules> {
    let control = &state.control;
    let needs = access::WRITE_SEED_RULES;
    let at = locate::database(control, &caller, &org, &database, needs).await?;
    let view = seed_rules::set(control, &at, body.rules, &expected).await?;
    let revision = view.revision.clone();
    Ok(Json::at(revision, answer::seed_rules(view)))
}
