//! Reset: another volume and instance, made like a new branch's; the old ones go.

use super::seed::{Sown, named_backup};
use super::{BranchView, SeedRequest, current};
use crate::Control;
use crate::locate::LocatedBranch;
use crate::workflow::{Filling, Work};
use offshoot_core::access::Access;
use offshoot_core::branch::{BranchState, Seed};
use offshoot_core::instance::{Profile, Purpose, Wanted};
use offshoot_core::plan::{none_open, plan_reset};
use offshoot_core::refusal::{Refusal, code};
use offshoot_core::volume::VolumeUse;
use std::time::Duration;

/// Throws the branch's schema and data away and starts again with its parent's; id and passwords
/// stay. Needs `delete_branch`, for data what a new branch with data needs, and refuses production
/// branches. `pending` until ready.
///
/// `None`: with what it started with at first: the parent's schema, its latest backup, or its present state.
pub async fn reset(
    control: &Control,
    at: &LocatedBranch,
    seed: Option<SeedRequest>,
) -> Result<BranchView, Refusal> {
    at.within.require(&[Access::DeleteBranch])?;
    if let (Some(SeedRequest::PointInTime(point)), Some(parent)) = (&seed, at.branch.parent) {
        control.catch_up(parent, point).await;
    }
    let mut tx = control.0.store.write().await?;
    let branch = current(&mut tx, at).await?;
    if branch.production {
        return Err(Refusal::unprocessable(format!(
            "branch \"{}\" is a production branch: its data cannot be thrown away",
            branch.name
        ))
        .code(code::PRODUCTION)
        .hint(format!(
            "demote it first, if that is what you mean: offshoot branch demote {} {}",
            at.within.database.name, branch.name
        )));
    }
    let Some(parent) = branch.parent else {
        return Err(Refusal::unprocessable(format!(
            "branch \"{}\" has no parent to be reset to",
            branch.name
        )));
    };
    if branch.state == BranchState::Pending {
        return Err(
            Refusal::conflict(format!("branch \"{}\" is being made", branch.name))
                .hint("wait until it is ready"),
        );
    }
    none_open(&branch, tx.live_import(branch.id).await?.as_ref())?;
    let seed = seed.unwrap_or(match branch.seed {
        Seed::Empty | Seed::Schema => SeedRequest::Schema,
        Seed::Backup | Seed::PointInTime => SeedRequest::LastBackup,
        Seed::Live => SeedRequest::Live,
    });
    let row = tx.branch_by_id(parent).await?;
    let parent_branch = row.ok_or_else(|| Refusal::not_found("the parent branch"))?;
    let named = named_backup(&mut tx, &at.within, &seed).await?;
    let sown = Sown::of(control, &mut tx, &at.within, &seed, named, &parent_branch).await?;
    if sown.seed().data() {
        at.within.require(sown.needs(&parent_branch))?;
    }
    let database = tx.database_by_id(at.database().id).await?;
    let template = tx
        .schema_template(parent)
        .await?
        .filter(|t| t.engine == branch.engine);
    let plan = plan_reset(
        sown.facts(),
        &parent_branch,
        database.is_some_and(|d| d.allow_data_branching),
        template.map(|t| t.snapshot),
    )?;
    sown.require_rules(control, &mut tx, &at.within).await?;
    let (engine, source) = (plan.engine, plan.source);
    if engine != branch.engine {
        return Err(Refusal::unprocessable(format!(
            "the backup is of {engine}, branch \"{}\" runs {}",
            branch.name, branch.engine
        ))
        .hint("make a new branch of it instead"));
    }
    let volume = control.new_volume(control.id(), engine, source.snapshot(), VolumeUse::Branch);
    let instance = control.new_instance(
        control.id(),
        volume.id,
        engine,
        Purpose::Serve(branch.id),
        Profile::Development,
    );
    control.abandon_template(&mut tx, branch.id).await?;
    if let Some(own) = tx.schema_template(branch.id).await? {
        tx.snapshot_gone(own.snapshot).await?;
        tx.delete_template(own.id).await?;
    }
    tx.cancel_workflows(branch.id.as_str()).await?;
    tx.insert_volume(&volume).await?;
    tx.insert_instance(&instance).await?;
    tx.move_branch(branch.id, volume.id, instance.id, control.now())
        .await?;
    tx.set_origin(branch.id, sown.seed(), sown.origin(&parent_branch).as_ref())
        .await?;
    tx.set_seeded(branch.id, None).await?;
    tx.set_branch_state(branch.id, BranchState::Pending, None)
        .await?;
    tx.set_wanted(branch.instance, Wanted::Gone).await?;
    let work = Work::reset(Filling {
        branch: branch.id,
        parent: Some(parent),
        volume: volume.id,
        instance: instance.id,
        engine,
        source,
        schema: at.database().schema_name.clone(),
        replay: sown.replaying().cloned(),
    });
    let queued = control.enqueue(&mut tx, &work, Duration::ZERO).await?;
    control.note_branch(&mut tx, at, "branch.reset").await?;
    tx.commit().await?;
    control.0.fleet.withdraw(branch.id);
    control.0.ports.sessions.close_branch(branch.id).await;
    control.tidy_soon();
    control.start_now(&[queued]);
    control.0.runner.due.notify_one();
    control.branch_view(branch.id).await
}
