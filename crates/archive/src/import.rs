//! Imports: a backup becomes a tree again; and the same way without writing, to see that it could.

use crate::archive::{Archive, Inner};
use crate::error::{ArchiveError, Result};
use crate::index::{Entry, IndexReader, Item};
use crate::manifest::Manifest;
use crate::name::ChunkId;
use crate::tree::write::{File, Tree};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use offshoot_core::id::BackupId;
use offshoot_core::port::Progress;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// What was read of a backup, every byte of it checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Restored {
    /// What was given with it.
    pub about: serde_json::Value,
    pub files: u64,
    pub bytes: u64,
}

impl Archive {
    /// Writes a backup's files into `target`, which is made, or is empty; durable on return. Owners
    /// are the caller's affair.
    ///
    /// # Errors
    /// Not there, missing objects, damaged ones, no room. `target` is then half filled: the caller
    /// gives it its name when this returns well, and removes it otherwise.
    pub async fn import(
        &self,
        id: BackupId,
        target: &Path,
        progress: &dyn Progress,
    ) -> Result<Restored> {
        let manifest = self.inner.manifest(id).await?;
        let (path, needed) = (target.to_owned(), manifest.data);
        let tree = blocking(move || begin(&path, needed)).await?;
        let mut reading = Reading::new(&self.inner, &manifest, Some(tree));
        reading.run(progress).await?;
        if let Some(tree) = reading.tree.take() {
            blocking(move || tree.finish()).await?;
        }
        Ok(reading.end())
    }

    /// Reads a backup in full and checks every byte of it.
    ///
    /// # Errors
    /// The first object that is missing or damaged.
    pub async fn verify(&self, id: BackupId, progress: &dyn Progress) -> Result<Restored> {
        let manifest = self.inner.manifest(id).await?;
        let mut reading = Reading::new(&self.inner, &manifest, None);
        reading.run(progress).await?;
        Ok(reading.end())
    }
}

/// What will not fit is not begun.
fn begin(path: &Path, needed: u64) -> Result<Tree> {
    let tree = Tree::begin(path)?;
    match tree.room()? < needed {
        true => Err(ArchiveError::file(path)(io::ErrorKind::StorageFull.into())),
        false => Ok(tree),
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let task = tokio::task::spawn_blocking(work);
    task.await.map_err(ArchiveError::Task)?
}

struct Reading<'a> {
    archive: &'a Arc<Inner>,
    manifest: &'a Manifest,
    /// `None`: nothing is written.
    tree: Option<Tree>,
    files: u64,
    bytes: u64,
    /// The file whose chunks come now, and where in it the next one goes.
    file: Option<File>,
    size: u64,
    at: u64,
}

impl<'a> Reading<'a> {
    fn new(archive: &'a Arc<Inner>, manifest: &'a Manifest, tree: Option<Tree>) -> Self {
        Self {
            archive,
            manifest,
            tree,
            files: 0,
            bytes: 0,
            file: None,
            size: 0,
            at: 0,
        }
    }

    async fn run(&mut self, progress: &dyn Progress) -> Result<()> {
        let mut index = IndexReader::new(self.archive, self.manifest);
        let mut under_way = FuturesUnordered::new();
        while let Some(item) = index.next().await? {
            let length = match item {
                Item::Entry(entry) => {
                    self.enter(entry).await?;
                    continue;
                }
                Item::Chunk(None) => self.step().1,
                Item::Chunk(Some(id)) => {
                    while under_way.len() >= self.archive.parallelism {
                        self.bytes += under_way.next().await.unwrap_or(Ok(0))?;
                        progress.at(self.bytes, self.manifest.bytes);
                    }
                    let (at, length) = self.step();
                    under_way.push(restore(self.archive, id, length, self.file.clone(), at));
                    continue;
                }
            };
            self.bytes += length;
            progress.at(self.bytes, self.manifest.bytes);
        }
        while let Some(done) = under_way.next().await {
            self.bytes += done?;
            progress.at(self.bytes, self.manifest.bytes);
        }
        match (self.files, self.bytes) == (self.manifest.files, self.manifest.bytes) {
            true => Ok(()),
            false => Err(ArchiveError::Damaged {
                object: self.archive.names.manifest(self.manifest.id).to_string(),
                why: "its index has not what it says",
            }),
        }
    }

    async fn enter(&mut self, entry: Entry) -> Result<()> {
        if let Entry::File { size, .. } = entry {
            self.files += 1;
            (self.size, self.at) = (size, 0);
        }
        if let Some(mut tree) = self.tree.take() {
            let work = move || tree.make(entry).map(|file| (tree, file));
            let (tree, file) = blocking(work).await?;
            self.tree = Some(tree);
            self.file = file;
        }
        Ok(())
    }

    /// Place and length of the next chunk.
    fn step(&mut self) -> (u64, u64) {
        let at = self.at;
        let length = (self.size - at).min(self.manifest.chunk as u64);
        self.at += length;
        (at, length)
    }

    fn end(&self) -> Restored {
        Restored {
            about: self.manifest.about.clone(),
            files: self.files,
            bytes: self.bytes,
        }
    }
}

async fn restore(
    archive: &Arc<Inner>,
    id: ChunkId,
    length: u64,
    file: Option<File>,
    at: u64,
) -> Result<u64> {
    let write = move |content: Vec<u8>| match file {
        Some(file) => file.write(at, &content),
        None => Ok(()),
    };
    let size = usize::try_from(length).unwrap_or(usize::MAX);
    archive.fetch(id, size, write).await?;
    Ok(length)
}
