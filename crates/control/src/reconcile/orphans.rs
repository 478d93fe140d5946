//! Removal: of what is marked as gone, and of what is there without anybody owning it.

use super::Memory;
use crate::Control;
use crate::fail::Fail;
use offshoot_core::id::{InstanceId, SnapshotId, VolumeId};
use offshoot_core::instance::Stop;
use offshoot_core::volume::{Stored, StoredState};
use std::collections::HashSet;
use std::time::Duration;

/// Listing a pool reads its directory; orphans come from crashes alone.
const EVERY: Duration = Duration::from_secs(60);

impl Control {
    /// Removes volumes and snapshots that are marked as gone, then their rows.
    pub(super) async fn remove_gone(&self) -> Result<(), Fail> {
        let mut session = self.0.store.read().await?;
        let held: HashSet<VolumeId> = session
            .active_instances()
            .await?
            .iter()
            .map(|i| i.volume)
            .collect();
        let volumes = session.volumes().await?;
        let snapshots = session.removable_snapshots().await?;
        drop(session);
        for volume in volumes {
            if volume.state == StoredState::Gone && !held.contains(&volume.id) {
                self.remove_volume(volume.id).await?;
            }
        }
        for snapshot in snapshots {
            self.0
                .ports
                .volumes
                .remove(Stored::Snapshot(snapshot))
                .await?;
            let mut tx = self.0.store.write().await?;
            tx.delete_snapshot(snapshot).await?;
            tx.commit().await?;
            crate::lock(&self.0.fingerprints).remove(&snapshot);
        }
        Ok(())
    }

    /// What is there is listed before the rows are read: a row comes before its thing and goes after it.
    pub(super) async fn remove_orphans(&self, memory: &mut Memory) -> Result<(), Fail> {
        let now = self.now();
        let due = memory
            .orphans_at
            .is_none_or(|at| at.checked_add(EVERY).is_ok_and(|next| now >= next));
        if !due {
            return Ok(());
        }
        let ports = &self.0.ports;
        let stored = ports.volumes.list().await?;
        let remains = ports.instances.remains().await?;
        let mut session = self.0.store.read().await?;
        let volumes: HashSet<VolumeId> = session.volumes().await?.iter().map(|v| v.id).collect();
        let snapshots: HashSet<SnapshotId> =
            session.snapshots().await?.iter().map(|s| s.id).collect();
        let instances: HashSet<InstanceId> = session.instance_ids().await?.into_iter().collect();
        drop(session);
        for id in remains.into_iter().filter(|id| !instances.contains(id)) {
            let Some(mut slot) = self.try_slot(id) else {
                continue;
            };
            tracing::warn!(instance.id = %id, "remains of an instance nobody owns are removed");
            self.stop(&mut slot, id, Stop::Hard).await?;
            ports.instances.forget(id).await?;
            drop(slot);
            self.0.fleet.drop_slot(id);
        }
        for thing in stored {
            let owned = match thing {
                Stored::Volume(id) => volumes.contains(&id),
                Stored::Snapshot(id) => snapshots.contains(&id),
            };
            if !owned {
                tracing::warn!(?thing, "a thing in the pool that nobody owns is removed");
                ports.volumes.remove(thing).await?;
            }
        }
        memory.orphans_at = Some(now);
        Ok(())
    }
}
