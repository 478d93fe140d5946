//! Branches.

use crate::actor::{Actor, Reference};
use crate::connection::Address;
use crate::drill::LastDrill;
use crate::lenient;
use crate::password::Password;
use crate::region::Region;
use crate::seed_rules::Seeded;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// State of a branch. `ready` means that a credential just returned works; a `sleeping` branch
/// wakes on connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BranchState {
    Pending,
    Awakening,
    Ready,
    SleepInProgress,
    Sleeping,
}

impl BranchState {
    pub fn as_str(self) -> &'static str {
        match self {
            BranchState::Pending => "pending",
            BranchState::Awakening => "awakening",
            BranchState::Ready => "ready",
            BranchState::SleepInProgress => "sleep_in_progress",
            BranchState::Sleeping => "sleeping",
        }
    }
}

impl From<offshoot_core::branch::BranchState> for BranchState {
    fn from(state: offshoot_core::branch::BranchState) -> Self {
        use offshoot_core::branch::BranchState as Core;
        match state {
            Core::Pending => Self::Pending,
            Core::Awakening => Self::Awakening,
            Core::Ready => Self::Ready,
            Core::SleepInProgress => Self::SleepInProgress,
            Core::Sleeping => Self::Sleeping,
        }
    }
}

/// What a branch started with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Seed {
    /// An empty schema: the first branch of a database.
    Empty,
    /// The parent's tables and other objects, no rows.
    Schema,
    /// What a backup holds.
    Backup,
    /// Its parent as it was at the moment of the copy.
    Live,
    /// Its parent as it was at a moment in the past.
    PointInTime,
}

impl From<offshoot_core::branch::Seed> for Seed {
    fn from(seed: offshoot_core::branch::Seed) -> Self {
        match seed {
            offshoot_core::branch::Seed::Empty => Self::Empty,
            offshoot_core::branch::Seed::Schema => Self::Schema,
            offshoot_core::branch::Seed::Backup => Self::Backup,
            offshoot_core::branch::Seed::Live => Self::Live,
            offshoot_core::branch::Seed::PointInTime => Self::PointInTime,
        }
    }
}

/// How a branch stands with its disk quota.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DiskQuotaState {
    #[default]
    Free,
    /// 90 % are used.
    Near,
    /// All is used: its clients can read, delete, drop and truncate, and nothing else.
    Over,
}

impl From<offshoot_core::branch::QuotaState> for DiskQuotaState {
    fn from(state: offshoot_core::branch::QuotaState) -> Self {
        use offshoot_core::branch::QuotaState as Core;
        match state {
            Core::Free | Core::Lifting => Self::Free,
            Core::Near => Self::Near,
            Core::Over => Self::Over,
        }
    }
}

/// A branch. The fields of PlanetScale's plan, cluster and sharding are constants here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Branch {
    pub id: String,
    pub name: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub deleted_at: Option<Timestamp>,
    pub restore_checklist_completed_at: Option<Timestamp>,
    /// When the branch's schema was last seen to change.
    pub schema_last_updated_at: Option<Timestamp>,
    /// Always `mysql` (what clients speak to it, not the engine).
    pub kind: String,
    /// Host of the gateway, without a port; `connection` has both.
    pub mysql_address: String,
    pub mysql_edge_address: String,
    pub state: BranchState,
    pub direct_vtgate: bool,
    pub vtgate_size: String,
    pub vtgate_name: Option<String>,
    pub vtgate_count: i64,
    pub vtgate_autoscaling: bool,
    pub vtgate_max_count: Option<i64>,
    pub vtgate_target_cpu_utilization: Option<i64>,
    /// Name of its size, such as `PS_10`.
    pub cluster_name: String,
    pub cluster_iops: Option<i64>,
    /// A connection would succeed now.
    pub ready: bool,
    pub schema_ready: bool,
    pub metal: bool,
    pub production: bool,
    /// No statement changes its schema, whatever the role.
    pub safe_migrations: bool,
    pub deletion_protected: bool,
    pub sharded: bool,
    pub shard_count: i64,
    pub keyspace_count: i64,
    pub stale_schema: bool,
    pub actor: Option<Actor>,
    /// The branch whose backup its data came from, while that is there.
    pub restored_from_branch: Option<Reference>,
    pub private_edge_connectivity: bool,
    pub has_replicas: bool,
    pub has_read_only_replicas: bool,
    pub html_url: String,
    pub url: String,
    pub region: Region,
    /// Name of the branch it was made from.
    pub parent_branch: Option<String>,
    #[schema(value_type = Object)]
    pub vtgate_options: BTreeMap<String, serde_json::Value>,

    // Additions of Offshoot.
    /// What the branch started with.
    pub seed: Seed,
    /// Where its data came from; `null` without data.
    #[serde(default)]
    pub origin: Option<Origin>,
    /// Version of its database's seed rules that it was made with; `null` without.
    #[serde(default)]
    pub seed_rules_version: Option<i64>,
    /// What they did.
    #[serde(default)]
    pub seeded: Option<Seeded>,
    /// The engine it runs on, such as `mysql-9.7.4`.
    pub engine: String,
    pub labels: BTreeMap<String, String>,
    /// The branch is deleted at this time.
    pub expires_at: Option<Timestamp>,
    /// Idle time in seconds after which it sleeps; `null` = the server's default, 0 = never.
    pub sleep_after_seconds: Option<i64>,
    /// Its events run: always on a production branch, on others as it was switched.
    #[serde(default)]
    pub event_scheduler: bool,
    /// Clients that may be connected at once; `null` = as its size says, else the server's default.
    #[serde(default)]
    pub max_connections: Option<i64>,
    /// Bytes that its data may take beside what it shares with others; `null` = the server's default,
    /// 0 = no limit.
    #[serde(default)]
    pub disk_quota_bytes: Option<i64>,
    /// How it stands with that.
    #[serde(default)]
    pub disk_quota_state: DiskQuotaState,
    /// What its data takes of that, as last measured; `null` = not measured: it sleeps, or has no quota.
    #[serde(default)]
    pub disk_used_bytes: Option<i64>,
    /// Where MySQL clients connect to.
    pub connection: Address,
    /// It is the default branch of its database.
    #[serde(default)]
    pub default: bool,
    /// Of which moments branches of it can be made; `null` for one whose binlog is not archived.
    #[serde(default)]
    pub point_in_time: Option<PointInTime>,
    /// The last restore drill of one of its backups that came to a result.
    #[serde(default)]
    pub last_drill: Option<LastDrill>,
    /// Why its engine does not run, where it should.
    #[serde(default)]
    pub failure: Option<String>,
    /// The credential that was asked for with the branch; only in the answer to its creation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Password>,
}

/// What makes a branch.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct CreateBranch {
    #[serde(default, deserialize_with = "lenient::blank_is_none")]
    pub name: Option<String>,
    /// Name or id; absent or blank = the database's default branch.
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub parent_branch: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_protected: Option<bool>,
    /// The branch starts with what this backup holds.
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub backup_id: Option<String>,
    /// The branch starts with its parent's data as it was at this moment: an RFC 3339 time, or a GTID set.
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub restore_point: Option<String>,
    /// `last_successful_backup`: the branch starts with the parent's latest backup that succeeded.
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub seed_data: Option<String>,

    /// Such as `PS_10`; `PS-10` is the same. Absent = what its kind of branch has of itself.
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub cluster_size: Option<String>,
    /// The same by keyspace: all must say the same, as they share one engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyspace_cluster_sizes: Option<Vec<KeyspaceClusterSize>>,

    /// Make the database, with this branch as its production branch, when it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create_database_if_missing: Option<bool>,

    // Additions of Offshoot.
    /// What it starts with: `schema` (default), the parent's tables without rows; `backup`, its latest
    /// good backup; `live`, the parent as it is now; a time or GTID set, as `restore_point`.
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub seed: Option<String>,
    /// A credential to make with the branch; its secret is in the answer, once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<CreateBranchPassword>,
    /// Seconds until the branch is deleted; 0 or absent = never. Not together with `expires_at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<i64>,
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<Timestamp>)]
    pub expires_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
    /// Its events run; absent = they do not, so that a copy does not do its parent's work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_scheduler: Option<bool>,
    /// Idle seconds until it sleeps; 0 = never, absent = the server's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sleep_after_seconds: Option<i64>,
    /// Clients that may be connected at once, 1 to 1000; absent = the server's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_connections: Option<i64>,
    /// Bytes that its data may take beside what it shares with others, at least 64 MiB; 0 = no limit,
    /// absent = the server's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_quota_bytes: Option<i64>,
}

/// The size of one keyspace.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct KeyspaceClusterSize {
    #[serde(default, deserialize_with = "lenient::blank_is_none")]
    pub keyspace_name: Option<String>,
    #[serde(default, deserialize_with = "lenient::blank_is_none")]
    pub cluster_size: Option<String>,
}

/// What a branch starts again with; absent = with what it started with at first.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct ResetBranch {
    /// `schema`, `backup` (the parent's latest) or `live`.
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub seed: Option<String>,
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub backup_id: Option<String>,
}

/// Of which moments branches can be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PointInTime {
    /// The oldest and the newest moment; `null` until a backup stands in what is archived.
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    /// How far the archive is behind: with the machine, what is younger than this would be lost.
    pub archive_lag_seconds: i64,
}

/// Where the data of a branch came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Origin {
    /// The branch whose data it is; it may be gone.
    pub branch_id: String,
    pub backup_id: Option<String>,
    /// The moment or position that was asked for.
    pub restore_point: Option<String>,
    /// How that branch was copied.
    pub copied: Option<Copied>,
    /// Up to where this branch has that one's history.
    pub position: Option<Position>,
}

/// How a branch was copied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Copied {
    /// `asleep`, `frozen`, `hot_copy` or `shadow`.
    pub method: String,
    /// How long its engine stood still, in milliseconds.
    pub pause_ms: u64,
    pub at: Timestamp,
}

impl From<offshoot_core::backup::Copied> for Copied {
    fn from(copied: offshoot_core::backup::Copied) -> Self {
        Self {
            method: copied.method.as_str().into(),
            pause_ms: u64::try_from(copied.pause.as_millis()).unwrap_or(u64::MAX),
            at: copied.at,
        }
    }
}

/// Up to where an image has its branch's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Position {
    /// Transactions it holds: a GTID set (MySQL), or the last GTID of each domain (MariaDB).
    pub gtid_set: String,
    /// Binlog file that was written last, and the bytes of it that count.
    pub file: String,
    pub offset: u64,
}

impl From<offshoot_core::backup::Position> for Position {
    fn from(position: offshoot_core::backup::Position) -> Self {
        Self {
            gtid_set: position.gtid_set,
            file: position.file,
            offset: position.offset,
        }
    }
}

/// Whether statements may change the schema: with safe migrations they may not.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct SafeMigrations {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safe_migrations: Option<bool>,
}

/// The credential that comes with a new branch.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct CreateBranchPassword {
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub name: Option<String>,
    /// `reader`, `writer`, `readwriter` or `admin` (default).
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub role: Option<String>,
    /// Seconds; 0 or absent = never expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<i64>,
}

/// What changes at a branch; absent fields stay.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct UpdateBranch {
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub new_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_protected: Option<bool>,

    // Additions of Offshoot.
    /// Replaces all labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
    /// `null` = never.
    #[serde(
        default,
        deserialize_with = "lenient::null_is_some",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<Timestamp>)]
    pub expires_at: Option<Option<String>>,
    /// `null` = the server's default, 0 = never.
    #[serde(
        default,
        deserialize_with = "lenient::null_is_some",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<i64>)]
    pub sleep_after_seconds: Option<Option<i64>>,
    /// Takes effect when the branch wakes the next time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_scheduler: Option<bool>,
    /// `null` = the server's default. Connections that are there stay.
    #[serde(
        default,
        deserialize_with = "lenient::null_is_some",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<i64>)]
    pub max_connections: Option<Option<i64>>,
    /// `null` = the server's default, 0 = no limit.
    #[serde(
        default,
        deserialize_with = "lenient::null_is_some",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<i64>)]
    pub disk_quota_bytes: Option<Option<i64>>,
}

/// The last lines that a branch's engine logged, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BranchLogs {
    pub lines: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_ignores_what_it_does_not_know_and_takes_blanks_for_nothing() {
        let text = r#"{"name":"a","parent_branch":"","region":"us","cluster_size":"PS-10","unknown":{"x":1}}"#;
        let body: CreateBranch = serde_json::from_str(text).unwrap();
        assert_eq!(body.name.as_deref(), Some("a"));
        assert_eq!(body.parent_branch, None);
        assert_eq!(body.cluster_size.as_deref(), Some("PS-10"));
    }

    #[test]
    fn null_and_absent_differ_where_it_matters() {
        let absent: UpdateBranch = serde_json::from_str("{}").unwrap();
        assert_eq!(absent.expires_at, None);
        let null: UpdateBranch =
            serde_json::from_str(r#"{"expires_at":null,"sleep_after_seconds":0}"#).unwrap();
        assert_eq!(null.expires_at, Some(None));
        assert_eq!(null.sleep_after_seconds, Some(Some(0)));
    }
}
