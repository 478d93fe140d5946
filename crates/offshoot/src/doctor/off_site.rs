//! The store of off-site copies: that its key is private and its own, and that it takes and gives.

use super::{AS_ROOT, Finding, hidden};
use crate::config::Config;
use crate::data_dir::DataDir;
use offshoot_archive::{Archive, ArchiveError};
use std::time::Duration;

const CHECK: &str = "off-site";
/// A name that belongs to this check alone.
const PROBE: &str = "doctor/probe";
/// A store that has not answered by then counts as one that does not.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) async fn off_site(dir: &DataDir, config: &Config) -> Vec<Finding> {
    let Some(shown) = &config.backups.store else {
        let found = "no store is configured: backups are lost with this machine";
        return vec![Finding::ok(CHECK, found)];
    };
    let store = match config.backups.off_site(dir) {
        Ok(Some(store)) => store,
        Ok(None) => return Vec::new(),
        Err(error) => {
            let denied = error.downcast_ref::<ArchiveError>();
            if let Some(ArchiveError::File { cause, .. }) = denied
                && hidden(cause)
            {
                return vec![Finding::warn(CHECK, format!("{error:#}"), AS_ROOT)];
            }
            let next = "make the key with `offshoot admin backup-key`, or put its file back and keep it private";
            return vec![Finding::fail(CHECK, format!("{error:#}"), next)];
        }
    };
    let key = store.key.id();
    let looked = async {
        let archive = store.open()?;
        probe(&archive).await?;
        archive.list().await
    };
    let listing = match tokio::time::timeout(PATIENCE, looked).await {
        Ok(Ok(listing)) => listing,
        Ok(Err(error)) => {
            let next = "check backups.store, its options and credentials, and the way to it";
            return vec![Finding::fail(CHECK, format!("{shown}: {error}"), next)];
        }
        Err(_) => {
            let found = format!("{shown} does not answer");
            let next = "check the way to it, and AWS_ENDPOINT where it is no public cloud";
            return vec![Finding::fail(CHECK, found, next)];
        }
    };
    let mut all = Vec::new();
    if let Some(damaged) = listing.unreadable.first() {
        let count = listing.unreadable.len();
        let next = "do not count on these copies; `offshoot backup archive list` names all of them";
        all.push(Finding::fail(
            CHECK,
            format!("{count} copies cannot be read: {damaged}"),
            next,
        ));
    }
    if listing.backups.is_empty() && !listing.other_keys.is_empty() {
        let others: Vec<String> = listing.other_keys.iter().map(ToString::to_string).collect();
        let found = format!(
            "{shown} has copies under key {} and none under {key}, which is configured",
            others.join(", ")
        );
        let next =
            "to restore from them, put the file of that key in the place of backups.key_file";
        all.push(Finding::warn(CHECK, found, next));
    }
    if all.is_empty() {
        let count = listing.backups.len();
        let found = format!("{shown} takes and gives, with {count} copies under key {key}");
        all.push(Finding::ok(CHECK, found));
    }
    all
}

/// Puts something, reads it, and removes it.
async fn probe(archive: &Archive) -> Result<(), ArchiveError> {
    archive.put_sealed(PROBE, b"a probe".to_vec()).await?;
    archive.get_sealed(PROBE).await?;
    archive.delete_sealed(PROBE).await
}
