//! Backups: consistent images of branches, recovered and checked aside, from which branches start.

use crate::drill::{DrillState, Drilled};
use crate::engine::EngineRef;
use crate::id::{BackupId, BackupPolicyId, BranchId, DatabaseId, SnapshotId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// How far a backup is. Only one that succeeded is ever offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupState {
    /// Planned; its branch has not been copied, or its off-site copy not been fetched yet.
    Pending,
    /// Copied or fetched, and being recovered and checked aside.
    Running,
    Success,
    /// It keeps nothing but its reason.
    Failed,
}

impl BackupState {
    pub const ALL: [BackupState; 4] = [
        BackupState::Pending,
        BackupState::Running,
        BackupState::Success,
        BackupState::Failed,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            BackupState::Pending => "pending",
            BackupState::Running => "running",
            BackupState::Success => "success",
            BackupState::Failed => "failed",
        }
    }
}

impl fmt::Display for BackupState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Up to where an image has its branch's history: what the engine itself said after it had recovered
/// the image. Both are empty or zero for an engine that writes no binlog.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Transactions it holds: a GTID set (MySQL), or the last GTID of each domain (MariaDB).
    pub gtid_set: String,
    /// Name of the binlog file that was written last, and the bytes of it that count.
    pub file: String,
    pub offset: u64,
}

/// By which means a branch was copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Its engine did not run.
    Asleep,
    /// Its engine stood still for a moment, while the pool copied by reference.
    Frozen,
    /// The engine's own hot copy, which reads every byte.
    HotCopy,
    /// Its shadow was stopped; it was not touched itself.
    Shadow,
}

impl Method {
    pub const ALL: [Method; 4] = [
        Method::Asleep,
        Method::Frozen,
        Method::HotCopy,
        Method::Shadow,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Method::Asleep => "asleep",
            Method::Frozen => "frozen",
            Method::HotCopy => "hot_copy",
            Method::Shadow => "shadow",
        }
    }
}

/// How a branch was copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    pub method: Method,
    /// How long its engine stood still.
    pub pause: Duration,
    pub at: Timestamp,
}

/// What an engine found in an image that it had recovered: every user table was read in full and
/// passed the engine's own check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Examined {
    pub tables: u64,
    pub rows: u64,
    /// SHA-256 (hexadecimal) over names, row counts and checksums of all tables, in the order of
    /// their names: equal for equal content.
    pub digest: String,
}

/// A backup as it is planned and kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    pub id: BackupId,
    pub database_id: DatabaseId,
    /// The branch it was made of, which may be gone.
    pub branch_id: BranchId,
    /// Its name when the backup was made.
    pub branch_name: String,
    /// It was a production branch then.
    pub production: bool,
    pub name: String,
    pub state: BackupState,
    pub engine: EngineRef,
    /// The image, from when the backup succeeded until it is deleted.
    pub snapshot: SnapshotId,
    pub copied: Option<Copied>,
    pub position: Option<Position>,
    pub examined: Option<Examined>,
    /// When the check ended well.
    pub verified_at: Option<Timestamp>,
    /// The last restore drill that came to a result.
    pub drilled: Option<Drilled>,
    /// Why it failed.
    pub failure: Option<String>,
    /// Bytes of the image's files, shared or not.
    pub size: u64,
    pub protected: bool,
    /// Made by a policy that cannot be deleted.
    pub required: bool,
    pub policy: Option<BackupPolicyId>,
    /// It was made of this off-site copy, which is another backup's.
    pub imported_from: Option<BackupId>,
    /// Display name of who asked for it.
    pub actor: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub completed_at: Option<Timestamp>,
    /// It is deleted at this time, unless it is protected or its branch's last good one.
    pub expires_at: Option<Timestamp>,
}

impl Backup {
    /// Its last restore drill failed: it is restored when somebody names it, and never chosen.
    pub fn damaged(&self) -> bool {
        self.drilled
            .as_ref()
            .is_some_and(|d| d.state == DrillState::Failed)
    }

    /// It can be chosen where the latest good one is asked for.
    pub fn good(&self) -> bool {
        self.state == BackupState::Success && !self.damaged()
    }
}
