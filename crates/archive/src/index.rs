//! The index: everything in a tree, in the order in which it was read, as a stream of bytes that is
//! kept in chunks itself. Directories come before what is in them.
//!
//! ```text
//! 'd'  path  mode:u32                directory
//! 'l'  path  target                  symbolic link
//! 'f'  path  mode:u32  size:u64      file, followed by its chunks:
//!        0                             zeros
//!        1  id:32                      content
//! '.'                                the end
//! ```
//! Numbers are little-endian; a path has its length before it (u16) and is relative to the root.

use crate::archive::Inner;
use crate::error::{ArchiveError, Result};
use crate::manifest::Manifest;
use crate::name::ChunkId;
use std::collections::VecDeque;
use std::sync::Arc;

/// Something in a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    Directory { path: Vec<u8>, mode: u32 },
    Link { path: Vec<u8>, target: Vec<u8> },
    File { path: Vec<u8>, mode: u32, size: u64 },
}

/// What an index is a list of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Entry(Entry),
    /// The next chunk of the file before; `None`: zeros.
    Chunk(Option<ChunkId>),
}

pub(crate) fn write(item: &Item, to: &mut Vec<u8>) {
    match item {
        Item::Entry(Entry::Directory { path, mode }) => {
            to.push(b'd');
            write_path(path, to);
            to.extend_from_slice(&mode.to_le_bytes());
        }
        Item::Entry(Entry::Link { path, target }) => {
            to.push(b'l');
            write_path(path, to);
            write_path(target, to);
        }
        Item::Entry(Entry::File { path, mode, size }) => {
            to.push(b'f');
            write_path(path, to);
            to.extend_from_slice(&mode.to_le_bytes());
            to.extend_from_slice(&size.to_le_bytes());
        }
        Item::Chunk(None) => to.push(0),
        Item::Chunk(Some(id)) => {
            to.push(1);
            to.extend_from_slice(&id.0);
        }
    }
}

pub(crate) fn write_end(to: &mut Vec<u8>) {
    to.push(b'.');
}

/// Paths longer than the system's limit do not exist.
fn write_path(path: &[u8], to: &mut Vec<u8>) {
    let length = u16::try_from(path.len()).unwrap_or(u16::MAX);
    to.extend_from_slice(&length.to_le_bytes());
    to.extend_from_slice(&path[..usize::from(length)]);
}

/// Reads a backup's index, chunk by chunk.
pub(crate) struct IndexReader {
    archive: Arc<Inner>,
    object: String,
    chunk: usize,
    todo: VecDeque<ChunkId>,
    /// Bytes of the index that were not fetched.
    left: u64,
    buffer: Vec<u8>,
    at: usize,
    /// Chunks of the last file that are still to come.
    chunks: u64,
    ended: bool,
}

impl IndexReader {
    pub(crate) fn new(archive: &Arc<Inner>, manifest: &Manifest) -> Self {
        Self {
            archive: Arc::clone(archive),
            object: archive.names.manifest(manifest.id).to_string(),
            chunk: manifest.chunk,
            todo: manifest.index.iter().copied().collect(),
            left: manifest.index_bytes,
            buffer: Vec::new(),
            at: 0,
            chunks: 0,
            ended: false,
        }
    }

    /// `None` after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<Item>> {
        if self.ended {
            return Ok(None);
        }
        let [mark] = self.take().await?;
        let item = match mark {
            0 | 1 if self.chunks > 0 => {
                self.chunks -= 1;
                match mark {
                    0 => Item::Chunk(None),
                    _ => Item::Chunk(Some(ChunkId(self.take().await?))),
                }
            }
            b'd' if self.chunks == 0 => Item::Entry(Entry::Directory {
                path: self.path().await?,
                mode: u32::from_le_bytes(self.take().await?),
            }),
            b'l' if self.chunks == 0 => Item::Entry(Entry::Link {
                path: self.path().await?,
                target: self.bytes().await?,
            }),
            b'f' if self.chunks == 0 => {
                let path = self.path().await?;
                let mode = u32::from_le_bytes(self.take().await?);
                let size = u64::from_le_bytes(self.take().await?);
                self.chunks = size.div_ceil(self.chunk as u64);
                Item::Entry(Entry::File { path, mode, size })
            }
            b'.' if self.chunks == 0 && self.todo.is_empty() && self.at == self.buffer.len() => {
                self.ended = true;
                return Ok(None);
            }
            _ => return Err(self.wrong()),
        };
        Ok(Some(item))
    }

    /// A path that stays below the root.
    async fn path(&mut self) -> Result<Vec<u8>> {
        let path = self.bytes().await?;
        let plain = |part: &[u8]| !part.is_empty() && part != b"." && part != b"..";
        match path.split(|b| *b == b'/').all(plain) && !path.contains(&0) {
            true => Ok(path),
            false => Err(self.wrong()),
        }
    }

    async fn bytes(&mut self) -> Result<Vec<u8>> {
        let length = usize::from(u16::from_le_bytes(self.take().await?));
        self.fill(length).await?;
        let bytes = self.buffer[self.at..self.at + length].to_vec();
        self.at += length;
        Ok(bytes)
    }

    async fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.fill(N).await?;
        let bytes = self.buffer[self.at..].first_chunk().copied();
        self.at += N;
        bytes.ok_or_else(|| self.wrong())
    }

    /// Fetches until `length` bytes are there.
    async fn fill(&mut self, length: usize) -> Result<()> {
        while self.buffer.len() - self.at < length {
            let id = self.todo.pop_front().ok_or_else(|| self.wrong())?;
            let size = usize::try_from(self.left)
                .unwrap_or(self.chunk)
                .min(self.chunk);
            self.left -= size as u64;
            let content = self.archive.fetch(id, size, Ok).await?;
            self.buffer.drain(..self.at);
            self.at = 0;
            self.buffer.extend_from_slice(&content);
        }
        Ok(())
    }

    fn wrong(&self) -> ArchiveError {
        ArchiveError::Damaged {
            object: self.object.clone(),
            why: "its index contradicts itself",
        }
    }
}
