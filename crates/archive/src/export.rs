//! Exports: a tree becomes chunks and a manifest.
//!
//! One thread reads, and hands chunks over through a short queue; a limited number of them is
//! hashed, packed, sealed and put at a time, and they come out in the order in which they went in.
//! Killed at any moment, an export leaves chunks that the next one finds.

use crate::archive::{Archive, Inner};
use crate::chunk::Kept;
use crate::error::{ArchiveError, Result};
use crate::index::{self, Entry, Item};
use crate::known::Known;
use crate::lease::{Lease, RENEW_EXPORT};
use crate::manifest::Manifest;
use crate::tree::{CHUNK, read};
use futures_util::StreamExt;
use offshoot_core::id::BackupId;
use offshoot_core::port::Progress;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::time::{Instant, interval_at};

/// Chunks that were read and wait.
const QUEUE: usize = 2;

/// What an export did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub files: u64,
    /// Sum of the lengths of the files.
    pub bytes: u64,
    /// What was put, packed and sealed: nothing, when the backup was there.
    pub stored: u64,
    pub chunks_put: u64,
    pub chunks_reused: u64,
}

impl Archive {
    /// Copies everything below `source` into the store, as the backup `id`, together with what
    /// `about` says of it. `source` must not change meanwhile. A backup that is there stays as it is.
    ///
    /// # Errors
    /// The store or a file fails; [`ArchiveError::LeaseLost`]. No backup is there then, and the next
    /// call goes on where this one ended.
    pub async fn export(
        &self,
        id: BackupId,
        source: &Path,
        about: serde_json::Value,
        progress: &dyn Progress,
    ) -> Result<Summary> {
        let inner = &self.inner;
        if let Some(there) = inner.find_manifest(id).await? {
            return Ok(Summary {
                files: there.files,
                bytes: there.bytes,
                ..Summary::default()
            });
        }
        let size = inner.run_reader(source, read::size).await?;
        let lease = Lease::take(inner, id).await?;
        let known = Arc::new(Known::list(&inner.store, &inner.names).await?);
        let export = Export {
            archive: inner,
            known,
            manifest: Manifest::new(id, about),
            summary: Summary::default(),
            index: Vec::new(),
        };
        let (manifest, summary) = export.run(source, size, &lease, progress).await?;
        lease.confirm(inner).await?;
        inner.put_manifest(&manifest).await?;
        if let Err(lost) = lease.confirm(inner).await {
            inner.store.delete(&inner.names.manifest(id)).await?;
            return Err(lost);
        }
        lease.release(inner).await?;
        Ok(summary)
    }
}

struct Export<'a> {
    archive: &'a Arc<Inner>,
    known: Arc<Known>,
    manifest: Manifest,
    summary: Summary,
    /// What is not a whole chunk yet.
    index: Vec<u8>,
}

/// What became of a piece.
enum Done {
    Entry(Entry),
    Zeros(u64),
    Content(Kept, u64),
}

impl Export<'_> {
    async fn run(
        mut self,
        source: &Path,
        size: u64,
        lease: &Lease,
        progress: &dyn Progress,
    ) -> Result<(Manifest, Summary)> {
        let (sender, mut pieces) = mpsc::channel(QUEUE);
        let root = source.to_owned();
        let reader = tokio::task::spawn_blocking(move || {
            read::pieces(&root, |piece| sender.blocking_send(piece).is_ok())
        });
        let (archive, known) = (self.archive, Arc::clone(&self.known));
        let mut done = futures_util::stream::poll_fn(move |cx| pieces.poll_recv(cx))
            .map(|piece| work(archive, &known, piece))
            .buffered(archive.parallelism);
        let mut renewal = interval_at(Instant::now() + RENEW_EXPORT, RENEW_EXPORT);
        loop {
            let piece = tokio::select! {
                piece = done.next() => piece,
                _ = renewal.tick() => {
                    lease.renew(archive).await?;
                    continue;
                }
            };
            let Some(piece) = piece else { break };
            self.note(piece?).await?;
            progress.at(self.manifest.bytes.min(size), size);
        }
        reader.await.map_err(ArchiveError::Task)??;
        index::write_end(&mut self.index);
        while !self.index.is_empty() {
            self.keep_index().await?;
        }
        self.summary.files = self.manifest.files;
        self.summary.bytes = self.manifest.bytes;
        Ok((self.manifest, self.summary))
    }

    async fn note(&mut self, done: Done) -> Result<()> {
        let item = match done {
            Done::Entry(entry) => {
                self.manifest.files += u64::from(matches!(entry, Entry::File { .. }));
                Item::Entry(entry)
            }
            Done::Zeros(length) => {
                self.manifest.bytes += length;
                Item::Chunk(None)
            }
            Done::Content(kept, length) => {
                self.manifest.bytes += length;
                self.manifest.data += length;
                self.count(kept);
                Item::Chunk(Some(kept.id))
            }
        };
        index::write(&item, &mut self.index);
        match self.index.len() < CHUNK {
            true => Ok(()),
            false => self.keep_index().await,
        }
    }

    /// Puts the next chunk of the index.
    async fn keep_index(&mut self) -> Result<()> {
        let rest = self.index.split_off(self.index.len().min(CHUNK));
        let content = std::mem::replace(&mut self.index, rest);
        self.manifest.index_bytes += content.len() as u64;
        let kept = self.archive.keep(content, &self.known).await?;
        self.manifest.index.push(kept.id);
        self.count(kept);
        Ok(())
    }

    fn count(&mut self, kept: Kept) {
        match kept.put {
            Some(bytes) => {
                self.summary.chunks_put += 1;
                self.summary.stored += bytes;
            }
            None => self.summary.chunks_reused += 1,
        }
    }
}

async fn work(archive: &Arc<Inner>, known: &Arc<Known>, piece: read::Piece) -> Result<Done> {
    Ok(match piece {
        read::Piece::Entry(entry) => Done::Entry(entry),
        read::Piece::Zeros(length) => Done::Zeros(length),
        read::Piece::Content(content) => {
            let length = content.len() as u64;
            Done::Content(archive.keep(content, known).await?, length)
        }
    })
}

impl Inner {
    async fn run_reader<T: Send + 'static>(
        &self,
        source: &Path,
        read: impl FnOnce(&Path) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let source: PathBuf = source.to_owned();
        let task = tokio::task::spawn_blocking(move || read(&source));
        task.await.map_err(ArchiveError::Task)?
    }
}
