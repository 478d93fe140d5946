//! Leases: why a chunk that an export counts on is not removed meanwhile, from whichever machine.
//!
//! An export writes its lease before it looks which chunks are there; who removes chunks writes a
//! lock before it looks which leases are there. Stores show what was written to whoever looks
//! afterwards, so at least one of the two sees the other: an export waits until no lock is left,
//! a removal goes away when it sees a lease.
//!
//! What was killed leaves its object, which counts for a while only. Its age is the difference of
//! two times that the store itself wrote, so no clock of ours has to be right. Whoever takes
//! another for dead removes its object first, and each looks at its own object before it relies
//! on it: a machine that stood still for hours finds that it has lost.

use crate::archive::Inner;
use crate::error::{ArchiveError, Result};
use crate::name::{Names, Object};
use crate::seal::Kind;
use futures_util::TryStreamExt;
use object_store::ObjectMeta;
use offshoot_core::id::BackupId;
use std::time::Duration;
use tokio::time::Instant;

/// An export of which nothing was heard for so long is dead. Longer than any pause of a machine
/// that goes on afterwards; what it costs is that its chunks stay so long, for the export's repetition.
const EXPORT_LIMIT: Duration = Duration::from_secs(24 * 3600);
/// A removal of which nothing was heard for so long is dead: exports wait for it.
const SWEEP_LIMIT: Duration = Duration::from_secs(300);
/// How often an export says that it lives.
pub(crate) const RENEW_EXPORT: Duration = Duration::from_secs(300);
/// How often a removal does.
const RENEW_SWEEP: Duration = Duration::from_secs(30);
/// How often an export looks whether a removal has ended.
const LOOK: Duration = Duration::from_secs(2);

/// An export's.
pub(crate) struct Lease {
    id: BackupId,
    object: Object,
}

impl Lease {
    /// Takes the lease and waits until nobody removes chunks.
    pub(crate) async fn take(archive: &Inner, id: BackupId) -> Result<Self> {
        let lease = Self {
            id,
            object: archive.names.pending(id),
        };
        loop {
            let now = mark(archive, &lease.object).await?;
            let mut locks = archive.store.list(archive.names.below(Names::SWEEPING));
            let mut free = true;
            while let Some(lock) = locks.try_next().await? {
                match dead(&lock, &now, SWEEP_LIMIT) {
                    true => archive.store.delete_all(vec![lock.location]).await?,
                    false => free = false,
                }
            }
            if free {
                return Ok(lease);
            }
            tracing::info!(backup.id = %id, "the export waits until chunks of deleted backups are removed");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Says that the export lives.
    ///
    /// # Errors
    /// Somebody took it for dead.
    pub(crate) async fn renew(&self, archive: &Inner) -> Result<()> {
        self.confirm(archive).await?;
        write(archive, &self.object).await
    }

    /// # Errors
    /// Somebody took the export for dead.
    pub(crate) async fn confirm(&self, archive: &Inner) -> Result<()> {
        match archive.store.look(&self.object).await? {
            Some(_) => Ok(()),
            None => Err(ArchiveError::LeaseLost(self.id)),
        }
    }

    pub(crate) async fn release(self, archive: &Inner) -> Result<()> {
        archive.store.delete(&self.object).await
    }
}

/// The right to remove chunks.
pub(crate) struct Lock {
    object: Object,
    renewed: Instant,
}

impl Lock {
    /// `None` when exports are under way.
    pub(crate) async fn take(archive: &Inner) -> Result<Option<Self>> {
        let object = archive.names.sweeping(crate::key::random()?);
        let now = mark(archive, &object).await?;
        let lock = Self {
            object,
            renewed: Instant::now(),
        };
        let mut leases = archive.store.list(archive.names.below(Names::PENDING));
        let mut deceased = Vec::new();
        while let Some(lease) = leases.try_next().await? {
            if !dead(&lease, &now, EXPORT_LIMIT) {
                lock.release(archive).await?;
                return Ok(None);
            }
            deceased.push(lease.location);
        }
        archive.store.delete_all(deceased).await?;
        Ok(Some(lock))
    }

    /// To be asked before each few steps; `false` when exports no longer wait for this removal.
    pub(crate) async fn holds(&mut self, archive: &Inner) -> Result<bool> {
        if archive.store.look(&self.object).await?.is_none() {
            return Ok(false);
        }
        if self.renewed.elapsed() >= RENEW_SWEEP {
            write(archive, &self.object).await?;
            self.renewed = Instant::now();
        }
        Ok(true)
    }

    pub(crate) async fn release(self, archive: &Inner) -> Result<()> {
        archive.store.delete(&self.object).await
    }
}

async fn write(archive: &Inner, object: &Object) -> Result<()> {
    let bytes = archive.sealer.seal(Kind::Lease, object, b"")?;
    archive.store.put(object, bytes).await
}

/// Writes an object and returns what the store says of it: its time is now, by the store's clock.
async fn mark(archive: &Inner, object: &Object) -> Result<ObjectMeta> {
    loop {
        write(archive, object).await?;
        // Whoever finds it gone was taken for dead in between, and writes it again.
        if let Some(meta) = archive.store.look(object).await? {
            return Ok(meta);
        }
    }
}

fn dead(what: &ObjectMeta, now: &ObjectMeta, limit: Duration) -> bool {
    (now.last_modified - what.last_modified)
        .to_std()
        .is_ok_and(|age| age > limit)
}
