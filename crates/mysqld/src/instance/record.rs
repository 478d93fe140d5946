//! What is remembered of an instance on disk, so that a living engine is found after a restart of
//! Offshoot: `<run>/state/<id>.json`, written atomically.

use jiff::Timestamp;
use offshoot_core::engine::EngineRef;
use offshoot_core::id::{InstanceId, VolumeId};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Version of the format. Another one is not read: its engine would be taken for an orphan.
const VERSION: u32 = 1;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub version: u32,
    pub id: InstanceId,
    pub engine: EngineRef,
    pub volume: VolumeId,
    /// The private directory of the socket; its name cannot be guessed.
    pub directory: PathBuf,
    pub started_at: Timestamp,
    /// `None` until the engine was forked.
    pub process: Option<ProcessRecord>,
}

/// A process, so described that a later one with the same number is not taken for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessRecord {
    pub pid: i32,
    /// Field 22 of `/proc/PID/stat`: start in clock ticks since boot.
    pub start_ticks: u64,
    pub boot_id: String,
}

impl Record {
    pub fn new(
        id: InstanceId,
        engine: EngineRef,
        volume: VolumeId,
        directory: PathBuf,
        started_at: Timestamp,
    ) -> Self {
        Self {
            version: VERSION,
            id,
            engine,
            volume,
            directory,
            started_at,
            process: None,
        }
    }

    pub fn socket(&self) -> PathBuf {
        self.directory.join("s")
    }
}

/// The directory of the records.
#[derive(Clone, Debug)]
pub struct Records {
    directory: PathBuf,
}

impl Records {
    pub fn open(run: &Path) -> io::Result<Self> {
        let directory = run.join("state");
        make_private(&directory)?;
        Ok(Self { directory })
    }

    fn path(&self, id: InstanceId) -> PathBuf {
        self.directory.join(format!("{id}.json"))
    }

    pub fn write(&self, record: &Record) -> io::Result<()> {
        let path = self.path(record.id);
        let half = path.with_extension("half");
        fs::write(&half, serde_json::to_vec(record)?)?;
        fs::rename(half, path)
    }

    pub fn remove(&self, id: InstanceId) -> io::Result<()> {
        match fs::remove_file(self.path(id)) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    /// Removes what a crash left half-written. Before anything is started: afterwards a half-written
    /// record is one that is being written.
    pub fn sweep(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.directory)? {
            let path = entry?.path();
            if path.extension().is_some_and(|e| e == "half") {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    /// The record of one instance, if it has a readable one.
    pub fn get(&self, id: InstanceId) -> io::Result<Option<Record>> {
        read_record(&self.path(id))
    }

    /// All that can be read. Those that go meanwhile are left out.
    pub fn read(&self) -> io::Result<Vec<Record>> {
        let mut all = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let path = entry?.path();
            if path.extension().is_some_and(|e| e == "json") {
                all.extend(read_record(&path)?);
            }
        }
        Ok(all)
    }
}

fn read_record(path: &Path) -> io::Result<Option<Record>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    match serde_json::from_slice::<Record>(&bytes) {
        Ok(record) if record.version == VERSION => return Ok(Some(record)),
        Ok(record) => {
            tracing::warn!(instance.id = %record.id, version = record.version, "instance record of another version is ignored");
        }
        Err(error) => tracing::warn!(%error, "instance record cannot be read"),
    }
    Ok(None)
}

/// Makes a directory that only its owner can enter. One that is there is made so.
pub fn make_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
            fs::set_permissions(path, fs::Permissions::from_mode(0o700))
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Golden: records outlive the Offshoot that wrote them.
    #[test]
    fn version_1_is_read() {
        let text = r#"{"version":1,"id":"abcdefghijkl","engine":"mysql-9.7.4","volume":"vvvvvvvvvvvv",
            "directory":"/run/x","started_at":"2026-01-02T03:04:05Z",
            "process":{"pid":7,"start_ticks":99,"boot_id":"b"}}"#;
        let record: Record = serde_json::from_str(text).unwrap();
        assert_eq!(record.socket(), Path::new("/run/x/s"));
        assert_eq!(record.process.unwrap().start_ticks, 99);
    }
}
