//! Restore drills: whether a backup can be restored, and holds what it held when it was made.

use crate::actor::Actor;
use crate::backup::Examined;
use crate::off_site::Progress;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How far a drill is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DrillState {
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

impl From<offshoot_core::drill::DrillState> for DrillState {
    fn from(state: offshoot_core::drill::DrillState) -> Self {
        use offshoot_core::drill::DrillState as Core;
        match state {
            Core::Pending => Self::Pending,
            Core::Running => Self::Running,
            Core::Success => Self::Success,
            Core::Failed => Self::Failed,
            Core::Error => Self::Error,
        }
    }
}

/// A restore drill. It outlives the backup and the branch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Drill {
    pub id: String,
    pub state: DrillState,
    pub backup_id: String,
    /// The backup's name when the drill was begun.
    pub backup: String,
    pub branch_id: String,
    /// Name of the branch that the backup is of, when the backup was made.
    pub branch: String,
    /// The policy that demanded it; `null` = somebody did.
    pub policy_id: Option<String>,
    pub actor: Option<Actor>,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub completed_at: Option<Timestamp>,
    /// From the beginning of the restore until the restored engine answered a query, in milliseconds.
    pub restore_ms: Option<i64>,
    /// What the backup held when it was made.
    pub expected: Examined,
    /// What was found in what was restored; `null` where it could not be read.
    pub found: Option<Examined>,
    /// In what the two differ, a sentence each.
    pub differences: Vec<String>,
    /// Why it did not succeed.
    pub failure: Option<String>,
    /// How far the reading is, while it lasts; only where one drill is shown.
    #[serde(default)]
    pub progress: Option<Progress>,
}

/// What makes a drill: the backup alone.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct CreateDrill {}

impl From<offshoot_core::drill::Drill> for Drill {
    fn from(drill: offshoot_core::drill::Drill) -> Self {
        let outcome = drill.outcome;
        Self {
            id: drill.id.to_string(),
            state: drill.state.into(),
            backup_id: drill.backup_id.to_string(),
            backup: drill.backup_name,
            branch_id: drill.branch_id.to_string(),
            branch: drill.branch_name,
            policy_id: drill.policy.map(|p| p.to_string()),
            actor: Some(Actor::named(drill.actor)),
            created_at: drill.created_at,
            started_at: drill.started_at,
            completed_at: drill.completed_at,
            restore_ms: outcome
                .restored_in
                .map(|d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX)),
            expected: drill.expected.into(),
            found: outcome.found.map(Into::into),
            differences: outcome.differences,
            failure: outcome.failure,
            progress: None,
        }
    }
}

/// The last restore drill of a backup, or of a branch's backups, that came to a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LastDrill {
    pub id: String,
    pub backup_id: String,
    /// `success` or `failed`.
    pub state: DrillState,
    pub completed_at: Timestamp,
    /// Why it failed.
    pub failure: Option<String>,
}

impl From<offshoot_core::drill::Drilled> for LastDrill {
    fn from(drilled: offshoot_core::drill::Drilled) -> Self {
        Self {
            id: drilled.drill.to_string(),
            backup_id: drilled.backup.to_string(),
            state: drilled.state.into(),
            completed_at: drilled.at,
            failure: drilled.failure,
        }
    }
}
