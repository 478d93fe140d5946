//! Manifests: one object for each backup, written last. It has what was said about the backup, and
//! the names of the chunks that hold its index; so it stays small, and vouches for everything.

use crate::archive::{Archive, Inner};
use crate::error::{ArchiveError, Result};
use crate::key::KeyId;
use crate::name::{ChunkId, Names, Object};
use crate::seal::{Kind, Sealer};
use crate::tree;
use futures_util::{StreamExt, TryStreamExt};
use object_store::path::Path;
use offshoot_core::id::BackupId;
use serde::{Deserialize, Serialize};

const FORMAT: u32 = 1;
/// A manifest has 67 bytes for each 32,000 chunks, and what the caller says about the backup.
const MOST: usize = 16 << 20;
/// Manifests that are read at once.
const AT_ONCE: usize = 8;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Manifest {
    format: u32,
    pub(crate) id: BackupId,
    pub(crate) about: serde_json::Value,
    /// Bytes of a whole chunk.
    pub(crate) chunk: usize,
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    pub(crate) data: u64,
    /// Bytes of the index.
    pub(crate) index_bytes: u64,
    /// The chunks that the index is in.
    pub(crate) index: Vec<ChunkId>,
}

/// A backup of the store.
#[derive(Clone, Debug, PartialEq)]
pub struct About {
    pub id: BackupId,
    /// What was given with it.
    pub about: serde_json::Value,
    pub files: u64,
    /// Sum of the lengths of its files.
    pub bytes: u64,
    /// Those of them that are not zeros of a whole chunk: about what it takes when it is restored.
    pub data: u64,
}

/// What a store has.
#[derive(Debug, Default)]
pub struct Listing {
    pub backups: Vec<About>,
    /// Manifests that cannot be read. Each names its object.
    pub unreadable: Vec<ArchiveError>,
    /// Other keys under which the store has backups.
    pub other_keys: Vec<KeyId>,
}

impl Archive {
    /// The backups of this key, by their ids.
    ///
    /// # Errors
    /// The store cannot be listed. A manifest that cannot be read does not hide the others.
    pub async fn list(&self) -> Result<Listing> {
        let inner = &self.inner;
        let mut listing = Listing::default();
        let ids = inner.backups().await?;
        let mut read = futures_util::stream::iter(ids)
            .map(|id| inner.manifest(id))
            .buffered(AT_ONCE);
        while let Some(manifest) = read.next().await {
            match manifest {
                Ok(manifest) => listing.backups.push(manifest.into_about()),
                // Deleted since it was listed.
                Err(ArchiveError::NoBackup(_)) => {}
                Err(error @ (ArchiveError::Damaged { .. } | ArchiveError::OtherKey { .. })) => {
                    listing.unreadable.push(error);
                }
                Err(error) => return Err(error),
            }
        }
        listing.other_keys = inner.other_keys().await?;
        Ok(listing)
    }

    /// One backup.
    ///
    /// # Errors
    /// Not there; sealed with another key; damaged.
    pub async fn show(&self, id: BackupId) -> Result<About> {
        self.inner.manifest(id).await.map(Manifest::into_about)
    }
}

impl Inner {
    /// Ids of the backups that have a manifest, readable or not, in order.
    pub(crate) async fn backups(&self) -> Result<Vec<BackupId>> {
        let mut found = self.store.list(self.names.below(Names::BACKUPS));
        let mut ids = Vec::new();
        while let Some(meta) = found.try_next().await? {
            let name = meta.location.filename();
            ids.extend(name.and_then(|name| name.parse::<BackupId>().ok()));
        }
        ids.sort_unstable();
        Ok(ids)
    }

    /// # Errors
    /// Not there; sealed with another key; damaged.
    pub(crate) async fn manifest(&self, id: BackupId) -> Result<Manifest> {
        match self.find_manifest(id).await? {
            Some(manifest) => Ok(manifest),
            None => Err(self.why_missing(id).await?),
        }
    }

    pub(crate) async fn find_manifest(&self, id: BackupId) -> Result<Option<Manifest>> {
        let object = self.names.manifest(id);
        let Some(bytes) = self.store.find(&object, Sealer::most(MOST)).await? else {
            return Ok(None);
        };
        let plain = self
            .sealer
            .open(Kind::Manifest, &object, bytes.into(), MOST)?;
        Manifest::read(id, &object, &plain).map(Some)
    }

    pub(crate) async fn put_manifest(&self, manifest: &Manifest) -> Result<()> {
        let object = self.names.manifest(manifest.id);
        let plain = serde_json::to_vec(manifest).expect("a manifest is JSON");
        if plain.len() > MOST {
            return Err(ArchiveError::TooLarge {
                size: plain.len() as u64,
                most: MOST as u64,
            });
        }
        let bytes = self.sealer.seal(Kind::Manifest, &object, &plain)?;
        self.store.put(&object, bytes).await
    }

    /// A backup that is not here may be there under another key.
    async fn why_missing(&self, id: BackupId) -> Result<ArchiveError> {
        for key in self.other_keys().await? {
            let object = self.names.manifest_of(key, id);
            if self.store.look(&object).await?.is_some() {
                return Ok(ArchiveError::OtherKey {
                    object: object.to_string(),
                    sealed: key,
                    given: self.sealer.key(),
                });
            }
        }
        Ok(ArchiveError::NoBackup(id))
    }

    async fn other_keys(&self) -> Result<Vec<KeyId>> {
        let root: &Path = self.names.root();
        let found = self.store.directories(root).await?;
        let keys = found.iter().filter_map(|name| name.parse().ok());
        Ok(keys.filter(|key| *key != self.sealer.key()).collect())
    }
}

impl Manifest {
    pub(crate) fn new(id: BackupId, about: serde_json::Value) -> Self {
        Self {
            format: FORMAT,
            id,
            about,
            chunk: tree::CHUNK,
            files: 0,
            bytes: 0,
            data: 0,
            index_bytes: 0,
            index: Vec::new(),
        }
    }

    fn read(id: BackupId, object: &Object, plain: &[u8]) -> Result<Self> {
        let wrong = |why| ArchiveError::Damaged {
            object: object.to_string(),
            why,
        };
        let manifest: Self = serde_json::from_slice(plain)
            .map_err(|_| wrong("it is no manifest that this version of Offshoot knows"))?;
        if manifest.format != FORMAT {
            return Err(wrong(
                "it has a format that this version of Offshoot does not know",
            ));
        }
        if manifest.id != id || !tree::is_chunk_size(manifest.chunk) {
            return Err(wrong("it contradicts itself"));
        }
        Ok(manifest)
    }

    pub(crate) fn into_about(self) -> About {
        About {
            id: self.id,
            about: self.about,
            files: self.files,
            bytes: self.bytes,
            data: self.data,
        }
    }
}
