//! Policies fire: those that are due begin a backup of each of their branches, a few at a time; a
//! run that was missed is made up for once. Backups whose time is over go, unless something speaks for them.

use super::Memory;
use crate::Control;
use crate::backup::Begin;
use crate::fail::Fail;
use crate::trail::Actor;
use jiff::Timestamp;
use offshoot_core::backup::Backup;
use offshoot_core::backup_policy::BackupPolicy;
use offshoot_core::id::{BackupPolicyId, BranchId, WorkflowId};
use offshoot_core::plan::{ExpiryFacts, RunFacts, plan_expiry, plan_run};
use offshoot_store::{Session, StoreError, Tx};
use std::collections::HashSet;
use std::time::Duration;

/// A full pool is not looked at again before.
const FULL: Duration = Duration::from_secs(60);

impl Control {
    pub(super) async fn run_policies(&self, memory: &mut Memory) -> Result<(), Fail> {
        let now = self.now();
        if memory.backups_at.is_some_and(|at| now < at) {
            return Ok(());
        }
        memory.backups_at = None;
        let due = self.0.store.read().await?.due_backup_policies(now).await?;
        for policy in due.iter().filter(|p| p.next_run_at <= now) {
            if let Err(refusal) = self.require_space().await {
                tracing::warn!(error = %refusal, "backups of policies wait for room in the pool");
                memory.backups_at = now.checked_add(FULL).ok();
                return Ok(());
            }
            self.run_policy(policy.id).await?;
        }
        Ok(())
    }

    /// Begins what there is room for. The run stays due until all its backups are begun; which
    /// ones are is seen by the backups themselves.
    async fn run_policy(&self, id: BackupPolicyId) -> Result<(), StoreError> {
        let mut tx = self.0.store.write().await?;
        let now = self.now();
        let policy = tx.backup_policy(id).await?;
        let Some(policy) = policy.filter(|p| p.next_run_at <= now) else {
            return Ok(());
        };
        let plan = plan_run(&RunFacts {
            now,
            next: policy.next_run(policy.next_run_at),
            branches: &tx
                .branches_to_back_up(policy.database_id, policy.target.production())
                .await?,
            done: &tx.backed_up_since(id, policy.next_run_at).await?,
            room: self.room_for_policies(&mut tx).await?,
        });
        if plan.begin.is_empty() && !plan.over {
            return Ok(());
        }
        let mut queued = Vec::new();
        for branch in plan.begin {
            queued.extend(self.back_up(&mut tx, &policy, branch, now).await?);
        }
        if plan.over {
            tx.backup_policy_ran(id, now, policy.next_run(now)).await?;
        }
        tx.commit().await?;
        self.changed();
        self.start_now(&queued);
        self.0.runner.due.notify_one();
        Ok(())
    }

    async fn back_up(
        &self,
        tx: &mut Tx,
        policy: &BackupPolicy,
        id: BranchId,
        now: Timestamp,
    ) -> Result<Option<WorkflowId>, StoreError> {
        let Some(branch) = tx.branch_by_id(id).await? else {
            return Ok(None);
        };
        let begin = Begin {
            name: None,
            expires_at: Some(policy.retention.end(now)),
            policy: Some(policy.id),
            required: policy.required,
            actor: "system".to_owned(),
        };
        match self.begin_backup(tx, &branch, begin).await {
            Ok((backup, queued)) => {
                let reason = format!("policy {}", policy.name);
                self.note_backup(tx, &backup, &Actor::System, "backup.created", &reason)
                    .await?;
                tracing::info!(backup.id = %backup.id, branch.id = %id, policy.id = %policy.id, "a policy's backup is begun");
                Ok(Some(queued))
            }
            // What was looked at in the same transaction says that it can be: not worth a failure.
            Err(refusal) => {
                tracing::warn!(branch.id = %id, policy.id = %policy.id, error = %refusal, "a policy's backup is not begun");
                Ok(None)
            }
        }
    }

    pub(super) async fn expire_backups(&self) -> Result<(), Fail> {
        let now = self.now();
        let mut session = self.0.store.read().await?;
        if self.expired(&mut session, now).await?.is_empty() {
            return Ok(());
        }
        drop(session);
        let mut tx = self.0.store.write().await?;
        for backup in self.expired(&mut tx, now).await? {
            self.remove_backup(&mut tx, &backup, &Actor::System, "expired")
                .await?;
            tracing::info!(backup.id = %backup.id, branch.id = %backup.branch_id, "a backup expired");
        }
        tx.commit().await?;
        self.changed();
        self.tidy_soon();
        self.show_drills().await;
        Ok(())
    }

    /// Backups that may go now.
    async fn expired(
        &self,
        session: &mut Session,
        now: Timestamp,
    ) -> Result<Vec<Backup>, StoreError> {
        let mut backups = session.backups_beside_expired(now).await?;
        let branches: HashSet<BranchId> = backups.iter().map(|b| b.branch_id).collect();
        let mut production = HashSet::new();
        for id in branches {
            let branch = session.branch_by_id(id).await?;
            production.extend(branch.filter(|b| b.production && !b.deleting).map(|b| b.id));
        }
        let mut in_use = session.backups_in_use().await?;
        in_use.extend(session.backups_being_drilled().await?);
        in_use.extend(self.0.under_way.all());
        let gone = plan_expiry(&ExpiryFacts {
            now,
            backups: &backups,
            production: &production,
            in_use: &in_use,
            off_site: &session.backups_off_site().await?,
        });
        backups.retain(|b| gone.contains(&b.id));
        Ok(backups)
    }
}
