//! Backups: consistent images of branches, recovered and checked, from which branches start.

use crate::actor::{Actor, Reference};
use crate::backup_policy::BackupPolicy;
use crate::branch::{Copied, Position};
use crate::drill::LastDrill;
use crate::lenient;
use crate::off_site::{OffSite, Progress};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How far a backup is. Only one that succeeded can be restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BackupState {
    /// Its branch has not been copied, or its off-site copy not been fetched yet.
    Pending,
    /// Copied or fetched, and being recovered and checked aside.
    Running,
    Success,
    Failed,
}

impl BackupState {
    pub fn as_str(self) -> &'static str {
        match self {
            BackupState::Pending => "pending",
            BackupState::Running => "running",
            BackupState::Success => "success",
            BackupState::Failed => "failed",
        }
    }

    pub fn ended(self) -> bool {
        matches!(self, BackupState::Success | BackupState::Failed)
    }
}

impl From<offshoot_core::backup::BackupState> for BackupState {
    fn from(state: offshoot_core::backup::BackupState) -> Self {
        use offshoot_core::backup::BackupState as Core;
        match state {
            Core::Pending => Self::Pending,
            Core::Running => Self::Running,
            Core::Success => Self::Success,
            Core::Failed => Self::Failed,
        }
    }
}

/// What an engine found in an image: it read every user table in full, and each passed its check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Examined {
    pub tables: i64,
    pub rows: i64,
    /// SHA-256 over names, numbers of rows and checksums of all tables: equal for equal content.
    pub digest: String,
}

impl From<offshoot_core::backup::Examined> for Examined {
    fn from(examined: offshoot_core::backup::Examined) -> Self {
        let signed = |n| i64::try_from(n).unwrap_or(i64::MAX);
        Self {
            tables: signed(examined.tables),
            rows: signed(examined.rows),
            digest: examined.digest,
        }
    }
}

/// A backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Backup {
    pub id: String,
    pub name: String,
    pub state: BackupState,
    /// Bytes of the image's files, shared or not.
    pub size: i64,
    /// Always 0.
    #[serde(default)]
    pub estimated_storage_cost: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub started_at: Option<Timestamp>,
    /// It is deleted then, unless it is protected or the last good one of a production branch.
    pub expires_at: Option<Timestamp>,
    pub completed_at: Option<Timestamp>,
    pub deleted_at: Option<Timestamp>,
    #[serde(default)]
    pub pvc_size: i64,
    #[serde(default)]
    pub uncompressed_size: i64,
    pub protected: bool,
    /// Made by the policy that every database has.
    #[serde(default)]
    pub required: bool,
    /// Branches that were made of it and are there.
    #[serde(default)]
    pub restored_branches: Vec<Reference>,
    pub actor: Option<Actor>,
    /// The policy that made it, while that is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup_policy: Option<BackupPolicy>,
    /// Its branch, while that is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database_branch: Option<Reference>,

    // Additions of Offshoot.
    /// Name of its branch when it was made.
    #[serde(default)]
    pub branch: String,
    /// The branch was a production branch then.
    #[serde(default)]
    pub production: bool,
    /// The engine it is of, such as `mysql-9.7.4`.
    #[serde(default)]
    pub engine: String,
    /// It was recovered, and every table of it read and checked.
    #[serde(default)]
    pub verified: bool,
    #[serde(default)]
    pub verified_at: Option<Timestamp>,
    /// Its last restore drill failed: it is restored when it is named, and never chosen.
    #[serde(default)]
    pub damaged: bool,
    /// The last restore drill that came to a result.
    #[serde(default)]
    pub last_drill: Option<LastDrill>,
    #[serde(default)]
    pub examined: Option<Examined>,
    #[serde(default)]
    pub position: Option<Position>,
    #[serde(default)]
    pub copied: Option<Copied>,
    /// Why it failed.
    #[serde(default)]
    pub failure: Option<String>,
    /// Its off-site copy; `null`: there is none, and none will be made unasked.
    #[serde(default)]
    pub off_site: Option<OffSite>,
    /// How far what is being done with it is: the engine copies itself, the copy is read in full, the backup
    /// is copied off-site or fetched from there.
    #[serde(default)]
    pub progress: Option<Progress>,
    /// Id of the off-site copy that it was made of.
    #[serde(default)]
    pub imported_from: Option<String>,
}

/// What makes a backup. Without a retention it stays until it is deleted.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct CreateBackup {
    /// Absent or blank = the time.
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub name: Option<String>,
    /// `hour`, `day` (default), `week`, `month` or `year`.
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub retention_unit: Option<String>,
    /// 1 to 1000; 1 where there is only a unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_value: Option<i64>,
}

/// What changes at a backup; absent fields stay.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct UpdateBackup {
    /// It is neither deleted nor does it expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protected: Option<bool>,

    // Additions of Offshoot.
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub name: Option<String>,
    /// `null` = it stays until it is deleted.
    #[serde(
        default,
        deserialize_with = "lenient::null_is_some",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<Timestamp>)]
    pub expires_at: Option<Option<String>>,
}
