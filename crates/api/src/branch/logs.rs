//! The last lines that a branch's engine logged, oldest first.

use crate::access;
use crate::answer::{Answer, Json};
use crate::request::{Authenticated, Parameters, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::BranchLogs;
use offshoot_control::{branch, locate};

/// Lines without a number asked for.
const DEFAULT_LINES: usize = 100;
/// Most lines of one answer, so that it stays small.
const MAX_LINES: usize = 1000;

/// The last lines that a branch's engine logged, oldest first.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/logs", tag = "Branches", operation_id = "get_branch_logs",
    params(("lines" = Option<usize>, Query, description = "How many, at most 1000; default 100")
    ),
    responses((status = 200, description = "The last lines that a branch's engine logged, oldest first", body = BranchLogs))
)]
pub(crate) async fn logs(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, name)): Segments<(String, String, String)>,
    parameters: Parameters,
) -> Answer<BranchLogs> {
    let control = &state.control;
    let at = locate::branch(
        control,
        &caller,
        &org,
        &database,
        &name,
        access::READ_BRANCH,
    )
    .await?;
    let lines = parameters.number("lines")?.unwrap_or(DEFAULT_LINES);
    let lines = branch::logs(control, &at, lines.clamp(1, MAX_LINES)).await?;
    Ok(Json(BranchLogs { lines }))
}
