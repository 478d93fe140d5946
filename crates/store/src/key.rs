//! The master key: seals what must be readable again. Kept in a file of its own (0600) or given
//! from outside; without it the sealed values are lost.

use crate::error::{StoreError, StoreResult};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::Sha256;
use std::fmt;
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

const NONCE: usize = 24;

/// 32 random bytes.
pub struct MasterKey(SecretBox<[u8; 32]>);

impl MasterKey {
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(SecretBox::new(Box::new(bytes)))
    }

    /// Draws a new key from the operating system.
    pub fn generate() -> StoreResult<Self> {
        Ok(Self::from_bytes(random()?))
    }

    /// From outside: 32 bytes in base64, white space around them ignored.
    pub fn from_base64(text: &SecretString) -> StoreResult<Self> {
        let bytes = STANDARD
            .decode(text.expose_secret().trim())
            .ok()
            .and_then(|b| <[u8; 32]>::try_from(b).ok())
            .ok_or_else(|| StoreError::Key("a master key is 32 bytes in base64".to_owned()))?;
        Ok(Self::from_bytes(bytes))
    }

    pub fn to_base64(&self) -> SecretString {
        SecretString::from(STANDARD.encode(self.0.expose_secret()))
    }

    /// Reads the key file. Refused when others may read it.
    pub fn read(path: &Path) -> StoreResult<Self> {
        let file = |source| StoreError::File {
            path: path.to_owned(),
            source,
        };
        let mut handle = std::fs::File::open(path).map_err(file)?;
        let mode = handle.metadata().map_err(file)?.mode();
        if mode & 0o077 != 0 {
            return Err(StoreError::Key(format!(
                "{} may be read by others (mode {:o}); run: chmod 600 {}",
                path.display(),
                mode & 0o777,
                path.display()
            )));
        }
        let mut text = String::new();
        handle.read_to_string(&mut text).map_err(file)?;
        Self::from_base64(&SecretString::from(text))
    }

    /// Reads the key file, or makes it with a new key: whole and durable, or not at all.
    pub fn read_or_create(path: &Path) -> StoreResult<Self> {
        match Self::read(path) {
            Err(StoreError::File { source, .. })
                if source.kind() == std::io::ErrorKind::NotFound =>
            {
                let key = Self::generate()?;
                key.write_new(path)?;
                Ok(key)
            }
            other => other,
        }
    }

    /// Writes a key file that must not be there yet.
    pub fn write_new(&self, path: &Path) -> StoreResult<()> {
        let file = |source| StoreError::File {
            path: path.to_owned(),
            source,
        };
        let part = path.with_extension("part");
        let mut handle = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&part)
            .map_err(file)?;
        writeln!(handle, "{}", self.to_base64().expose_secret()).map_err(file)?;
        handle.sync_all().map_err(file)?;
        std::fs::hard_link(&part, path).map_err(file)?;
        std::fs::remove_file(&part).map_err(file)?;
        if let Some(parent) = path.parent() {
            std::fs::File::open(parent)
                .and_then(|d| d.sync_all())
                .map_err(file)?;
        }
        Ok(())
    }

    /// A key of its own for a purpose: whoever has it does not have this one.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.expose_secret())
            .expect("any key length fits HMAC");
        mac.update(purpose.as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// Seals `plain`, bound to `identity` (which row and column it is): base64 of nonce and ciphertext.
    pub fn seal(&self, identity: &str, plain: &[u8]) -> StoreResult<String> {
        let nonce = random::<NONCE>()?;
        let sealed = self
            .cipher()
            .encrypt(
                &XNonce::from(nonce),
                Payload {
                    msg: plain,
                    aad: identity.as_bytes(),
                },
            )
            .map_err(|_| StoreError::Seal)?;
        Ok(STANDARD.encode([&nonce[..], &sealed].concat()))
    }

    /// Opens what [`MasterKey::seal`] made for the same identity.
    pub fn open(&self, identity: &str, sealed: &str) -> StoreResult<SecretBox<Vec<u8>>> {
        let bytes = STANDARD.decode(sealed).map_err(|_| StoreError::Seal)?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>().ok_or(StoreError::Seal)?;
        let plain = self
            .cipher()
            .decrypt(
                &XNonce::from(*nonce),
                Payload {
                    msg: sealed,
                    aad: identity.as_bytes(),
                },
            )
            .map_err(|_| StoreError::Seal)?;
        Ok(SecretBox::new(Box::new(plain)))
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(self.0.expose_secret().into())
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a nonce that a test could repeat would open what it seals; nothing depends on its value"
)]
fn random<const N: usize>() -> StoreResult<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|e| StoreError::Key(format!("the system gives no random bytes: {e}")))?;
    Ok(bytes)
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_value_opens_under_its_key_and_identity_only() {
        let key = MasterKey::from_bytes([1; 32]);
        let sealed = key.seal("instance.a", b"secret").unwrap();
        assert_eq!(
            key.open("instance.a", &sealed).unwrap().expose_secret(),
            b"secret"
        );
        assert!(key.open("instance.b", &sealed).is_err());
        assert!(
            MasterKey::from_bytes([2; 32])
                .open("instance.a", &sealed)
                .is_err()
        );
        assert!(key.open("instance.a", "AAAA").is_err());
        assert_ne!(sealed, key.seal("instance.a", b"secret").unwrap());
        assert_ne!(key.derive("a"), key.derive("b"));
    }
}
