//! The chunks that an export need not put: those that were there, and those that it put itself.

use crate::error::Result;
use crate::name::{ChunkId, Names};
use crate::store::Store;
use futures_util::TryStreamExt;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// Sixteen bytes for each chunk: 16 MiB for a TiB of backups.
#[derive(Default)]
pub(crate) struct Known {
    /// Sorted.
    before: Vec<u128>,
    since: Mutex<HashSet<u128>>,
}

impl Known {
    pub(crate) async fn list(store: &Store, names: &Names) -> Result<Self> {
        let mut found = store.list(names.below(Names::CHUNKS));
        let mut before = Vec::new();
        while let Some(meta) = found.try_next().await? {
            let name = meta.location.filename().and_then(ChunkId::from_name);
            before.extend(name.map(|id| id.short()));
        }
        before.sort_unstable();
        Ok(Self {
            before,
            since: Mutex::default(),
        })
    }

    /// Whether the caller is the one to put this chunk. Who is told so puts it, or the export fails.
    pub(crate) fn claim(&self, id: &ChunkId) -> bool {
        if self.before.binary_search(&id.short()).is_ok() {
            return false;
        }
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        since.insert(id.short())
    }
}
