//! Sealed objects of other makers: small, under names that are readable in the store.

use crate::archive::Archive;
use crate::error::{ArchiveError, Result};
use crate::name::Names;
use crate::seal::{Kind, Sealer};
use futures_util::TryStreamExt;
use std::sync::Arc;

/// Such an object is sealed in one piece, in memory.
const MOST: usize = 128 << 20;

/// A sealed object as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedObject {
    pub name: String,
    /// Bytes that it takes in the store.
    pub stored: u64,
}

impl Archive {
    /// Puts an object, in the place of one of that name. Names are letters, digits and `. _ -`
    /// between slashes; whoever can read the store can read them.
    pub async fn put_sealed(&self, name: &str, content: Vec<u8>) -> Result<()> {
        let object = self.inner.names.sealed(name)?;
        if content.len() > MOST {
            return Err(ArchiveError::TooLarge {
                size: content.len() as u64,
                most: MOST as u64,
            });
        }
        let (inner, sealed) = (Arc::clone(&self.inner), object.clone());
        let seal = move || inner.sealer.seal(Kind::Sealed, &sealed, &content);
        let bytes = self.inner.cpu.run(seal).await?;
        self.inner.store.put(&object, bytes).await
    }

    /// # Errors
    /// Missing; damaged; sealed with another key.
    pub async fn get_sealed(&self, name: &str) -> Result<Vec<u8>> {
        let object = self.inner.names.sealed(name)?;
        let bytes = self.inner.store.get(&object, Sealer::most(MOST)).await?;
        let inner = Arc::clone(&self.inner);
        let open = move || inner.sealer.open(Kind::Sealed, &object, bytes.into(), MOST);
        self.inner.cpu.run(open).await
    }

    /// The objects below `directory` (a name, or empty for all), in the order of their names.
    pub async fn list_sealed(&self, directory: &str) -> Result<Vec<SealedObject>> {
        let names = &self.inner.names;
        let below = match directory {
            "" => names.below(Names::SEALED),
            name => names.sealed(name)?.path,
        };
        let mut found = self.inner.store.list(below);
        let mut all = Vec::new();
        while let Some(meta) = found.try_next().await? {
            let name = names.within(Names::SEALED, &meta.location);
            all.extend(name.map(|name| SealedObject {
                name: name.to_owned(),
                stored: meta.size,
            }));
        }
        all.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }

    /// Removes an object; one that is not there is removed.
    pub async fn delete_sealed(&self, name: &str) -> Result<()> {
        let object = self.inner.names.sealed(name)?;
        self.inner.store.delete(&object).await
    }
}
