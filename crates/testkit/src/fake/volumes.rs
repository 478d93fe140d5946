//! A pool in memory.

use super::World;
use super::world::{Data, missing};
use async_trait::async_trait;
use offshoot_core::id::{SnapshotId, VolumeId};
use offshoot_core::port::{Freeze, PortResult, Volumes};
use offshoot_core::volume::{Driver, PoolStatus, Stored, VolumeUsage};
use std::time::Duration;

#[derive(Clone)]
pub struct FakeVolumes(pub World);

#[async_trait]
impl Volumes for FakeVolumes {
    async fn status(&self) -> PortResult<PoolStatus> {
        self.0.enter("volumes.status")?;
        Ok(PoolStatus {
            driver: Driver::Btrfs,
            location: "memory".to_owned(),
            size: 1 << 30,
            used: 0,
            free: 1 << 30,
            advice: None,
        })
    }

    async fn create(&self, volume: VolumeId) -> PortResult<()> {
        self.0.enter("volumes.create")?;
        self.0.lock().volumes.entry(volume).or_default();
        self.0.leave()
    }

    async fn snapshot(&self, volume: VolumeId, snapshot: SnapshotId) -> PortResult<()> {
        self.0.enter("volumes.snapshot")?;
        {
            let mut state = self.0.lock();
            if state.running.values().any(|r| r.spec.volume == volume) {
                state.violation(format!("snapshot of {volume:?} under a running engine"));
            }
            if !state.snapshots.contains_key(&snapshot) {
                let data: Data = state
                    .volumes
                    .get(&volume)
                    .cloned()
                    .ok_or_else(|| missing(volume))?;
                state.snapshots.insert(snapshot, data);
            }
        }
        self.0.leave()
    }

    async fn fork(&self, snapshot: SnapshotId, volume: VolumeId) -> PortResult<()> {
        self.0.enter("volumes.fork")?;
        {
            let mut state = self.0.lock();
            if !state.volumes.contains_key(&volume) {
                let data = state
                    .snapshots
                    .get(&snapshot)
                    .cloned()
                    .ok_or_else(|| missing(snapshot))?;
                state.volumes.insert(volume, data);
            }
        }
        self.0.leave()
    }

    async fn remove(&self, stored: Stored) -> PortResult<()> {
        self.0.enter("volumes.remove")?;
        {
            let mut state = self.0.lock();
            match stored {
                Stored::Volume(volume) => {
                    if state.running.values().any(|r| r.spec.volume == volume) {
                        state.violation(format!("{volume:?} removed under a running engine"));
                    }
                    state.volumes.remove(&volume);
                    state.seeded.remove(&volume);
                }
                Stored::Snapshot(snapshot) => {
                    state.snapshots.remove(&snapshot);
                }
            }
        }
        self.0.leave()
    }

    async fn list(&self) -> PortResult<Vec<Stored>> {
        self.0.enter("volumes.list")?;
        let state = self.0.lock();
        Ok(state
            .volumes
            .keys()
            .map(|v| Stored::Volume(*v))
            .chain(state.snapshots.keys().map(|s| Stored::Snapshot(*s)))
            .collect())
    }

    async fn pause(&self, _volume: VolumeId) -> PortResult<Option<Duration>> {
        self.0.enter("volumes.pause")?;
        Ok(self.0.lock().pause)
    }

    async fn duplicate(
        &self,
        from: VolumeId,
        to: VolumeId,
        engine: Option<Box<dyn Freeze>>,
    ) -> PortResult<Duration> {
        self.0.enter("volumes.duplicate")?;
        let frozen = engine.map(|e| e.freeze()).transpose()?;
        {
            let mut state = self.0.lock();
            let runs = state.running.values().any(|r| r.spec.volume == from);
            if runs && frozen.is_none() {
                state.violation(format!("copy of {from:?} under a running engine"));
            }
            if !state.volumes.contains_key(&to) {
                let data = state
                    .volumes
                    .get(&from)
                    .cloned()
                    .ok_or_else(|| missing(from))?;
                state.volumes.insert(to, data);
            }
        }
        let pause = frozen.map_or(Ok(Duration::ZERO), |f| f.thaw())?;
        self.0.leave()?;
        Ok(pause)
    }

    async fn keep(&self, volume: VolumeId, snapshot: SnapshotId) -> PortResult<()> {
        self.0.enter("volumes.keep")?;
        {
            let mut state = self.0.lock();
            if state.running.values().any(|r| r.spec.volume == volume) {
                state.violation(format!("{volume:?} kept under a running engine"));
            }
            match state.volumes.remove(&volume) {
                Some(data) => drop(state.snapshots.insert(snapshot, data)),
                None if state.snapshots.contains_key(&snapshot) => {}
                None => return Err(missing(volume)),
            }
        }
        self.0.leave()
    }

    async fn usage(&self, volume: VolumeId) -> PortResult<VolumeUsage> {
        self.0.enter("volumes.usage")?;
        let state = self.0.lock();
        let data = state.volumes.get(&volume).ok_or_else(|| missing(volume))?;
        Ok(VolumeUsage {
            allocated: 100 << 20,
            unique: data.unique.max(1 << 20),
        })
    }
}
