//! Archives in a directory and behind a real S3-compatible server: round trips, damage, kills,
//! and exports beside deletions.

mod damage;
mod delete;
mod memory;
mod resume;
mod round;
mod s3;
mod tree;
mod watched;

use offshoot_archive::{Archive, BackupKey, Options};
use offshoot_core::id::BackupId;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A store in a directory.
struct Stand {
    dir: TempDir,
}

impl Stand {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("store")).unwrap();
        std::fs::create_dir(dir.path().join("source")).unwrap();
        Self { dir }
    }

    fn store(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    fn source(&self) -> PathBuf {
        self.dir.path().join("source")
    }

    /// Not there yet.
    fn target(&self) -> PathBuf {
        self.dir.path().join("target")
    }

    fn archive(&self) -> Archive {
        open(&self.store(), &key(1))
    }

    /// Files of the store whose path has this part.
    fn objects(&self, part: &str) -> Vec<PathBuf> {
        let mut all = tree::files(&self.store());
        all.retain(|path| path.to_str().unwrap().contains(part));
        all
    }
}

fn open(store: &Path, key: &BackupKey) -> Archive {
    let url = url(store);
    Archive::open(&url, &Options::default(), key).unwrap()
}

fn url(store: &Path) -> url::Url {
    url::Url::from_directory_path(store).unwrap()
}

fn key(byte: u8) -> BackupKey {
    BackupKey::from_bytes([byte; 32])
}

fn id(n: u32) -> BackupId {
    format!("backup{n:06}").parse().unwrap()
}

/// This test binary as a process of its own, which runs one ignored test in a directory.
fn child(test: &str, dir: &Path) -> std::process::Command {
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command
        .args([test, "--exact", "--ignored", "--nocapture"])
        .env("ARCHIVE_TEST_DIR", dir);
    command
}

fn child_dir() -> Option<PathBuf> {
    std::env::var_os("ARCHIVE_TEST_DIR").map(PathBuf::from)
}
