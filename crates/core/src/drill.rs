//! Restore drills: a backup is restored aside, read in full, and compared with what it held when it
//! was made.

use crate::backup::Examined;
use crate::id::{BackupId, BackupPolicyId, BranchId, DatabaseId, DrillId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// How far a drill is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DrillState {
    /// Planned.
    Pending,
    /// The backup is being restored aside, or what was restored is being read.
    Running,
    /// What was restored is what was backed up.
    Success,
    /// The backup cannot be restored, or is not what it was.
    Failed,
    /// It could not be carried out, which says nothing about the backup.
    Error,
}

impl DrillState {
    pub const ALL: [DrillState; 5] = [
        DrillState::Pending,
        DrillState::Running,
        DrillState::Success,
        DrillState::Failed,
        DrillState::Error,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            DrillState::Pending => "pending",
            DrillState::Running => "running",
            DrillState::Success => "success",
            DrillState::Failed => "failed",
            DrillState::Error => "error",
        }
    }

    pub fn ended(self) -> bool {
        !matches!(self, DrillState::Pending | DrillState::Running)
    }
}

impl fmt::Display for DrillState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A drill as it is planned and kept. It outlives the backup and the branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drill {
    pub id: DrillId,
    pub database_id: DatabaseId,
    /// The branch that the backup is of, and its name when the backup was made.
    pub branch_id: BranchId,
    pub branch_name: String,
    pub backup_id: BackupId,
    /// Its name when the drill was planned.
    pub backup_name: String,
    /// The policy that demanded it; `None` = somebody did.
    pub policy: Option<BackupPolicyId>,
    pub state: DrillState,
    /// What the backup held when it was made.
    pub expected: Examined,
    pub outcome: Outcome,
    /// Display name of who asked for it.
    pub actor: String,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub completed_at: Option<Timestamp>,
}

/// What a drill came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What is in what was restored, as far as it could be read.
    pub found: Option<Examined>,
    /// In what it differs from what was backed up, a sentence each.
    pub differences: Vec<String>,
    /// Why the drill did not succeed.
    pub failure: Option<String>,
    /// From the beginning of the copy until the restored engine answered a query.
    pub restored_in: Option<Duration>,
}

/// The last drill that came to a result, as a backup and a branch show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drilled {
    pub drill: DrillId,
    pub backup: BackupId,
    /// `Success` or `Failed`.
    pub state: DrillState,
    pub at: Timestamp,
    /// Why it failed.
    pub failure: Option<String>,
}
