//! Resize: another size, so other memory, processor and connections; the engine is restarted with them.

use super::{BranchView, current};
use crate::Control;
use crate::locate::LocatedBranch;
use crate::trail::Actor;
use crate::workflow::Work;
use offshoot_core::access::Access;
use offshoot_core::branch::BranchState;
use offshoot_core::plan::none_open;
use offshoot_core::refusal::Refusal;
use offshoot_core::size::{self, Resize};
use std::time::Duration;

/// How long an answer waits for the restart. An engine with an idle session needs a second or two.
const RESTART: Duration = Duration::from_secs(10);

/// Gives the branch another size, named as clients do. Connections to come are counted by it at once; the engine is started
/// with it as soon as no command or transaction is under way, a sleeping one when it wakes. The view's `resize` says how
/// far that is. Needs `write_database`. Refused: a size that is not there or does not fit, a restart under way
/// (`CONFLICT`), an open import (`IMPORT`).
pub async fn resize(
    control: &Control,
    at: &LocatedBranch,
    wanted: &str,
) -> Result<BranchView, Refusal> {
    at.within.require(&[Access::WriteDatabase])?;
    let now = control.now();
    let mut tx = control.0.store.write().await?;
    let branch = current(&mut tx, at).await?;
    let size = size::parse(wanted, branch.production)?;
    if let Some(size) = size {
        control.bounds().check(size, branch.production)?;
    }
    none_open(&branch, tx.live_import(branch.id).await?.as_ref())?;
    let work = Work::RestartBranch { branch: branch.id };
    let (kind, subject) = (work.kind(), &*work.subject());
    if tx.workflow_of(kind, subject).await?.is_some() {
        return Err(Refusal::conflict(format!(
            "branch \"{}\" is being restarted with other settings",
            branch.name
        ))
        .hint("try again when its commands and transactions have ended"));
    }
    // One that is asleep has no engine that would have to be started anew.
    let asleep = branch.state == BranchState::Sleeping && !branch.production;
    let done = asleep || size == branch.size;
    let resize = Resize {
        id: control.id(),
        from: size::shown(branch.size, branch.production).to_owned(),
        to: size::shown(size, branch.production).to_owned(),
        actor: at.caller().name(),
        at: now,
        completed_at: done.then_some(now),
    };
    tx.set_branch_size(branch.id, size, &resize).await?;
    let queued = match done {
        true => None,
        false => Some(control.enqueue(&mut tx, &work, Duration::ZERO).await?),
    };
    if size != branch.size {
        let event = control.event(
            at.organization().id,
            &Actor::Caller(at.caller()),
            "branch.resized",
            ("Branch", branch.id.as_str(), branch.name.as_str()),
            &[
                ("database", at.database().name.as_str()),
                ("from", &resize.from),
                ("to", &resize.to),
            ],
        );
        tx.insert_audit(&event).await?;
    }
    tx.commit().await?;
    control.start_now(queued.as_slice());
    control.0.runner.due.notify_one();
    if queued.is_some() && control.0.runner.active() {
        // Longer than that only where a command or transaction goes on; it happens when it ends.
        control
            .until(RESTART, |mut session| async move {
                Ok(session.workflow_of(kind, subject).await?.is_none())
            })
            .await?;
    }
    control.branch_view(branch.id).await
}
