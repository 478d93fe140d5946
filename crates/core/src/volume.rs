//! Volumes: the directories that hold branches' data, and the pool they live in.

use crate::id::{SnapshotId, VolumeId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How a pool copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Driver {
    /// Subvolume snapshots; data files without copy-on-write of their own.
    Btrfs,
    /// `FICLONE` file by file, 16 KiB copy-on-write extents.
    Xfs,
    /// Full copies, on any filesystem.
    Copy,
}

impl Driver {
    pub fn copy_on_write(self) -> bool {
        !matches!(self, Driver::Copy)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Driver::Btrfs => "btrfs",
            Driver::Xfs => "xfs",
            Driver::Copy => "copy",
        }
    }
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The pool as it is now. All sizes in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolStatus {
    pub driver: Driver,
    /// Where it is, for people.
    pub location: String,
    pub size: u64,
    pub used: u64,
    pub free: u64,
    /// The command that would make branching independent of size, where the pool only copies.
    pub advice: Option<String>,
}

/// What one volume takes, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VolumeUsage {
    /// Sum of the files' allocated bytes, shared or not.
    pub allocated: u64,
    /// Bytes that no other volume or snapshot shares: what deleting it would free.
    pub unique: u64,
}

/// Something that lives in a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stored {
    Volume(VolumeId),
    Snapshot(SnapshotId),
}
