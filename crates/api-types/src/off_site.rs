//! Off-site copies of backups: how far a backup's is, and what a store has.

use crate::backup::Examined;
use crate::branch::Position;
use crate::lenient;
use crate::page::ListType;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How far a backup's copy is. What cannot be made is tried again by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CopyState {
    /// It will be made.
    Pending,
    Running,
    /// It is in the store, whole.
    Exported,
    Failed,
    /// Its backup is gone, and it goes as well.
    Deleting,
}

impl CopyState {
    pub fn as_str(self) -> &'static str {
        match self {
            CopyState::Pending => "pending",
            CopyState::Running => "running",
            CopyState::Exported => "exported",
            CopyState::Failed => "failed",
            CopyState::Deleting => "deleting",
        }
    }

    pub fn ended(self) -> bool {
        matches!(self, CopyState::Exported | CopyState::Failed)
    }
}

impl From<offshoot_core::off_site::CopyState> for CopyState {
    fn from(state: offshoot_core::off_site::CopyState) -> Self {
        use offshoot_core::off_site::CopyState as Core;
        match state {
            Core::Pending => Self::Pending,
            Core::Running => Self::Running,
            Core::Exported => Self::Exported,
            Core::Failed => Self::Failed,
            Core::Deleting => Self::Deleting,
        }
    }
}

/// A backup's off-site copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OffSite {
    pub state: CopyState,
    /// Address of the store.
    pub store: String,
    /// Id of the key that it is sealed with.
    pub key: String,
    pub exported_at: Option<Timestamp>,
    /// Sum of the lengths of the files that were copied.
    pub bytes: i64,
    /// Bytes that were put for it, packed and sealed: what an earlier copy had put is left out.
    pub stored: i64,
    /// Why the last try failed, and when the next one is.
    pub failure: Option<String>,
    pub retry_at: Option<Timestamp>,
}

/// How far copying is, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Progress {
    pub done: i64,
    /// 0: not known yet.
    pub total: i64,
}

/// A copy that the store has, with what was said of its backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OffSiteBackup {
    /// The backup's.
    pub id: String,
    pub name: String,
    /// Names of the time of the backup.
    pub organization: String,
    pub database: String,
    pub branch: String,
    pub production: bool,
    pub engine: String,
    /// Sum of the lengths of its files, and about what it takes when it is restored.
    pub bytes: i64,
    pub size: i64,
    /// When the backup was made, and when it was checked.
    pub created_at: Timestamp,
    pub verified_at: Timestamp,
    pub examined: Examined,
    pub position: Option<Position>,
    /// The backup itself is on this server.
    pub here: bool,
}

/// What the store has under the server's key, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OffSiteBackups {
    #[serde(rename = "type")]
    pub kind: ListType,
    /// Address of the store.
    pub store: String,
    /// Id of the key.
    pub key: String,
    pub data: Vec<OffSiteBackup>,
    /// Copies that cannot be read: why, with the object's name.
    pub unreadable: Vec<String>,
    /// Ids of keys under which the store has other copies.
    pub other_keys: Vec<String>,
}

/// What becomes of a copy.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct ImportBackup {
    /// Name of the database that the backup will belong to; made where it is not there. Absent or
    /// blank = as its database was named.
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub database: Option<String>,
}
