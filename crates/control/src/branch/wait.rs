//! Waiting until a branch is ready.

use crate::Control;
use offshoot_core::branch::BranchState;
use offshoot_core::id::BranchId;
use offshoot_core::refusal::{Refusal, code};
use offshoot_store::Session;
use std::time::Duration;

/// Waits until the branch is ready (or sleeps, having been ready). `BRANCH_FAILED` when it could
/// not be made (`SEED_RULES` when those are why), `Unavailable` when it takes longer than `timeout`.
pub async fn wait_ready(
    control: &Control,
    branch: BranchId,
    timeout: Duration,
) -> Result<(), Refusal> {
    tokio::time::timeout(timeout, wait(control, branch))
        .await
        .unwrap_or_else(|_| {
            Err(
                Refusal::unavailable("the branch is not ready yet; its making goes on")
                    .hint("look at its state again later"),
            )
        })
}

/// Why a branch that is gone could not be made; `None` when it was made.
pub(crate) async fn failed(
    session: &mut Session,
    id: BranchId,
) -> Result<Option<Refusal>, Refusal> {
    let event = session
        .last_audit_event(id.as_str(), "branch.failed")
        .await?;
    Ok(event.map(|event| {
        let reason = event.metadata.get("reason").cloned().unwrap_or_default();
        let refusal = Refusal::unprocessable(format!(
            "branch \"{}\" could not be made: {reason}",
            event.subject
        ));
        // The one cause that whoever sets the rules can do something about.
        match event.metadata.get("code").map(String::as_str) {
            Some(code::SEED_RULES) => refusal
                .code(code::SEED_RULES)
                .hint("try rules out before they are set: offshoot branch seed-rules test"),
            _ => refusal
                .code(code::BRANCH_FAILED)
                .hint("see the audit log and the server's log, then create it again"),
        }
    }))
}

async fn wait(control: &Control, id: BranchId) -> Result<(), Refusal> {
    let mut changes = control.0.signals.changed.subscribe();
    loop {
        changes.mark_unchanged();
        if control.0.fleet.endpoint(id).is_some() {
            return Ok(());
        }
        let mut session = control.0.store.read().await?;
        let row = session.branch_by_id(id).await?.filter(|b| !b.deleting);
        let Some(branch) = row else {
            let failed = failed(&mut session, id).await?;
            return Err(failed.unwrap_or_else(|| Refusal::not_found("the branch")));
        };
        drop(session);
        if control.0.fleet.shown(id, branch.state) == BranchState::Sleeping {
            return Ok(());
        }
        if changes.changed().await.is_err() {
            return Err(Refusal::unavailable("the server is stopping"));
        }
    }
}
