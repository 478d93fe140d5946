//! Deletion: a manifest goes, then the chunks that no other manifest refers to.

use crate::archive::{Archive, Inner};
use crate::error::Result;
use crate::index::{IndexReader, Item};
use crate::lease::Lock;
use crate::name::{ChunkId, Names};
use futures_util::TryStreamExt;
use object_store::path::Path;
use offshoot_core::id::BackupId;
use std::collections::HashSet;
use std::sync::Arc;

/// Chunks that are removed between two looks at the lock: one request, where a store has requests
/// for many.
const BATCH: usize = 1000;

/// What was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sweep {
    /// Every chunk that nothing refers to.
    Swept { chunks: u64, bytes: u64 },
    /// Not all: an export is under way, or something failed and is in the log. The next sweep
    /// removes them.
    Deferred,
}

impl Archive {
    /// Deletes a backup; one that is not there is deleted. It is gone when its manifest is, which
    /// comes first: what is left of it is removed now or by the next deletion.
    ///
    /// # Errors
    /// The manifest could not be removed.
    pub async fn delete(&self, id: BackupId) -> Result<Sweep> {
        self.forget(id).await?;
        self.sweep().await.or_else(|error| {
            tracing::warn!(backup.id = %id, %error, "chunks of a deleted backup stay for now");
            Ok(Sweep::Deferred)
        })
    }

    /// The first part of [`Archive::delete`]: for many, with one sweep for all of them afterwards.
    ///
    /// # Errors
    /// The manifest could not be removed.
    pub async fn forget(&self, id: BackupId) -> Result<()> {
        let inner = &self.inner;
        inner.store.delete(&inner.names.manifest(id)).await?;
        // An export that was given up must not hold chunks any longer.
        inner.store.delete(&inner.names.pending(id)).await
    }

    /// Removes every chunk that no manifest refers to, unless an export is under way.
    ///
    /// # Errors
    /// A manifest or its index cannot be read. Then nothing is removed: nobody knows what it refers to.
    pub async fn sweep(&self) -> Result<Sweep> {
        let inner = &self.inner;
        let Some(mut lock) = Lock::take(inner).await? else {
            return Ok(Sweep::Deferred);
        };
        let swept = inner.sweep(&mut lock).await;
        let released = lock.release(inner).await;
        swept.and_then(|swept| released.map(|()| swept))
    }
}

impl Inner {
    async fn sweep(self: &Arc<Self>, lock: &mut Lock) -> Result<Sweep> {
        let mut live = HashSet::new();
        for id in self.backups().await? {
            if !lock.holds(self).await? {
                return Ok(Sweep::Deferred);
            }
            if let Some(manifest) = self.find_manifest(id).await? {
                live.extend(manifest.index.iter().map(mark));
                let mut index = IndexReader::new(self, &manifest);
                while let Some(item) = index.next().await? {
                    if let Item::Chunk(Some(chunk)) = item {
                        live.insert(mark(&chunk));
                    }
                }
            }
        }
        let (mut chunks, mut bytes) = (0, 0);
        let mut batch = Vec::with_capacity(BATCH);
        let mut found = self.store.list(self.names.below(Names::CHUNKS));
        while let Some(meta) = found.try_next().await? {
            let name = meta.location.filename().and_then(ChunkId::from_name);
            if name.is_some_and(|id| !live.contains(&mark(&id))) {
                chunks += 1;
                bytes += meta.size;
                batch.push(meta.location);
            }
            if batch.len() == BATCH && !self.remove(lock, &mut batch).await? {
                return Ok(Sweep::Deferred);
            }
        }
        if !self.remove(lock, &mut batch).await? {
            return Ok(Sweep::Deferred);
        }
        self.remove_scraps().await?;
        Ok(Sweep::Swept { chunks, bytes })
    }

    /// `false`: the lock was lost, and nothing was removed.
    async fn remove(&self, lock: &mut Lock, batch: &mut Vec<Path>) -> Result<bool> {
        if batch.is_empty() {
            return Ok(true);
        }
        if !lock.holds(self).await? {
            return Ok(false);
        }
        self.store.delete_all(std::mem::take(batch)).await?;
        Ok(true)
    }

    /// What a killed process left of an object that it was writing into a directory of this
    /// machine: `NAME#1`. Nobody writes chunks now.
    async fn remove_scraps(&self) -> Result<()> {
        let Some(directory) = &self.directory else {
            return Ok(());
        };
        let chunks = directory.join(self.names.below(Names::CHUNKS).as_ref());
        let remove = move || {
            for shard in read_dir(&chunks) {
                for path in read_dir(&shard) {
                    let name = path.file_name().and_then(|n| n.to_str());
                    let scrap = name.and_then(|n| n.split_once('#'));
                    if scrap.is_some_and(|(id, _)| ChunkId::from_name(id).is_some())
                        && let Err(error) = std::fs::remove_file(&path)
                    {
                        tracing::warn!(path = %path.display(), %error, "a half-written chunk stays");
                    }
                }
            }
            Ok(())
        };
        self.cpu.run(remove).await
    }
}

fn read_dir(path: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(path).into_iter().flatten();
    entries.filter_map(|e| Some(e.ok()?.path())).collect()
}

/// Eight bytes of a chunk's id. Two that have them in common keep each other, which costs room and
/// nothing else.
fn mark(id: &ChunkId) -> u64 {
    (id.short() >> 64) as u64
}
