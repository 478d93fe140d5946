//! Branches: isolated MySQL servers, each with its own process, data directory and credentials.

use crate::backup::{Copied, Position};
use crate::engine::EngineRef;
use crate::id::{BackupId, BranchId, DatabaseId, InstanceId, VolumeId};
use crate::name::BranchName;
use crate::size::Size;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// State of a branch as clients see it. `Ready` means that a credential just returned works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BranchState {
    Pending,
    Awakening,
    Ready,
    SleepInProgress,
    Sleeping,
}

/// What a new branch starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seed {
    /// An empty schema: the first branch of a database.
    Empty,
    /// The parent's tables and other objects, no rows.
    Schema,
    /// What a backup holds.
    Backup,
    /// The parent as it was at the moment of the copy.
    Live,
    /// The parent as it was at a moment in the past: a backup, and the binlog from there on.
    PointInTime,
}

impl Seed {
    pub fn as_str(self) -> &'static str {
        match self {
            Seed::Empty => "empty",
            Seed::Schema => "schema",
            Seed::Backup => "backup",
            Seed::Live => "live",
            Seed::PointInTime => "point_in_time",
        }
    }

    /// The branch starts with rows.
    pub fn data(self) -> bool {
        matches!(self, Seed::Backup | Seed::Live | Seed::PointInTime)
    }
}

/// Where the data of a branch came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The branch whose data it is; it may be gone.
    pub branch: BranchId,
    pub backup: Option<BackupId>,
    /// How that branch was copied, for this branch or for the backup.
    pub copied: Option<Copied>,
    /// Up to where this branch has that one's history.
    pub position: Option<Position>,
    /// The moment or position that was asked for.
    pub restore_point: Option<String>,
}

/// Where a branch's server lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Runtime {
    /// An instance of ours, on a volume in a pool.
    Managed,
}

/// Most clients that one branch may have at once. Engines take a few more, so that it is always the
/// gateway that says no.
pub const MAX_CONNECTIONS: u32 = 1_000;

/// Least disk quota in bytes: an engine's own files (redo and undo logs) take about so much.
pub const LEAST_DISK_QUOTA: u64 = 64 << 20;

/// How a branch stands with its disk quota. Kept, so that what was begun is finished after a crash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuotaState {
    #[default]
    Free,
    /// Little is left.
    Near,
    /// Used up: its engine takes nothing that makes data grow.
    Over,
    /// It may grow again; its engine may not know yet.
    Lifting,
}

impl QuotaState {
    /// Its engine's accounts may lack what makes data grow.
    pub fn confined(self) -> bool {
        matches!(self, QuotaState::Over | QuotaState::Lifting)
    }
}

/// Whether statements may change the branch's schema. Kept, so that what was begun is finished after a crash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SafeMigrations {
    #[default]
    Off,
    /// Switched on; its engine may not know yet, and sessions may be older than that.
    Raising,
    On,
    /// Switched off; its engine may not know yet.
    Lifting,
}

impl SafeMigrations {
    /// They are on, for everybody who asks.
    pub fn on(self) -> bool {
        matches!(self, SafeMigrations::Raising | SafeMigrations::On)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            SafeMigrations::Off => "off",
            SafeMigrations::Raising => "raising",
            SafeMigrations::On => "on",
            SafeMigrations::Lifting => "lifting",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    pub id: BranchId,
    pub database_id: DatabaseId,
    pub name: BranchName,
    pub parent: Option<BranchId>,
    pub production: bool,
    pub state: BranchState,
    pub seed: Seed,
    pub runtime: Runtime,
    pub engine: EngineRef,
    pub volume: VolumeId,
    pub instance: InstanceId,
    pub deletion_protected: bool,
    pub labels: BTreeMap<String, String>,
    /// The branch is deleted at this time.
    pub expires_at: Option<Timestamp>,
    /// Idle time after which a development branch sleeps; `None` = the server's default, zero = never.
    pub sleep_after: Option<Duration>,
    /// Its events run, also while it is a development branch. Read when its engine starts.
    pub event_scheduler: bool,
    /// `None` = what its kind of branch has of itself.
    pub size: Option<Size>,
    /// Clients that may be connected at once, at most [`MAX_CONNECTIONS`]; `None` = as its size says, else the
    /// server's default.
    pub max_connections: Option<u32>,
    /// Bytes that its volume may take alone; `None` = the server's default, zero = no limit.
    pub disk_quota: Option<u64>,
    pub quota: QuotaState,
    pub safe_migrations: SafeMigrations,
    /// Deletion has begun: clients do not see the branch any more.
    pub deleting: bool,
    /// Display name of who made it.
    pub actor: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// When the branch's schema was last seen to change.
    pub schema_updated_at: Option<Timestamp>,
}
