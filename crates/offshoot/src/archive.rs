//! Off-site copies of backups: between the pool of this machine and an object store.

use crate::data_dir::read_private;
use anyhow::{Context, Result};
use async_trait::async_trait;
use offshoot_archive::{About, Archive as Chunks, ArchiveError, BackupKey, Options, Sweep};
use offshoot_core::Refusal;
use offshoot_core::id::{BackupId, SnapshotId, VolumeId};
use offshoot_core::off_site::{Exported, Label, Listing, OffSiteCopy, Place};
use offshoot_core::port::{Archive, PortError, PortResult, Progress};
use offshoot_core::refusal::{Kind, code};
use offshoot_volumes::Pool;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use url::Url;

/// A store with everything that opens it.
pub(crate) struct OffSiteStore {
    pub(crate) url: Url,
    pub(crate) options: Options,
    pub(crate) key: BackupKey,
}

/// A store is opened for each use: its directory may not be mounted yet when the server starts.
pub(crate) struct PoolArchive {
    pool: Arc<Pool>,
    store: OffSiteStore,
}

impl OffSiteStore {
    pub(crate) fn open(&self) -> Result<Chunks, ArchiveError> {
        Chunks::open(&self.url, &self.options, &self.key)
    }
}

/// Reads `NAME=VALUE` lines, empty ones and those that begin with `#` left out. Refused when others
/// may read the file: it holds secrets.
pub(crate) fn read_secrets(path: &Path) -> Result<BTreeMap<String, String>> {
    let shown = path.display();
    let text = read_private(path)?;
    let mut options = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        // The line itself may be a secret.
        let (name, value) = line
            .split_once('=')
            .with_context(|| format!("{shown}, line {}: write NAME=VALUE", number + 1))?;
        let value = value.trim();
        let bare = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
        options.insert(name.trim().to_owned(), bare.unwrap_or(value).to_owned());
    }
    Ok(options)
}

impl PoolArchive {
    pub(crate) fn new(pool: Arc<Pool>, store: OffSiteStore) -> Self {
        Self { pool, store }
    }

    fn open(&self) -> PortResult<Chunks> {
        self.store.open().map_err(refused)
    }

    fn data(&self, volume: VolumeId) -> PortResult<PathBuf> {
        self.pool.locate_data(volume)
    }
}

#[async_trait]
impl Archive for PoolArchive {
    fn place(&self) -> Place {
        Place {
            store: self.store.url.to_string(),
            key: self.store.key.id().to_string(),
        }
    }

    async fn export(
        &self,
        backup: BackupId,
        snapshot: SnapshotId,
        label: &Label,
        progress: &dyn Progress,
    ) -> PortResult<Exported> {
        let source = self.pool.locate_snapshot(snapshot)?;
        let about = serde_json::to_value(label)
            .map_err(|error| PortError::fatal(Refusal::internal(error)))?;
        let done = self.open()?.export(backup, &source, about, progress).await;
        let summary = done.map_err(refused)?;
        Ok(Exported {
            bytes: summary.bytes,
            stored: summary.stored,
        })
    }

    async fn list(&self) -> PortResult<Listing> {
        let found = self.open()?.list().await.map_err(refused)?;
        let mut listing = Listing {
            copies: Vec::with_capacity(found.backups.len()),
            unreadable: found.unreadable.iter().map(ToString::to_string).collect(),
            other_keys: found.other_keys.iter().map(ToString::to_string).collect(),
        };
        for about in found.backups {
            let id = about.id;
            match copy(about) {
                Some(copy) => listing.copies.push(copy),
                None => listing.unreadable.push(unknown(id)),
            }
        }
        Ok(listing)
    }

    async fn find(&self, backup: BackupId) -> PortResult<OffSiteCopy> {
        let about = self.open()?.show(backup).await.map_err(refused)?;
        copy(about).ok_or_else(|| {
            let refusal = Refusal::unprocessable(unknown(backup)).code(code::COPY_DAMAGED);
            PortError::fatal(
                refusal.hint("import it with the version that made it, or a later one"),
            )
        })
    }

    async fn import(
        &self,
        backup: BackupId,
        volume: VolumeId,
        progress: &dyn Progress,
    ) -> PortResult<()> {
        let target = self.data(volume)?;
        let done = self.open()?.import(backup, &target, progress).await;
        done.map_err(refused)?;
        self.pool.hand_over(volume).await
    }

    async fn delete(&self, backups: &[BackupId]) -> PortResult<bool> {
        let archive = self.open()?;
        for backup in backups {
            archive.forget(*backup).await.map_err(refused)?;
        }
        match archive.sweep().await.map_err(refused)? {
            Sweep::Swept { chunks, bytes } => {
                tracing::info!(chunks, bytes, "the room of deleted off-site copies is free");
                Ok(true)
            }
            Sweep::Deferred => Ok(false),
        }
    }
}

/// `None`: another version says something else of it.
fn copy(about: About) -> Option<OffSiteCopy> {
    Some(OffSiteCopy {
        id: about.id,
        label: serde_json::from_value(about.about).ok()?,
        files: about.files,
        bytes: about.bytes,
        data: about.data,
    })
}

fn unknown(id: BackupId) -> String {
    format!(
        "off-site copy {id} was made by another version of Offshoot, and does not say what it holds"
    )
}

/// Names of objects and files are public, what a store says is not: it may repeat what it was sent.
fn refused(error: ArchiveError) -> PortError {
    const SEE: &str = "see the server's log, and run `offshoot doctor`";
    // A directory that is not there is rather one that is not mounted yet.
    let transient = error.is_transient() || matches!(error, ArchiveError::Address { .. });
    let refusal = match &error {
        ArchiveError::NoBackup(id) => Refusal::not_found(format!("off-site copy {id}"))
            .hint("list them: offshoot backup archive list"),
        ArchiveError::Missing { .. } | ArchiveError::Damaged { .. } => {
            Refusal::unprocessable(error.to_string())
                .code(code::COPY_DAMAGED)
                .hint("use another copy: offshoot backup archive list")
        }
        ArchiveError::OtherKey { .. } => Refusal::unprocessable(error.to_string())
            .code(code::BACKUP_KEY)
            .hint("put the file of that key in the place of backups.key_file, and start the server again"),
        ArchiveError::File { cause, .. }
            if matches!(cause.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) =>
        {
            Refusal::new(Kind::Exhausted, "the pool has no room for the off-site copy")
                .code(code::DISK_FULL)
                .hint("delete branches, or make the pool larger with `offshoot pool grow`")
        }
        ArchiveError::File { .. } | ArchiveError::Changed(_) => {
            Refusal::unavailable("a file of the backup cannot be read or written")
                .hint("the server's log has the cause")
        }
        ArchiveError::LeaseLost(_) => Refusal::unavailable(
            "another server took this copy's making for dead, and it begins again",
        ),
        ArchiveError::Address { why, .. } => Refusal::unavailable(format!(
            "the store of off-site copies cannot be opened: {why}"
        ))
        .code(code::STORE)
        .hint(SEE),
        ArchiveError::Store { doing, object, .. } => Refusal::unavailable(format!(
            "the store of off-site copies does not let {object} be {doing}"
        ))
        .code(code::STORE)
        .hint(SEE),
        _ => Refusal::unavailable("the store of off-site copies cannot be used")
            .code(code::STORE)
            .hint(SEE),
    };
    let refusal = refusal.cause(error);
    match transient {
        true => PortError::retry(refusal),
        false => PortError::fatal(refusal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn secrets_are_read_from_a_private_file_and_never_repeated() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secrets");
        let write = |text: &str, mode: u32| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        write("# of the bucket\n\nA_B = \"x=y\"\nC=d\n", 0o600);
        let read = read_secrets(&path).unwrap();
        let read: Vec<_> = read.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(read, [("A_B", "x=y"), ("C", "d")]);
        write("A=b", 0o644);
        let said = format!("{:#}", read_secrets(&path).unwrap_err());
        assert!(said.contains("chmod 600"), "{said}");
        write("A=b\nhidden", 0o600);
        let said = format!("{:#}", read_secrets(&path).unwrap_err());
        assert!(
            said.contains("line 2") && !said.contains("hidden"),
            "{said}"
        );
    }
}
