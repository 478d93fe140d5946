//! Chunks on their way to the store and back. Hashing, packing and sealing happen on threads that
//! may be busy, as many at once as the machine has cores; waiting for the store happens here.

use crate::archive::Inner;
use crate::error::{ArchiveError, Result};
use crate::known::Known;
use crate::name::ChunkId;
use crate::seal::{Kind, Sealer};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// The cores that an archive uses.
pub(crate) struct Cpu(Arc<Semaphore>);

impl Cpu {
    pub(crate) fn new(cores: usize) -> Self {
        Self(Arc::new(Semaphore::new(cores)))
    }

    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = Arc::clone(&self.0).acquire_owned().await;
        let task = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(permit);
            result
        });
        task.await.map_err(ArchiveError::Task)?
    }
}

/// A chunk that is in the store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kept {
    pub(crate) id: ChunkId,
    /// Bytes that were put; `None` when it was there.
    pub(crate) put: Option<u64>,
}

impl Inner {
    /// Puts content that is not there yet.
    pub(crate) async fn keep(
        self: &Arc<Self>,
        content: Vec<u8>,
        known: &Arc<Known>,
    ) -> Result<Kept> {
        let (inner, known) = (Arc::clone(self), Arc::clone(known));
        let work = move || {
            let id = inner.sealer.name(&content);
            let object = inner.names.chunk(&id);
            let sealed = match known.claim(&id) {
                true => Some(inner.sealer.seal(Kind::Chunk, &object, &content)?),
                false => None,
            };
            Ok((id, object, sealed))
        };
        let (id, object, sealed) = self.cpu.run(work).await?;
        let put = sealed.as_ref().map(|bytes| bytes.len() as u64);
        if let Some(bytes) = sealed {
            self.store.put(&object, bytes).await?;
        }
        Ok(Kept { id, put })
    }

    /// The content of a chunk, and with it what `then` makes of it where it may block.
    pub(crate) async fn fetch<T: Send + 'static>(
        self: &Arc<Self>,
        id: ChunkId,
        length: usize,
        then: impl FnOnce(Vec<u8>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let object = self.names.chunk(&id);
        let bytes = self.store.get(&object, Sealer::most(length)).await?;
        let inner = Arc::clone(self);
        let work = move || {
            then(
                inner
                    .sealer
                    .open_chunk(&id, &object, bytes.into(), length)?,
            )
        };
        self.cpu.run(work).await
    }
}
