//! Throws away what a branch holds and starts it again with its parent's schema, or data.

use super::create::seed as seed_of;
use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Body, Prefer, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{Branch, ResetBranch};
use offshoot_control::{branch, locate};

/// Throws away what a branch holds and starts it again with its parent's schema, or data.
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/reset", tag = "Branches", operation_id = "reset_branch",
    params(("Prefer" = Option<String>, Header, description = "`wait=N`: answer when it is ready again, at the latest after N seconds (300 at most)")
    ),
    request_body = ResetBranch,
    responses((status = 200, description = "Throws away what a branch holds and starts it again with its parent's schema, or data", body = Branch))
)]
pub(crate) async fn reset(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, name)): Segments<(String, String, String)>,
    prefer: Prefer,
    Body(body): Body<ResetBranch>,
) -> Answer<Branch> {
    let control = &state.control;
    let at = locate::branch(
        control,
        &caller,
        &org,
        &database,
        &name,
        access::RESET_BRANCH,
    )
    .await?;
    let asked = body.seed.is_some() || body.backup_id.is_some();
    let (seed, backup) = (body.seed.as_deref(), body.backup_id.as_deref());
    let wanted = seed_of(seed, None, backup, None)?;
    let wanted = asked.then_some(wanted);
    let mut view = branch::reset(control, &at, wanted).await?;
    if prefer.until_ready(control, view.branch.id).await? {
        view = branch::show(control, &at).await?;
    }
    Ok(Json(answer::branch(&state, view)))
}
