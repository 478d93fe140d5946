//! Sleep and wake by hand.

use super::BranchView;
use crate::Control;
use crate::locate::LocatedBranch;
use offshoot_core::access::Access;
use offshoot_core::branch::BranchState;
use offshoot_core::plan::none_open;
use offshoot_core::refusal::{Refusal, code};
use std::time::Duration;
use tokio::time::Instant;

/// An engine may take so long to notice that its last client has gone.
const AFTERGLOW: Duration = Duration::from_secs(2);
/// How often it is looked at again meanwhile.
const LOOK: Duration = Duration::from_millis(200);

/// Puts a development branch to sleep now. Refused (`Conflict`) while a command runs, and goes on to run for
/// [`AFTERGLOW`]. Needs `write_database` or `create_branch`.
pub async fn sleep(control: &Control, at: &LocatedBranch) -> Result<BranchView, Refusal> {
    at.within
        .require(&[Access::WriteDatabase, Access::CreateBranch])?;
    if at.branch.production {
        return Err(Refusal::unprocessable(format!(
            "branch \"{}\" is a production branch, which never sleeps",
            at.branch.name
        ))
        .code(code::PRODUCTION)
        .hint(format!(
            "development branches sleep: offshoot branch demote {} {} makes it one",
            at.within.database.name, at.branch.name
        )));
    }
    let live = control
        .0
        .store
        .read()
        .await?
        .live_import(at.branch.id)
        .await?;
    none_open(&at.branch, live.as_ref())?;
    let until = Instant::now() + AFTERGLOW;
    loop {
        let slept = control.put_to_sleep(at.branch.id).await?;
        let view = control.branch_view(at.branch.id).await?;
        if slept || view.branch.state == BranchState::Sleeping {
            return Ok(view);
        }
        if Instant::now() >= until {
            break;
        }
        tokio::time::sleep(LOOK).await;
    }
    Err(Refusal::conflict(format!(
        "branch \"{}\" is in use or not ready",
        at.branch.name
    ))
    .hint("try again when its commands and transactions have ended"))
}

/// Wakes the branch and returns when it is awake.
pub async fn wake(control: &Control, at: &LocatedBranch) -> Result<BranchView, Refusal> {
    control.open_branch(at.branch.id).await?;
    control.branch_view(at.branch.id).await
}
