//! Imports: times in which a branch is filled from outside and can be taken back to what it was.

use crate::id::{BranchId, ImportId, SnapshotId};
use jiff::Timestamp;
use std::fmt;
use std::time::Duration;

/// How far an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportState {
    /// The branch's volume is being kept; nothing may be loaded yet.
    Pending,
    /// The branch may be filled. It is taken back when the import expires.
    Open,
    /// What was loaded stays.
    Completed,
    /// The branch is being taken back.
    Reverting,
    /// The branch is what it was before.
    Reverted,
}

impl ImportState {
    pub fn as_str(self) -> &'static str {
        match self {
            ImportState::Pending => "pending",
            ImportState::Open => "open",
            ImportState::Completed => "completed",
            ImportState::Reverting => "reverting",
            ImportState::Reverted => "reverted",
        }
    }

    pub fn ended(self) -> bool {
        matches!(self, ImportState::Completed | ImportState::Reverted)
    }
}

impl fmt::Display for ImportState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    pub id: ImportId,
    pub branch_id: BranchId,
    /// The branch's volume as it was before.
    pub snapshot: SnapshotId,
    pub state: ImportState,
    /// How long it stays open without being renewed.
    pub ttl: Duration,
    pub expires_at: Timestamp,
    /// Display name of who opened it.
    pub actor: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}
