//! The branches of a database.

use crate::access;
use crate::answer::{self, Answer, Failure, Json};
use crate::request::{Authenticated, Parameters, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{Branch, Page};
use offshoot_control::branch::BranchFilter;
use offshoot_control::{branch, locate};
use offshoot_core::Refusal;
use std::collections::BTreeMap;

/// The branches of a database.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/branches", tag = "Branches", operation_id = "list_branches",
    params(
        ("q" = Option<String>, Query, description = "Part of the name"),
        ("production" = Option<bool>, Query, description = "Only production or only development branches"),
        ("safe_migrations" = Option<bool>, Query, description = "Whether they have safe migrations"),
        ("order" = Option<String>, Query, description = "By time of creation: `asc` (default) or `desc`"),
        ("label" = Option<String>, Query, description = "`name=value`, repeatable: branches with all these labels"),
        ("page" = Option<u32>, Query, description = "Number of the page, from 1"),
        ("per_page" = Option<u32>, Query, description = "Entries of a page, at most 100; default 25"),
    ),
    responses((status = 200, description = "The branches of a database", body = Page<Branch>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, name)): Segments<(String, String)>,
    parameters: Parameters,
) -> Answer<Page<Branch>> {
    let control = &state.control;
    let at = locate::database(control, &caller, &org, &name, access::READ_BRANCH).await?;
    let listed = branch::list(control, &at, &filter(&parameters)?, parameters.page()?).await?;
    let shape = |view| answer::branch(&state, view);
    Ok(Json(answer::counted(&state, &parameters, listed, shape)))
}

fn filter(parameters: &Parameters) -> Result<BranchFilter, Failure> {
    let mut labels = BTreeMap::new();
    for label in parameters.all("label") {
        let (name, value) = label
            .split_once('=')
            .ok_or_else(|| Refusal::invalid("label", "a label is written name=value"))?;
        labels.insert(name.to_owned(), value.to_owned());
    }
    Ok(BranchFilter {
        q: parameters.text("q").map(str::to_owned),
        production: parameters.flag("production")?,
        safe_migrations: parameters.flag("safe_migrations")?,
        newest_first: match parameters.text("order") {
            None | Some("asc") => false,
            Some("desc") => true,
            Some(_) => return Err(Refusal::invalid("order", "order is asc or desc").into()),
        },
        labels,
    })
}
