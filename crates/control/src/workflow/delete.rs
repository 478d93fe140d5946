//! Deletion of a branch: the only tear-down. It accepts every half-made state.

use super::{Run, Step, Work, aside};
use crate::Control;
use crate::fail::Fail;
use offshoot_core::database::Database;
use offshoot_core::id::{BranchId, WorkflowId};
use offshoot_core::instance::Stop;
use offshoot_core::volume::Stored;
use offshoot_store::{StoreError, Tx};
use std::time::Duration;

impl Control {
    /// Hides branches and puts down what removes them; whatever else works on them is fenced off.
    pub(crate) async fn doom_branches(
        &self,
        tx: &mut Tx,
        ids: &[BranchId],
    ) -> Result<Vec<WorkflowId>, StoreError> {
        let now = self.now();
        let mut queued = Vec::new();
        for id in ids {
            self.abandon_template(tx, *id).await?;
            self.abandon_shadow(tx, *id).await?;
            tx.cancel_workflows(id.as_str()).await?;
            tx.mark_branch_deleting(*id, now).await?;
            if let Some(template) = tx.schema_template(*id).await? {
                tx.snapshot_gone(template.snapshot).await?;
            }
            if let Some(import) = tx.live_import(*id).await? {
                tx.snapshot_gone(import.snapshot).await?;
                tx.volume_gone(aside(import.snapshot)).await?;
            }
            let work = Work::DeleteBranch { branch: *id };
            queued.push(self.enqueue(tx, &work, Duration::ZERO).await?);
        }
        Ok(queued)
    }

    /// The same for a database with all its branches.
    pub(crate) async fn doom_database(
        &self,
        tx: &mut Tx,
        database: &Database,
    ) -> Result<Vec<WorkflowId>, StoreError> {
        for backup in tx.all_backups().await? {
            if backup.database_id == database.id {
                self.abandon_backup(tx, &backup).await?;
                tx.delete_backup(backup.id).await?;
            }
        }
        self.abandon_tests(tx, database).await?;
        let branches = tx.branch_ids(database.id).await?;
        let mut queued = self.doom_branches(tx, &branches).await?;
        tx.mark_database_deleting(database.id, self.now()).await?;
        let work = Work::DeleteDatabase {
            database: database.id,
        };
        queued.push(self.enqueue(tx, &work, Duration::ZERO).await?);
        Ok(queued)
    }

    pub(super) async fn delete_branch_step(&self, run: &Run, id: BranchId) -> Result<Step, Fail> {
        let Some(branch) = self.0.store.read().await?.branch_by_id(id).await? else {
            let mut tx = self.0.store.write().await?;
            run.finish(&mut tx).await?;
            tx.commit().await?;
            return Ok(Step::Done);
        };
        let ports = &self.0.ports;
        self.0.fleet.withdraw(id);
        ports.sessions.close_branch(id).await;
        let mut slot = self.slot(branch.instance).await;
        self.stop(&mut slot, branch.instance, Stop::Hard).await?;
        ports.instances.forget(branch.instance).await?;
        ports.volumes.remove(Stored::Volume(branch.volume)).await?;
        let mut tx = self.0.store.write().await?;
        run.finish(&mut tx).await?;
        tx.delete_branch(id).await?;
        tx.delete_instance(branch.instance).await?;
        tx.delete_volume(branch.volume).await?;
        tx.commit().await?;
        drop(slot);
        self.0.fleet.drop_slot(branch.instance);
        self.0.fleet.set_phase(id, None);
        tracing::info!(branch.id = %id, "deleted");
        self.tidy_soon();
        self.0.runner.due.notify_one();
        Ok(Step::Done)
    }
}
