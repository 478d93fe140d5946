//! A store of off-site copies in memory.

use super::World;
use super::world::missing;
use async_trait::async_trait;
use offshoot_core::Refusal;
use offshoot_core::id::{BackupId, SnapshotId, VolumeId};
use offshoot_core::off_site::{Exported, Label, Listing, OffSiteCopy, Place};
use offshoot_core::port::{Archive, PortError, PortResult, Progress};
use offshoot_core::refusal::code;

#[derive(Clone)]
pub struct FakeArchive(pub World);

/// Bytes of every copy.
const SIZE: u64 = 100 << 20;

impl FakeArchive {
    fn read(&self, id: BackupId) -> PortResult<OffSiteCopy> {
        let state = self.0.lock();
        if state.damaged_copies.contains(&id) {
            let refusal = Refusal::unprocessable(format!("chunks/{id} is damaged"));
            return Err(PortError::fatal(refusal.code(code::COPY_DAMAGED)));
        }
        let (label, _) = state.copies.get(&id).ok_or_else(|| missing(id))?;
        Ok(OffSiteCopy {
            id,
            label: label.clone(),
            files: 1,
            bytes: SIZE,
            data: SIZE,
        })
    }
}

#[async_trait]
impl Archive for FakeArchive {
    fn place(&self) -> Place {
        Place {
            store: "memory:///".to_owned(),
            key: "0123456789abcdef".to_owned(),
        }
    }

    async fn export(
        &self,
        backup: BackupId,
        snapshot: SnapshotId,
        label: &Label,
        progress: &dyn Progress,
    ) -> PortResult<Exported> {
        self.0.enter("archive.export")?;
        {
            let mut state = self.0.lock();
            let data = state.snapshots.get(&snapshot).cloned();
            let data = data.ok_or_else(|| missing(snapshot))?;
            let copies = &mut state.copies;
            copies.entry(backup).or_insert((label.clone(), data));
        }
        progress.at(SIZE, SIZE);
        self.0.leave()?;
        Ok(Exported {
            bytes: SIZE,
            stored: SIZE / 2,
        })
    }

    async fn list(&self) -> PortResult<Listing> {
        self.0.enter("archive.list")?;
        let mut listing = Listing::default();
        for id in self.0.copies() {
            match self.read(id) {
                Ok(copy) => listing.copies.push(copy),
                Err(error) => listing.unreadable.push(error.to_string()),
            }
        }
        Ok(listing)
    }

    async fn find(&self, backup: BackupId) -> PortResult<OffSiteCopy> {
        self.0.enter("archive.find")?;
        self.read(backup)
    }

    async fn import(
        &self,
        backup: BackupId,
        volume: VolumeId,
        progress: &dyn Progress,
    ) -> PortResult<()> {
        self.0.enter("archive.import")?;
        self.read(backup)?;
        {
            let mut state = self.0.lock();
            let found = state.copies.get(&backup).cloned();
            let (_, data) = found.ok_or_else(|| missing(backup))?;
            match state.volumes.get(&volume) {
                None => return Err(missing(volume)),
                Some(there) if there.engine.is_some() => {
                    state.violation(format!(
                        "a copy is fetched into {volume:?}, which is not empty"
                    ));
                }
                Some(_) => {}
            }
            state.volumes.insert(volume, data);
        }
        progress.at(SIZE, SIZE);
        self.0.leave()
    }

    async fn delete(&self, backups: &[BackupId]) -> PortResult<bool> {
        self.0.enter("archive.delete")?;
        {
            let mut state = self.0.lock();
            state.copies.retain(|id, _| !backups.contains(id));
        }
        self.0.leave()?;
        Ok(true)
    }
}
