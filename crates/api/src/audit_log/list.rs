//! The audit log of an organization, newest first.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Parameters, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{AuditLog, Cursored};
use offshoot_control::audit::{self, AuditQuery};
use offshoot_control::locate;

/// Entries without a limit asked for, and the most there are in one answer.
const DEFAULT_LIMIT: u32 = 25;
const MAX_LIMIT: u32 = 100;

/// The audit log of an organization, newest first.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/audit-log", tag = "Audit log", operation_id = "list_audit_log",
    params(
        ("filters[]" = Option<String>, Query, description = "`audit_action:branch.created`, repeatable"),
        ("starting_after" = Option<String>, Query, description = "Id: entries older than it"),
        ("ending_before" = Option<String>, Query, description = "Id: entries newer than it"),
        ("limit" = Option<u32>, Query, description = "1 to 100; default 25"),
    ),
    responses((status = 200, description = "The audit log of an organization, newest first", body = Cursored<AuditLog>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments(name): Segments<String>,
    parameters: Parameters,
) -> Answer<Cursored<AuditLog>> {
    let control = &state.control;
    let at = locate::organization(control, &caller, &name, access::READ_AUDIT_LOGS).await?;
    let limit = parameters.number("limit")?.filter(|n| *n > 0);
    let query = AuditQuery {
        actions: parameters
            .all("filters[]")
            .filter_map(|filter| filter.strip_prefix("audit_action:"))
            .map(str::to_owned)
            .collect(),
        starting_after: parameters.text("starting_after").map(str::to_owned),
        ending_before: parameters.text("ending_before").map(str::to_owned),
        limit: limit.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT),
    };
    let slice = audit::list(control, &at, &query).await?;
    Ok(Json(answer::audit_log(slice)))
}
