//! The two ends of an import: keeping the branch's volume as it is, and bringing it back.

use super::{Run, Step};
use crate::Control;
use crate::fail::Fail;
use crate::trail::Actor;
use offshoot_core::branch::{Branch, BranchState};
use offshoot_core::id::{BranchId, ImportId, InstanceId, RawId, SnapshotId, VolumeId};
use offshoot_core::import::{Import, ImportState};
use offshoot_core::instance::{Endpoint, Instance, Stop};
use offshoot_core::volume::{Stored, StoredState, VolumeUse};
use offshoot_core::webhook::EventName;
use offshoot_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Until a command under way has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// A branch that is taken back, with every id it will have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reverting {
    pub(crate) import: ImportId,
    pub(crate) branch: BranchId,
    pub(crate) snapshot: SnapshotId,
    pub(crate) volume: VolumeId,
    pub(crate) instance: InstanceId,
}

/// The volume that becomes the snapshot, where a running engine's is copied: it has the same id.
pub(crate) fn aside(snapshot: SnapshotId) -> VolumeId {
    RawId::from(snapshot).into()
}

impl Control {
    /// Keeps the branch's volume while its engine stands still; where that would take too long, stops the
    /// engine cleanly and starts it again.
    pub(super) async fn open_import_step(
        &self,
        run: &Run,
        id: ImportId,
        branch: BranchId,
    ) -> Result<Step, Fail> {
        let mut session = self.0.store.read().await?;
        let import = session.import(id).await?;
        let row = session.branch_by_id(branch).await?.filter(|b| !b.deleting);
        let instance = match &row {
            Some(branch) => session.instance(branch.instance).await?,
            None => None,
        };
        drop(session);
        let (Some(import), Some(branch), Some(instance)) = (import, row, instance) else {
            let mut tx = self.0.store.write().await?;
            run.finish(&mut tx).await?;
            tx.commit().await?;
            return Ok(Step::Done);
        };
        if !run.fresh {
            let volumes = &self.0.ports.volumes;
            let aside = Stored::Volume(aside(import.snapshot));
            volumes.remove(aside).await?;
            volumes.remove(Stored::Snapshot(import.snapshot)).await?;
        }
        let mut slot = self.slot(instance.id).await;
        // It may have gone to sleep, or been woken, before the lock was ours.
        let row = self.0.store.read().await?.branch_by_id(branch.id).await?;
        let branch = row.unwrap_or(branch);
        if let Some(endpoint) = slot.endpoint.clone()
            && self
                .keep_running(&branch, &endpoint, import.snapshot)
                .await?
        {
            return self.opened(run, &branch, &import).await;
        }
        let was = self.0.fleet.withdraw(branch.id);
        let asleep = branch.state == BranchState::Sleeping;
        if !asleep {
            self.0
                .fleet
                .set_phase(branch.id, Some(BranchState::Awakening));
            self.changed();
        }
        if let Some(was) = was
            && !self.0.ports.sessions.park(branch.id).await
        {
            self.serve(&branch, was.endpoint);
            return Ok(Step::Wait(LOOK_AGAIN));
        }
        let kept = self
            .keep_volume(&mut slot, &instance, import.snapshot, asleep)
            .await;
        match kept {
            Ok(Some(endpoint)) => self.serve(&branch, endpoint),
            Ok(None) => {}
            Err(fail) => {
                self.0.fleet.set_phase(branch.id, None);
                self.changed();
                self.tidy_soon();
                return Err(fail);
            }
        }
        self.opened(run, &branch, &import).await
    }

    /// The volume is kept: the branch may be filled.
    async fn opened(&self, run: &Run, branch: &Branch, import: &Import) -> Result<Step, Fail> {
        let now = self.now();
        let expires_at = now.checked_add(import.ttl).unwrap_or(now);
        let mut tx = self.0.store.write().await?;
        run.finish(&mut tx).await?;
        tx.snapshot_ready(import.snapshot, None).await?;
        tx.volume_gone(aside(import.snapshot)).await?;
        tx.set_import(import.id, ImportState::Open, expires_at, now)
            .await?;
        tx.commit().await?;
        self.changed();
        self.tidy_soon();
        tracing::info!(branch.id = %branch.id, import.id = %import.id, "import open");
        Ok(Step::Done)
    }

    /// `false`: the engine would stand still for too long.
    async fn keep_running(
        &self,
        branch: &Branch,
        endpoint: &Endpoint,
        snapshot: SnapshotId,
    ) -> Result<bool, Fail> {
        let copy = aside(snapshot);
        let Some(pause) = self.copy_frozen(branch, endpoint, copy).await? else {
            return Ok(false);
        };
        self.0.ports.volumes.keep(copy, snapshot).await?;
        tracing::info!(branch.id = %branch.id, ?pause, "kept while its engine stood still");
        Ok(true)
    }

    async fn keep_volume(
        &self,
        slot: &mut crate::fleet::Slot,
        instance: &Instance,
        snapshot: SnapshotId,
        asleep: bool,
    ) -> Result<Option<Endpoint>, Fail> {
        self.stop(slot, instance.id, Stop::Clean).await?;
        let volumes = &self.0.ports.volumes;
        volumes.snapshot(instance.volume, snapshot).await?;
        if asleep {
            return Ok(None);
        }
        Ok(Some(self.start(slot, instance).await?))
    }

    /// The volume cannot be kept: nothing was loaded yet, so the import just ends.
    pub(super) async fn undo_open_import(&self, run: &Run, id: ImportId) -> Result<(), Fail> {
        let mut tx = self.0.store.write().await?;
        run.finish(&mut tx).await?;
        if let Some(import) = tx.import(id).await? {
            self.drop_import(&mut tx, &import).await?;
        }
        tx.commit().await?;
        self.tidy_soon();
        Ok(())
    }

    /// Ends an import that keeps nothing, and lets its snapshot go.
    pub(crate) async fn drop_import(&self, tx: &mut Tx, import: &Import) -> Result<(), StoreError> {
        tx.snapshot_gone(import.snapshot).await?;
        tx.volume_gone(aside(import.snapshot)).await?;
        let now = self.now();
        tx.set_import(import.id, ImportState::Reverted, import.expires_at, now)
            .await
    }

    /// A volume from the snapshot has taken the branch's place: makes it, and starts its engine.
    pub(super) async fn revert_import_step(
        &self,
        run: &Run,
        reverting: &Reverting,
    ) -> Result<Step, Fail> {
        let Reverting {
            import,
            branch,
            snapshot,
            volume,
            instance,
        } = *reverting;
        self.fork_afresh(run, snapshot, volume, instance).await?;
        let row = self.instance_to_fill(run, instance).await?;
        let mut slot = self.slot(instance).await;
        let endpoint = self.start(&mut slot, &row).await?;
        drop(slot);
        let now = self.now();
        let mut tx = self.0.store.write().await?;
        run.finish(&mut tx).await?;
        tx.set_volume(volume, VolumeUse::Branch, StoredState::Ready)
            .await?;
        tx.accounts_made(instance).await?;
        tx.set_branch_state(branch, BranchState::Ready, None)
            .await?;
        self.tell_branch(&mut tx, branch, EventName::READY, now)
            .await?;
        tx.set_schema_updated(branch, now).await?;
        tx.set_import(import, ImportState::Reverted, now, now)
            .await?;
        tx.snapshot_gone(snapshot).await?;
        let row = tx.branch_by_id(branch).await?;
        tx.commit().await?;
        if let Some(row) = row {
            self.serve(&row, endpoint);
        }
        self.changed();
        self.tidy_soon();
        tracing::info!(branch.id = %branch, import.id = %import, "import reverted");
        Ok(Step::Done)
    }

    /// An audit event about an import, on its branch.
    pub(crate) async fn note_import(
        &self,
        tx: &mut Tx,
        branch: &Branch,
        import: ImportId,
        actor: &Actor<'_>,
        action: &str,
        reason: &str,
    ) -> Result<(), StoreError> {
        let Some(database) = tx.database_by_id(branch.database_id).await? else {
            return Ok(());
        };
        let mut metadata = vec![
            ("database", database.name.as_str()),
            ("import", import.as_str()),
        ];
        if !reason.is_empty() {
            metadata.push(("reason", reason));
        }
        let event = self.event(
            database.organization_id,
            actor,
            action,
            ("Branch", branch.id.as_str(), branch.name.as_str()),
            &metadata,
        );
        tx.insert_audit(&event).await
    }
}
