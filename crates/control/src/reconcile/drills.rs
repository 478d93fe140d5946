//! Restore drills that policies demand: those that are due begin with the newest backup of each of
//! their branches, a few at a time, when there is memory and room for one; a missed one is made up for once.

use super::Memory;
use crate::Control;
use crate::fail::Fail;
use crate::trail::Actor;
use offshoot_core::backup_policy::BackupPolicy;
use offshoot_core::id::{BackupPolicyId, BranchId, WorkflowId};
use offshoot_core::instance::Profile;
use offshoot_core::plan::{RunFacts, plan_run};
use offshoot_core::refusal::Refusal;
use offshoot_store::{StoreError, Tx};
use std::time::Duration;

/// What there is no room for is not looked at again before.
const FULL: Duration = Duration::from_secs(60);

impl Control {
    pub(super) async fn run_drills(&self, memory: &mut Memory) -> Result<(), Fail> {
        let now = self.now();
        if memory.drills_at.is_some_and(|at| now < at) {
            return Ok(());
        }
        memory.drills_at = None;
        let due = self.0.store.read().await?.due_backup_policies(now).await?;
        let due = due
            .iter()
            .filter(|p| p.next_drill_at.is_some_and(|at| at <= now));
        for policy in due {
            if let Err(refusal) = self.require_space().await {
                tracing::warn!(error = %refusal, "restore drills wait for room in the pool");
                memory.drills_at = now.checked_add(FULL).ok();
                return Ok(());
            }
            if self.drill_for_policy(policy.id).await? {
                tracing::info!(policy.id = %policy.id, "restore drills wait for memory");
                memory.drills_at = now.checked_add(FULL).ok();
                return Ok(());
            }
        }
        Ok(())
    }

    /// Begins what there is room for; the drills stay due until all of them are begun. `true`: there is
    /// no memory for another engine that nobody would have to give way to.
    async fn drill_for_policy(&self, id: BackupPolicyId) -> Result<bool, StoreError> {
        let mut tx = self.0.store.write().await?;
        let now = self.now();
        let policy = tx.backup_policy(id).await?;
        let Some((policy, due)) = policy
            .and_then(|p| Some((p.next_drill_at?, p)))
            .filter(|(at, _)| *at <= now)
            .map(|(at, p)| (p, at))
        else {
            return Ok(false);
        };
        let Some(next) = policy.next_drill(due) else {
            return Ok(false);
        };
        let mut branches = tx
            .branches_to_drill(policy.database_id, policy.target.production())
            .await?;
        if policy.next_run_at <= now {
            // Its backups are due as well: the newest ones come first.
            branches.iter_mut().for_each(|(_, ready)| *ready = false);
        }
        let plan = plan_run(&RunFacts {
            now,
            next,
            branches: &branches,
            done: &tx.drilled_since(id, due).await?,
            room: self.room_for_policies(&mut tx).await?,
        });
        if plan.begin.is_empty() && !plan.over {
            return Ok(false);
        }
        let mut queued = Vec::new();
        for branch in plan.begin {
            match self.drill_newest(&mut tx, &policy, branch).await? {
                Begun::Yes(workflow) => queued.push(workflow),
                Begun::No => {}
                Begun::NoMemory => {
                    tx.commit().await?;
                    self.begun(&queued);
                    return Ok(true);
                }
            }
        }
        if plan.over
            && let Some(next) = policy.next_drill(now)
        {
            tx.backup_policy_drilled(id, now, next).await?;
        }
        tx.commit().await?;
        self.begun(&queued);
        Ok(false)
    }

    fn begun(&self, queued: &[WorkflowId]) {
        self.changed();
        self.start_now(queued);
        self.0.runner.due.notify_one();
    }

    /// How many backups and drills policies may begin besides those that are under way.
    pub(super) async fn room_for_policies(&self, tx: &mut Tx) -> Result<usize, StoreError> {
        let backups = tx.policy_backups_under_way().await?;
        let drills = tx.policy_drills_under_way().await?;
        let most = u64::from(self.0.settings.backups.at_once);
        let room = most.saturating_sub(backups.saturating_add(drills));
        Ok(usize::try_from(room).unwrap_or(usize::MAX))
    }

    async fn drill_newest(
        &self,
        tx: &mut Tx,
        policy: &BackupPolicy,
        branch: BranchId,
    ) -> Result<Begun, StoreError> {
        let Some(backup) = tx.newest_backup(branch).await? else {
            return Ok(Begun::No);
        };
        if !self.room_for(backup.engine.kind, Profile::Development) {
            return Ok(Begun::NoMemory);
        }
        let begun = self
            .begin_drill(tx, &backup, Some(policy.id), &Actor::System)
            .await;
        match begun {
            Ok((drill, queued)) => {
                tracing::info!(drill.id = %drill.id, backup.id = %backup.id, policy.id = %policy.id, "a policy's restore drill is begun");
                Ok(Begun::Yes(queued))
            }
            // What was looked at in the same transaction says that it can be: not worth a failure.
            Err(refusal) => {
                let refusal: Refusal = refusal;
                tracing::warn!(backup.id = %backup.id, policy.id = %policy.id, error = %refusal, "a policy's restore drill is not begun");
                Ok(Begun::No)
            }
        }
    }
}

enum Begun {
    Yes(WorkflowId),
    No,
    NoMemory,
}
