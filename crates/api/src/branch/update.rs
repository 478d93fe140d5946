//! Changes a branch; absent fields stay.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Body, IfMatch, Segments, blank, moment, number, seconds};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{Branch, UpdateBranch};
use offshoot_control::branch::BranchChange;
use offshoot_control::{branch, locate};
use offshoot_core::Refusal;
use offshoot_core::name::BranchName;

/// Changes a branch; absent fields stay.
#[utoipa::path(
    patch, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}", tag = "Branches", operation_id = "update_branch",
    request_body = UpdateBranch,
    responses((status = 200, description = "Changes a branch; absent fields stay", body = Branch))
)]
pub(crate) async fn update(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, name)): Segments<(String, String, String)>,
    IfMatch(expected): IfMatch,
    Body(body): Body<UpdateBranch>,
) -> Answer<Branch> {
    let control = &state.control;
    let at = locate::branch(
        control,
        &caller,
        &org,
        &database,
        &name,
        access::UPDATE_BRANCH,
    )
    .await?;
    let mut change = change(body)?;
    change.expected = expected;
    let view = branch::update(control, &at, change).await?;
    Ok(Json::at(view.revision(), answer::branch(&state, view)))
}

fn change(body: UpdateBranch) -> Result<BranchChange, Refusal> {
    let new_name = body.new_name.as_deref().map(|name| {
        BranchName::parse(name).map_err(|mut refusal| {
            refusal.field = Some("new_name");
            refusal
        })
    });
    let expires_at = body.expires_at.map(|time| {
        let time = blank(time);
        time.map(|t| moment("expires_at", &t)).transpose()
    });
    let sleep_after = body
        .sleep_after_seconds
        .map(|time| time.map(|s| seconds("sleep_after_seconds", s)).transpose());
    let most = body
        .max_connections
        .map(|n| n.map(|n| number("max_connections", n)).transpose());
    let quota = body
        .disk_quota_bytes
        .map(|n| n.map(|n| number("disk_quota_bytes", n)).transpose());
    Ok(BranchChange {
        new_name: new_name.transpose()?,
        deletion_protected: body.deletion_protected,
        labels: body.labels,
        expires_at: expires_at.transpose()?,
        sleep_after: sleep_after.transpose()?,
        event_scheduler: body.event_scheduler,
        max_connections: most.transpose()?,
        disk_quota: quota.transpose()?,
        ..BranchChange::default()
    })
}
