//! The form of every object: a clear header, then what was packed with zstd and sealed with
//! XChaCha20-Poly1305.
//!
//! ```text
//! "OFSA"  version  kind  key id   nonce      sealed(zstd(content))  tag
//! 4       1        1     8        24         …                      16     bytes
//! ```
//! The header and the object's name are authenticated with the content, so an object neither passes
//! for another nor for one of another kind. Nonces are random: of 24 bytes none comes twice.

use crate::error::{ArchiveError, Result};
use crate::key::{BackupKey, KeyId, random};
use crate::name::{ChunkId, Object};
use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{Tag, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::sync::{Mutex, PoisonError};
use zstd::bulk::{Compressor, Decompressor};

const MAGIC: &[u8; 4] = b"OFSA";
const VERSION: u8 = 1;
const NONCE: usize = 24;
const TAG: usize = 16;
/// What stands before the nonce, and is authenticated.
const PREFIX: usize = MAGIC.len() + 2 + KeyId::LENGTH;
const HEADER: usize = PREFIX + NONCE;
/// Half as fast again is not worth a twentieth less.
const LEVEL: i32 = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Chunk = 1,
    Manifest,
    Lease,
    Sealed,
}

impl Kind {
    const ALL: [Kind; 4] = [Kind::Chunk, Kind::Manifest, Kind::Lease, Kind::Sealed];

    fn purpose(self) -> &'static str {
        match self {
            Kind::Chunk => "chunks",
            Kind::Manifest => "manifests",
            Kind::Lease => "leases",
            Kind::Sealed => "sealed objects",
        }
    }
}

/// What one key seals and names with.
pub(crate) struct Sealer {
    key: KeyId,
    namer: Hmac<Sha256>,
    ciphers: [XChaCha20Poly1305; Kind::ALL.len()],
    /// Their memory is what takes time to make.
    packers: Mutex<Vec<Compressor<'static>>>,
}

impl Sealer {
    pub(crate) fn new(key: &BackupKey) -> Self {
        Self {
            key: key.id(),
            namer: key.namer(),
            ciphers: Kind::ALL.map(|kind| key.cipher(kind.purpose())),
            packers: Mutex::default(),
        }
    }

    pub(crate) fn key(&self) -> KeyId {
        self.key
    }

    /// The name of content.
    pub(crate) fn name(&self, content: &[u8]) -> ChunkId {
        ChunkId(
            self.namer
                .clone()
                .chain_update(content)
                .finalize()
                .into_bytes()
                .into(),
        )
    }

    pub(crate) fn seal(&self, kind: Kind, object: &Object, content: &[u8]) -> Result<Vec<u8>> {
        let most = HEADER + zstd::zstd_safe::compress_bound(content.len()) + TAG;
        let mut bytes = vec![0; most];
        let nonce = random::<NONCE>()?;
        let header = [&self.prefix(kind)[..], &nonce].concat();
        bytes[..HEADER].copy_from_slice(&header);
        let (_, room) = bytes.split_at_mut(HEADER);
        let packed = self.pack(content, room)?;
        bytes.truncate(HEADER + packed);
        let (header, body) = bytes.split_at_mut(HEADER);
        let tag = self
            .cipher(kind)
            .encrypt_inout_detached(&XNonce::from(nonce), &bound(header, object), body.into())
            .map_err(|_| damaged(object, "it is too large to be sealed"))?;
        bytes.extend_from_slice(&tag);
        // What was reserved for content that cannot be packed is given back.
        bytes.shrink_to_fit();
        Ok(bytes)
    }

    /// Content of at most `limit` bytes.
    ///
    /// # Errors
    /// Damaged; sealed with another key.
    pub(crate) fn open(
        &self,
        kind: Kind,
        object: &Object,
        mut bytes: Vec<u8>,
        limit: usize,
    ) -> Result<Vec<u8>> {
        if bytes.len() < HEADER + TAG {
            return Err(damaged(object, "it is cut short"));
        }
        let (header, body) = bytes.split_at_mut(HEADER);
        self.look(kind, object, header)?;
        let (body, tag) = body.split_at_mut(body.len() - TAG);
        let nonce = XNonce::try_from(&header[PREFIX..]).expect("the rest of the header");
        let tag = Tag::try_from(&*tag).expect("the rest of the body");
        self.cipher(kind)
            .decrypt_inout_detached(&nonce, &bound(header, object), (&mut *body).into(), &tag)
            .map_err(|_| damaged(object, "it is not what was put there"))?;
        unpack(body, limit).ok_or_else(|| damaged(object, "it does not unpack"))
    }

    /// Content of a chunk that is `length` bytes long, and has the name that it is kept under.
    pub(crate) fn open_chunk(
        &self,
        id: &ChunkId,
        object: &Object,
        bytes: Vec<u8>,
        length: usize,
    ) -> Result<Vec<u8>> {
        let content = self.open(Kind::Chunk, object, bytes, length)?;
        if content.len() != length {
            return Err(damaged(
                object,
                "it has another length than its backup says",
            ));
        }
        if self.name(&content) != *id {
            return Err(damaged(object, "its content is not what it is named after"));
        }
        Ok(content)
    }

    /// The most that a sealed object of so much content takes.
    pub(crate) fn most(content: usize) -> u64 {
        (HEADER + zstd::zstd_safe::compress_bound(content) + TAG) as u64
    }

    fn look(&self, kind: Kind, object: &Object, header: &[u8]) -> Result<()> {
        let wanted = self.prefix(kind);
        let (fixed, key) = wanted.split_at(PREFIX - KeyId::LENGTH);
        if !header.starts_with(MAGIC) {
            return Err(damaged(
                object,
                "it does not begin as objects of Offshoot do",
            ));
        }
        if header[MAGIC.len()] != VERSION {
            return Err(damaged(
                object,
                "its format is none that this version of Offshoot knows",
            ));
        }
        if !header.starts_with(fixed) {
            return Err(damaged(object, "it is an object of another kind"));
        }
        let sealed = &header[fixed.len()..PREFIX];
        if sealed != key {
            let sealed = sealed.try_into().expect("as long as a key id");
            return Err(ArchiveError::OtherKey {
                object: object.to_string(),
                sealed: KeyId::from_bytes(sealed),
                given: self.key,
            });
        }
        Ok(())
    }

    fn prefix(&self, kind: Kind) -> [u8; PREFIX] {
        let mut prefix = [0; PREFIX];
        let (magic, rest) = prefix.split_at_mut(MAGIC.len());
        magic.copy_from_slice(MAGIC);
        let (marks, key) = rest.split_at_mut(2);
        marks.copy_from_slice(&[VERSION, kind as u8]);
        key.copy_from_slice(self.key.as_bytes());
        prefix
    }

    fn cipher(&self, kind: Kind) -> &XChaCha20Poly1305 {
        &self.ciphers[kind as usize - 1]
    }

    /// Packs into `room`, which fits it, and returns how much of it.
    fn pack(&self, content: &[u8], room: &mut [u8]) -> Result<usize> {
        let packer = self.packers().pop();
        let mut packer = match packer {
            Some(packer) => packer,
            None => Compressor::new(LEVEL).map_err(ArchiveError::file("zstd"))?,
        };
        let packed = packer
            .compress_to_buffer(content, room)
            .map_err(ArchiveError::file("zstd"))?;
        self.packers().push(packer);
        Ok(packed)
    }

    fn packers(&self) -> std::sync::MutexGuard<'_, Vec<Compressor<'static>>> {
        self.packers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is authenticated beside the content. The name is the last, so no two are the same.
fn bound(header: &[u8], object: &Object) -> Vec<u8> {
    [&header[..PREFIX], object.name.as_bytes()].concat()
}

fn unpack(packed: &[u8], limit: usize) -> Option<Vec<u8>> {
    let length = zstd::zstd_safe::get_frame_content_size(packed).ok()??;
    let length = usize::try_from(length).ok().filter(|l| *l <= limit)?;
    let content = Decompressor::new().ok()?.decompress(packed, length).ok()?;
    (content.len() == length).then_some(content)
}

fn damaged(object: &Object, why: &'static str) -> ArchiveError {
    ArchiveError::Damaged {
        object: object.to_string(),
        why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::Names;
    use object_store::path::Path;

    const LIMIT: usize = 1 << 16;

    fn sealer(byte: u8) -> (Sealer, Names) {
        let key = BackupKey::from_bytes([byte; 32]);
        (Sealer::new(&key), Names::new(Path::default(), key.id()))
    }

    #[test]
    fn content_comes_back_under_its_name_kind_and_key_only() {
        let (sealer, names) = sealer(1);
        let (one, other) = (names.sealed("one").unwrap(), names.sealed("two").unwrap());
        for content in [&b""[..], b"content", &[3; 50_000]] {
            let sealed = sealer.seal(Kind::Sealed, &one, content).unwrap();
            assert_ne!(sealed, sealer.seal(Kind::Sealed, &one, content).unwrap());
            let open = |kind, object| sealer.open(kind, object, sealed.clone(), LIMIT);
            assert_eq!(open(Kind::Sealed, &one).unwrap(), content);
            assert!(open(Kind::Sealed, &other).is_err());
            assert!(open(Kind::Lease, &one).is_err());
            let limited = sealer.open(Kind::Sealed, &one, sealed.clone(), content.len() / 2);
            assert_eq!(limited.is_ok(), content.is_empty());
            let (stranger, _) = super::tests::sealer(2);
            let refused = stranger.open(Kind::Sealed, &one, sealed.clone(), LIMIT);
            assert!(
                matches!(refused, Err(ArchiveError::OtherKey { sealed, given, .. })
                if sealed == sealer.key() && given == stranger.key())
            );
        }
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_found() {
        let (sealer, names) = sealer(1);
        let object = names.sealed("one").unwrap();
        let sealed = sealer.seal(Kind::Sealed, &object, b"some content").unwrap();
        for at in 0..sealed.len() {
            let mut flipped = sealed.clone();
            flipped[at] ^= 1 << (at % 8);
            let error = sealer
                .open(Kind::Sealed, &object, flipped, LIMIT)
                .unwrap_err();
            assert!(error.to_string().contains(object.path.as_ref()), "{error}");
            let cut = sealed[..at].to_vec();
            assert!(sealer.open(Kind::Sealed, &object, cut, LIMIT).is_err());
        }
        let longer = [&sealed[..], b"x"].concat();
        assert!(sealer.open(Kind::Sealed, &object, longer, LIMIT).is_err());
    }

    /// Stores outlive programs: what version 1 wrote is readable for good.
    #[test]
    fn an_object_of_the_first_version_opens() {
        let (sealer, names) = sealer(1);
        let object = names.sealed("golden").unwrap();
        let golden = include_bytes!("../tests/golden/sealed-1");
        let content = sealer.open(Kind::Sealed, &object, golden.to_vec(), LIMIT);
        assert_eq!(content.unwrap(), b"what version 1 sealed\n");
        // As any program computes it: HMAC-SHA-256 with a key from HKDF-SHA-256.
        let name = "c576c390c7bc0632be604bdf598556d5b38c6eddf8509549a422c6f9c564d048";
        assert_eq!(sealer.name(b"content").to_string(), name);
    }
}
