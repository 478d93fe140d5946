//! The seed rules of a database.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Parameters, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::SeedRules;
use offshoot_control::{locate, seed_rules};

/// The seed rules of a database: what its branches with data have to pass.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/seed-rules", tag = "Seed rules", operation_id = "get_seed_rules",
    params(("version" = Option<u32>, Query, description = "An earlier version; absent = the newest")),
    responses((status = 200, description = "The rules; without any, `rules` is null", body = SeedRules))
)]
pub(crate) async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database)): Segments<(String, String)>,
    parameters: Parameters,
) -> Answer<SeedRules> {
    let control = &state.control;
    let needs = access::READ_SEED_RULES;
    let at = locate::database(control, &caller, &org, &database, needs).await?;
    let version = parameters.number("version")?;
    let view = seed_rules::show(control, &at, version).await?;
    let revision = view.revision.clone();
    Ok(Json::at(revision, answer::seed_rules(view)))
}
