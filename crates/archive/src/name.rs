//! Names of objects. Everything of one key lies below that key's id, so that nobody who holds
//! another key takes it for garbage:
//!
//! ```text
//! KEY/backups/ID        manifests
//! KEY/chunks/ab/abcd…   content, named by a keyed hash of it
//! KEY/pending/ID        leases of exports that are under way
//! KEY/sweeping/RANDOM   locks of those who remove chunks
//! KEY/sealed/…          objects of other makers
//! ```

use crate::error::{ArchiveError, Result};
use crate::key::KeyId;
use object_store::path::Path;
use offshoot_core::id::BackupId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A keyed hash (HMAC-SHA-256) of a chunk's content.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct ChunkId(pub(crate) [u8; ChunkId::LENGTH]);

impl ChunkId {
    pub(crate) const LENGTH: usize = 32;

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        from_hex(name).map(Self)
    }

    /// Half of it: enough to tell chunks apart, and two of them fit where one would.
    pub(crate) fn short(&self) -> u128 {
        let (half, _) = self.0.split_first_chunk().expect("32 bytes have 16");
        u128::from_be_bytes(*half)
    }
}

impl fmt::Display for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for ChunkId {
    type Error = &'static str;

    fn try_from(text: String) -> std::result::Result<Self, Self::Error> {
        Self::from_name(&text).ok_or("a chunk id has 64 hexadecimal digits")
    }
}

impl From<ChunkId> for String {
    fn from(id: ChunkId) -> Self {
        id.to_string()
    }
}

/// Lower-case hexadecimal digits, exactly as many as there are.
pub(crate) fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = value(*high)? << 4 | value(*low)?;
    }
    Some(bytes)
}

/// An object: where it is in the store, and the name that it is sealed with, which moves with it.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) path: Path,
    /// Below the key's id.
    pub(crate) name: String,
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path.as_ref())
    }
}

/// The names of one key's objects in one store.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    root: Path,
    key: KeyId,
}

impl Names {
    pub(crate) const BACKUPS: &str = "backups";
    pub(crate) const CHUNKS: &str = "chunks";
    pub(crate) const PENDING: &str = "pending";
    pub(crate) const SWEEPING: &str = "sweeping";
    pub(crate) const SEALED: &str = "sealed";

    pub(crate) fn new(root: Path, key: KeyId) -> Self {
        Self { root, key }
    }

    /// Where the store's keys are.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn manifest(&self, id: BackupId) -> Object {
        self.object(format!("{}/{id}", Self::BACKUPS))
    }

    /// The same backup's manifest, had it been sealed with that key.
    pub(crate) fn manifest_of(&self, key: KeyId, id: BackupId) -> Object {
        Self::new(self.root.clone(), key).manifest(id)
    }

    pub(crate) fn chunk(&self, id: &ChunkId) -> Object {
        let text = id.to_string();
        self.object(format!("{}/{}/{text}", Self::CHUNKS, &text[..2]))
    }

    pub(crate) fn pending(&self, id: BackupId) -> Object {
        self.object(format!("{}/{id}", Self::PENDING))
    }

    pub(crate) fn sweeping(&self, run: [u8; 8]) -> Object {
        self.object(format!(
            "{}/{:016x}",
            Self::SWEEPING,
            u64::from_be_bytes(run)
        ))
    }

    /// # Errors
    /// A name that some store would change or refuse.
    pub(crate) fn sealed(&self, name: &str) -> Result<Object> {
        let plain = |part: &str| {
            let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
            !part.is_empty() && part != "." && part != ".." && part.bytes().all(allowed)
        };
        if name.len() <= 512 && name.split('/').all(plain) {
            return Ok(self.object(format!("{}/{name}", Self::SEALED)));
        }
        Err(ArchiveError::Name {
            name: name.to_owned(),
        })
    }

    /// What lies below one of the directories, or below one of theirs.
    pub(crate) fn below(&self, directory: &str) -> Path {
        self.object(directory.to_owned()).path
    }

    /// The name below `directory` of what a listing of it found.
    pub(crate) fn within<'a>(&self, directory: &str, found: &'a Path) -> Option<&'a str> {
        found
            .as_ref()
            .strip_prefix(self.below(directory).as_ref())?
            .strip_prefix('/')
    }

    fn object(&self, name: String) -> Object {
        let key = self.key.to_string();
        let parts = [key.as_str()].into_iter().chain(name.split('/'));
        let path = parts.fold(self.root.clone(), |path, part| path.join(part));
        Object { path, name }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names::new(Path::from("team/db"), "00112233445566ff".parse().unwrap())
    }

    #[test]
    fn objects_lie_below_their_key() {
        let names = names();
        let id = ChunkId([0xab; 32]);
        let chunk = names.chunk(&id);
        assert_eq!(
            chunk.to_string(),
            format!("team/db/00112233445566ff/chunks/ab/{}", "ab".repeat(32))
        );
        let found = names.within(Names::CHUNKS, &chunk.path).unwrap();
        assert_eq!(ChunkId::from_name(&found[3..]), Some(id));
        assert_eq!(ChunkId::from_name(&"AB".repeat(32)), None);
        assert_eq!(ChunkId::from_name("ab"), None);
        let backup = names.manifest("abcdefghij09".parse().unwrap());
        assert_eq!(backup.name, "backups/abcdefghij09");
    }

    #[test]
    fn sealed_objects_have_plain_names() {
        let names = names();
        let good = names.sealed("binlog/abcdefghij09/000001.seg").unwrap();
        assert_eq!(good.name, "sealed/binlog/abcdefghij09/000001.seg");
        for bad in ["", "/a", "a/", "a//b", "a/../b", ".", "a b", "a#1", "ä"] {
            assert!(names.sealed(bad).is_err(), "{bad:?}");
        }
    }
}
