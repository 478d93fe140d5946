//! An archive that is open: a store, a key, and how much is done at once.

use crate::chunk::Cpu;
use crate::error::Result;
use crate::key::{BackupKey, KeyId};
use crate::name::Names;
use crate::open::{self, Place};
use crate::seal::Sealer;
use crate::store::Store;
use object_store::ObjectStore;
use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use url::Url;

/// How an archive works.
#[derive(Clone)]
pub struct Options {
    /// Chunks under way at once: a store is far away, so more than one; each takes up to three
    /// times its size of memory.
    pub parallelism: usize,
    /// Options of the store, which override the environment's. They may be secrets.
    pub store: BTreeMap<String, String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            parallelism: Self::PARALLELISM,
            store: BTreeMap::new(),
        }
    }
}

impl Options {
    pub const PARALLELISM: usize = 8;
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<_> = self.store.keys().collect();
        write!(f, "Options({}, {keys:?})", self.parallelism)
    }
}

/// One store with one backup key. Cheap to clone.
#[derive(Clone)]
pub struct Archive {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) names: Names,
    pub(crate) sealer: Sealer,
    pub(crate) cpu: Cpu,
    pub(crate) parallelism: usize,
    /// Where the store is, when it is a directory of this machine.
    pub(crate) directory: Option<PathBuf>,
}

impl Archive {
    /// Opens the store at `url`: `file:///directory`, `s3://bucket/prefix`, `gs://bucket/prefix`,
    /// `az://container/prefix`. Nothing is asked of the store yet.
    ///
    /// # Errors
    /// The address or an option is wrong, or the directory is not there.
    pub fn open(url: &Url, options: &Options, key: &BackupKey) -> Result<Self> {
        let place = open::open(url, &options.store)?;
        Ok(Self::at(place, options.parallelism, key))
    }

    /// An archive in a store that was opened elsewhere.
    pub fn with_store(store: Arc<dyn ObjectStore>, parallelism: usize, key: &BackupKey) -> Self {
        let place = Place {
            store,
            prefix: object_store::path::Path::default(),
            directory: None,
        };
        Self::at(place, parallelism, key)
    }

    fn at(place: Place, parallelism: usize, key: &BackupKey) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let parallelism = parallelism.max(1);
        let inner = Inner {
            store: Store(place.store),
            names: Names::new(place.prefix, key.id()),
            sealer: Sealer::new(key),
            cpu: Cpu::new(parallelism.min(cores)),
            parallelism,
            directory: place.directory,
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    pub fn key(&self) -> KeyId {
        self.inner.sealer.key()
    }
}

impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Archive(key {})", self.key())
    }
}
