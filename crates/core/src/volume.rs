//! Volumes: the directories that hold branches' data, and the pool they live in.

use crate::engine::EngineRef;
use crate::id::{NodeId, PoolId, SnapshotId, VolumeId};
use jiff::Timestamp;
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

/// How far a volume or snapshot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredState {
    /// A workflow is making it; nothing else touches it.
    Making,
    Ready,
    /// To be removed.
    Gone,
}

/// What a volume is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VolumeUse {
    /// A branch's data.
    Branch,
    /// Forked ahead, for the next branch of its snapshot.
    Spare,
    /// Under a warm instance.
    Warm,
    /// Under the making of a template.
    Work,
}

/// A volume as it is planned and kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    pub id: VolumeId,
    pub node: NodeId,
    pub pool: PoolId,
    pub engine: EngineRef,
    /// What it is forked from; `None` = made empty.
    pub snapshot: Option<SnapshotId>,
    pub purpose: VolumeUse,
    pub state: StoredState,
    pub created_at: Timestamp,
}

/// A snapshot as it is planned and kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub id: SnapshotId,
    pub node: NodeId,
    pub pool: PoolId,
    pub engine: EngineRef,
    pub state: StoredState,
    pub created_at: Timestamp,
}
