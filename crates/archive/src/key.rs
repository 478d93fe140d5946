//! The backup key: 32 bytes that the operator holds, in a file of its own (0600). Whoever has it
//! and the store has the backups; who has lost it has none. Everything that is used to seal and to
//! name is derived from it, one key for each purpose.

use crate::error::{ArchiveError, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use hkdf::Hkdf;
use hmac::Hmac;
use secrecy::{ExposeSecret, SecretBox, SecretString};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::fmt;
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::str::FromStr;

/// 32 random bytes.
pub struct BackupKey(SecretBox<[u8; 32]>);

impl BackupKey {
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(SecretBox::new(Box::new(bytes)))
    }

    /// Draws a new key from the operating system.
    pub fn generate() -> Result<Self> {
        Ok(Self::from_bytes(random()?))
    }

    /// 32 bytes in base64, white space around them ignored.
    pub fn from_base64(text: &SecretString) -> Result<Self> {
        let bytes = STANDARD
            .decode(text.expose_secret().trim())
            .ok()
            .and_then(|b| <[u8; 32]>::try_from(b).ok())
            .ok_or_else(|| ArchiveError::Key("it is not 32 bytes in base64".to_owned()))?;
        Ok(Self::from_bytes(bytes))
    }

    /// Reads the key file. Refused when others may read it.
    pub fn read(path: &Path) -> Result<Self> {
        let mut handle = std::fs::File::open(path).map_err(ArchiveError::file(path))?;
        let mode = handle.metadata().map_err(ArchiveError::file(path))?.mode();
        if mode & 0o077 != 0 {
            return Err(ArchiveError::Key(format!(
                "{path} may be read by others (mode {:o}); run: chmod 600 {path}",
                mode & 0o777,
                path = path.display()
            )));
        }
        let mut text = String::new();
        handle
            .read_to_string(&mut text)
            .map_err(ArchiveError::file(path))?;
        Self::from_base64(&SecretString::from(text))
    }

    /// Writes a key file that must not be there yet: whole and durable, or not at all.
    pub fn write_new(&self, path: &Path) -> Result<()> {
        let write = || {
            let part = path.with_extension("part");
            let mut handle = std::fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&part)?;
            writeln!(handle, "{}", STANDARD.encode(self.0.expose_secret()))?;
            handle.sync_all()?;
            let linked = std::fs::hard_link(&part, path);
            std::fs::remove_file(&part)?;
            linked?;
            match path.parent().filter(|p| !p.as_os_str().is_empty()) {
                Some(parent) => std::fs::File::open(parent)?.sync_all(),
                None => Ok(()),
            }
        };
        write().map_err(ArchiveError::file(path))
    }

    pub fn id(&self) -> KeyId {
        let mut id = [0; 8];
        self.derive("key id", &mut id);
        KeyId(id)
    }

    pub(crate) fn cipher(&self, purpose: &str) -> XChaCha20Poly1305 {
        let mut key = [0; 32];
        self.derive(purpose, &mut key);
        XChaCha20Poly1305::new(&key.into())
    }

    /// Makes names of content: without the key, a name says nothing of what it names.
    pub(crate) fn namer(&self) -> Hmac<Sha256> {
        let mut key = [0; 32];
        self.derive("chunk names", &mut key);
        Hmac::new_from_slice(&key).expect("any key length fits HMAC")
    }

    fn derive(&self, purpose: &str, key: &mut [u8]) {
        let info = format!("offshoot archive 1: {purpose}");
        Hkdf::<Sha256>::new(None, self.0.expose_secret())
            .expand(info.as_bytes(), key)
            .expect("a few bytes are not too many for HKDF");
    }
}

impl fmt::Debug for BackupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BackupKey({})", self.id())
    }
}

/// Which key it is. Says nothing of the key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyId([u8; 8]);

impl KeyId {
    pub(crate) const LENGTH: usize = 8;

    pub(crate) fn from_bytes(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for KeyId {
    type Err = &'static str;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        crate::name::from_hex(text)
            .map(Self)
            .ok_or("a key id has sixteen hexadecimal digits")
    }
}

impl TryFrom<String> for KeyId {
    type Error = &'static str;

    fn try_from(text: String) -> std::result::Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<KeyId> for String {
    fn from(id: KeyId) -> Self {
        id.to_string()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a nonce that a test could repeat would open what it seals; nothing depends on its value"
)]
pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|e| ArchiveError::Key(format!("the system gives no random bytes: {e}")))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_is_private_and_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("backup-key");
        let key = BackupKey::generate().unwrap();
        key.write_new(&path).unwrap();
        assert_eq!(BackupKey::read(&path).unwrap().id(), key.id());
        assert!(BackupKey::generate().unwrap().write_new(&path).is_err());
        assert_eq!(BackupKey::read(&path).unwrap().id(), key.id());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);

        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o640);
        std::fs::set_permissions(&path, mode).unwrap();
        let refused = BackupKey::read(&path).unwrap_err().to_string();
        assert!(refused.contains("chmod 600"), "{refused}");
    }

    /// Stores outlive programs: what is derived from a key must never change.
    #[test]
    fn what_is_derived_stays_as_it_is() {
        let key = BackupKey::from_bytes([7; 32]);
        assert_eq!(key.id().to_string(), "40fe4548091a3391");
        assert_ne!(key.id(), BackupKey::from_bytes([8; 32]).id());
        assert_eq!(key.id().to_string().parse(), Ok(key.id()));
        assert_eq!(format!("{key:?}"), format!("BackupKey({})", key.id()));
    }
}
