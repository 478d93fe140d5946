//! Off-site copies of backups: in a store that is not trusted with their content, sealed with a key
//! that the operator holds. `docs/design/0009-off-site-copies.md`.

use crate::backup::{Copied, Examined, Position};
use crate::engine::EngineRef;
use crate::id::{BackupId, BranchId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What is said of a backup beside its files: a machine that knows nothing of it makes a backup of
/// both. Names are those of the time of the backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    pub organization: String,
    pub database: String,
    /// Name of the MySQL schema that the database's branches start with.
    pub schema: String,
    pub branch: String,
    pub branch_id: BranchId,
    pub production: bool,
    pub name: String,
    pub engine: EngineRef,
    /// As it was asked of the image when that was checked.
    pub position: Option<Position>,
    pub copied: Option<Copied>,
    /// What was found in the image then: a restored one has to have the same.
    pub examined: Examined,
    /// Bytes of the image's files.
    pub size: u64,
    pub created_at: Timestamp,
    pub verified_at: Timestamp,
}

/// A copy that a store has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffSiteCopy {
    /// Of the backup that it is a copy of.
    pub id: BackupId,
    pub label: Label,
    pub files: u64,
    /// Sum of the lengths of its files.
    pub bytes: u64,
    /// About what it takes when it is restored, in bytes: holes are left out.
    pub data: u64,
}

/// What a store has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// In the order of their ids.
    pub copies: Vec<OffSiteCopy>,
    /// Copies that cannot be read: why, with the object's name.
    pub unreadable: Vec<String>,
    /// Ids of other keys under which the store has copies.
    pub other_keys: Vec<String>,
}

/// Where copies are, and which key they are sealed with. Says nothing secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Address of the store, such as `s3://bucket/prefix`.
    pub store: String,
    /// Id of the key.
    pub key: String,
}

/// What copying came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Sum of the lengths of the files.
    pub bytes: u64,
    /// Bytes that were put for it, packed and sealed; what another copy had put before is left out.
    pub stored: u64,
}

/// How far a backup's copy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyState {
    /// Asked for.
    Pending,
    /// Under way, or interrupted: it goes on.
    Running,
    /// It is in the store, whole.
    Exported,
    /// It could not be made; it will be tried again.
    Failed,
    /// It is to be removed from the store. Its backup is gone.
    Deleting,
}

impl CopyState {
    pub const ALL: [CopyState; 5] = [
        CopyState::Pending,
        CopyState::Running,
        CopyState::Exported,
        CopyState::Failed,
        CopyState::Deleting,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            CopyState::Pending => "pending",
            CopyState::Running => "running",
            CopyState::Exported => "exported",
            CopyState::Failed => "failed",
            CopyState::Deleting => "deleting",
        }
    }
}

impl fmt::Display for CopyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A backup's copy as it is planned and kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupCopy {
    pub backup: BackupId,
    pub place: Place,
    pub state: CopyState,
    /// Both as in [`Exported`], once it was made.
    pub bytes: u64,
    pub stored: u64,
    /// Tries that failed, one after the other.
    pub attempts: u32,
    /// Why the last one did.
    pub failure: Option<String>,
    /// Not before.
    pub retry_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub exported_at: Option<Timestamp>,
}

/// Which backups are copied unasked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Automatic {
    /// Those of production branches.
    #[default]
    Production,
    All,
    None,
}

impl Automatic {
    /// Whether backups of production, or of development branches, are.
    pub fn takes(self, production: bool) -> bool {
        match self {
            Automatic::Production => production,
            Automatic::All => true,
            Automatic::None => false,
        }
    }
}
