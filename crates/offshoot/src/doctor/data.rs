//! The data directory and the secrets in it.

use super::{AS_ROOT, Finding, hidden};
use crate::data_dir::DataDir;
use crate::serve::MASTER_KEY_FILE;
use offshoot_store::{MasterKey, StoreError};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

const DATA: &str = "data";
const KEY: &str = "master key";
const TOKEN: &str = "root token";

/// Whose it is, who may pass through it, and that it can be written.
pub(super) fn directory(dir: &DataDir) -> Vec<Finding> {
    let root = dir.root();
    let shown = root.display();
    let meta = match std::fs::metadata(root) {
        Ok(meta) => meta,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return vec![Finding::ok(
                DATA,
                format!("{shown} is not there yet; the first start makes it"),
            )];
        }
        Err(e) if hidden(&e) => return vec![Finding::warn(DATA, format!("{shown}: {e}"), AS_ROOT)],
        Err(e) => {
            let next = "give another directory with --data-dir";
            return vec![Finding::fail(DATA, format!("{shown}: {e}"), next)];
        }
    };
    let mut all = Vec::new();
    if !meta.is_dir() {
        let next = "move it away, or give another directory with --data-dir";
        return vec![Finding::fail(
            DATA,
            format!("{shown} is not a directory"),
            next,
        )];
    }
    if meta.mode() & 0o022 != 0 {
        let found = format!(
            "others may write in {shown} (mode {:o})",
            meta.mode() & 0o777
        );
        all.push(Finding::fail(DATA, found, format!("chmod 711 {shown}")));
    }
    if meta.uid() == 0 {
        // Engines run as users of their own and have to pass through.
        let closed = root.ancestors().find(|dir| closed(dir));
        if let Some(closed) = closed {
            let found = format!(
                "the engines' users cannot pass through {}",
                closed.display()
            );
            all.push(Finding::fail(
                DATA,
                found,
                format!("chmod o+x {}", closed.display()),
            ));
        }
    }
    let own = rustix::process::geteuid().as_raw();
    if own != 0 && own != meta.uid() {
        let found = format!("{shown} belongs to user {}, this runs as {own}", meta.uid());
        all.push(Finding::warn(DATA, found, AS_ROOT));
    } else if rustix::fs::access(root, rustix::fs::Access::WRITE_OK).is_err() {
        let found = format!("{shown} cannot be written");
        all.push(Finding::fail(
            DATA,
            found,
            "mount its filesystem for writing",
        ));
    }
    if all.is_empty() {
        let found = format!(
            "{shown}, of user {}, mode {:o}",
            meta.uid(),
            meta.mode() & 0o777
        );
        all.push(Finding::ok(DATA, found));
    }
    all
}

fn closed(dir: &Path) -> bool {
    std::fs::metadata(dir).is_ok_and(|meta| meta.mode() & 0o001 == 0)
}

pub(super) fn master_key(dir: &DataDir) -> Finding {
    let outside = std::env::var_os(MASTER_KEY_FILE).map(PathBuf::from);
    let path = outside.clone().unwrap_or_else(|| dir.master_key());
    let shown = path.display();
    match MasterKey::read(&path) {
        Ok(_) => Finding::ok(KEY, format!("{shown}, readable by its owner alone")),
        Err(StoreError::File { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            let needed = outside.is_some() || dir.database().metadata().is_ok_and(|m| m.len() > 0);
            match needed {
                true => Finding::fail(
                    KEY,
                    format!("{shown} is not there, but the metadata are sealed with it"),
                    "put the key back: from your copy, or `offshoot admin restore` into an empty directory",
                ),
                false => Finding::ok(KEY, "not there yet; the first start draws it"),
            }
        }
        Err(StoreError::File { source, .. }) if hidden(&source) => {
            Finding::warn(KEY, format!("{shown}: {source}"), AS_ROOT)
        }
        Err(error) => Finding::fail(
            KEY,
            error.to_string(),
            format!("chmod 600 {shown}, or put the right file there"),
        ),
    }
}

pub(super) fn root_token(dir: &DataDir) -> Finding {
    let path = dir.root_token();
    let shown = path.display();
    match std::fs::metadata(&path) {
        Ok(meta) if meta.mode() & 0o077 != 0 => Finding::fail(
            TOKEN,
            format!("others may read {shown} (mode {:o})", meta.mode() & 0o777),
            format!("chmod 600 {shown}; then delete it and restart the server: it makes a new one"),
        ),
        Ok(_) => Finding::ok(TOKEN, format!("{shown}, readable by its owner alone")),
        Err(e) if hidden(&e) => Finding::warn(TOKEN, format!("{shown}: {e}"), AS_ROOT),
        Err(_) => Finding::ok(TOKEN, "not there; the next start makes one"),
    }
}
