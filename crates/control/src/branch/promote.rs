//! Promote and demote: other settings of the engine, so it is restarted.

use super::{BranchView, current};
use crate::Control;
use crate::locate::LocatedBranch;
use crate::workflow::Work;
use offshoot_core::access::Access;
use offshoot_core::instance::{Profile, Wanted};
use offshoot_core::plan::none_open;
use offshoot_core::refusal::{Refusal, code};
use std::time::Duration;

/// How long an answer waits for the restart. An engine with an idle session needs a second or two.
const RESTART: Duration = Duration::from_secs(10);

/// Makes it a production branch: never asleep, binlog, full durability. Needs `promote_branches`
/// or `connect_production_branch`.
pub async fn promote(control: &Control, at: &LocatedBranch) -> Result<BranchView, Refusal> {
    at.within
        .require(&[Access::PromoteBranches, Access::ConnectProductionBranch])?;
    change(control, at, true).await
}

/// Needs `demote_branches` or `connect_production_branch`. The default branch stays a production branch, and one with
/// safe migrations.
pub async fn demote(control: &Control, at: &LocatedBranch) -> Result<BranchView, Refusal> {
    at.within
        .require(&[Access::DemoteBranches, Access::ConnectProductionBranch])?;
    change(control, at, false).await
}

async fn change(
    control: &Control,
    at: &LocatedBranch,
    production: bool,
) -> Result<BranchView, Refusal> {
    let mut tx = control.0.store.write().await?;
    let branch = current(&mut tx, at).await?;
    if branch.production == production {
        drop(tx);
        return control.branch_view(branch.id).await;
    }
    none_open(&branch, tx.live_import(branch.id).await?.as_ref())?;
    if production && branch.expires_at.is_some() {
        return Err(Refusal::unprocessable(format!(
            "branch \"{}\" expires, so it cannot become a production branch",
            branch.name
        ))
        .hint(format!(
            "take its expiry away first: offshoot branch update {} {} --never-expires",
            at.within.database.name, branch.name
        )));
    }
    if !production && branch.safe_migrations.on() {
        return Err(Refusal::unprocessable(format!(
            "branch \"{}\" has safe migrations on, which are for production branches",
            branch.name
        ))
        .code(code::SAFE_MIGRATIONS)
        .hint(format!(
            "switch them off first: offshoot branch safe-migrations disable {} {}",
            at.within.database.name, branch.name
        )));
    }
    let database = tx.database_by_id(branch.database_id).await?;
    if !production && database.is_some_and(|d| d.default_branch == branch.id) {
        return Err(Refusal::unprocessable(format!(
            "\"{}\" is the default branch of its database",
            branch.name
        ))
        .code(code::DEFAULT_BRANCH)
        .hint(format!(
            "make another branch the default one first: offshoot database update {} --default-branch BRANCH",
            at.within.database.name
        )));
    }
    tx.set_branch_production(branch.id, production, control.now())
        .await?;
    tx.set_profile(
        branch.instance,
        if production {
            Profile::Production
        } else {
            Profile::Development
        },
    )
    .await?;
    tx.set_wanted(branch.instance, Wanted::Up).await?;
    if !production {
        control.abandon_shadow(&mut tx, branch.id).await?;
    }
    let work = Work::RestartBranch { branch: branch.id };
    let running = tx.workflow_of(work.kind(), branch.id.as_str()).await?;
    let queued = match running {
        Some(_) => None,
        None => Some(control.enqueue(&mut tx, &work, Duration::ZERO).await?),
    };
    let action = if production {
        "branch.promoted"
    } else {
        "branch.demoted"
    };
    control.note_branch(&mut tx, at, action).await?;
    tx.commit().await?;
    if let Some(mut awake) = control.0.fleet.awake(branch.id) {
        awake.production = production;
        control.0.fleet.replace_awake(branch.id, awake);
    }
    control.start_now(queued.as_slice());
    control.0.runner.due.notify_one();
    if control.0.runner.active() {
        // Longer than that only where a command or transaction goes on; it happens when it ends.
        let (kind, subject) = (work.kind(), &*work.subject());
        control
            .until(RESTART, |mut session| async move {
                Ok(session.workflow_of(kind, subject).await?.is_none())
            })
            .await?;
    }
    control.branch_view(branch.id).await
}
