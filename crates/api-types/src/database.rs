//! Databases.

use crate::branch::CreateBranchPassword;
use crate::lenient;
use crate::password::Password;
use crate::region::Region;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `ready` when its default branch has become ready once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DatabaseState {
    Pending,
    Importing,
    SleepInProgress,
    Sleeping,
    Awakening,
    ImportReady,
    Ready,
}

/// A database. The fields of PlanetScale's plan, resizing and sharding are constants here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Database {
    pub id: String,
    pub url: String,
    pub branches_url: String,
    pub branches_count: i64,
    pub open_schema_recommendations_count: i64,
    pub development_branches_count: i64,
    pub production_branches_count: i64,
    pub issues_count: i64,
    pub multiple_admins_required_for_deletion: bool,
    pub ready: bool,
    pub at_backup_restore_branches_limit: bool,
    pub at_development_branch_usage_limit: bool,
    pub region: Region,
    pub html_url: String,
    pub name: String,
    pub state: DatabaseState,
    pub sharded: bool,
    pub default_branch_shard_count: i64,
    pub default_branch_read_only_regions_count: i64,
    pub default_branch_table_count: i64,
    /// Name of the default branch.
    pub default_branch: String,
    pub require_approval_for_deploy: bool,
    pub deletion_protected: bool,
    pub resizing: bool,
    pub resize_queued: bool,
    pub config_changing: bool,
    pub config_change_queued: bool,
    pub allow_data_branching: bool,
    pub foreign_keys_enabled: bool,
    pub automatic_migrations: Option<bool>,
    pub restrict_branch_region: bool,
    pub insights_raw_queries: bool,
    pub plan: String,
    pub insights_enabled: bool,
    pub production_branch_web_console: bool,
    pub migration_table_name: Option<String>,
    pub migration_framework: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub schema_last_updated_at: Option<Timestamp>,
    /// Always `mysql` (what clients speak to it, not the engine).
    pub kind: String,

    // Additions of Offshoot.
    /// The MySQL schema that every branch starts with; it keeps its name when the database is renamed.
    pub schema_name: String,
    /// The engine of the first branch, such as `mysql-9.7.4`.
    pub engine: String,
    /// A branch with data is made only where there are seed rules for it to pass.
    #[serde(default)]
    pub require_seed_rules: bool,
    /// The credential of the default branch that was asked for with the database; only in the
    /// answer to its creation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Password>,
}

/// What makes a database. Region, cluster size, replicas and storage are accepted and ignored.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct CreateDatabase {
    #[serde(default, deserialize_with = "lenient::blank_is_none")]
    pub name: Option<String>,
    /// `mysql` or absent; anything else is refused.
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub kind: Option<String>,
    /// Of its production branch, such as `PS_10`; absent = what the machine gives it.
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub cluster_size: Option<String>,

    // Additions of Offshoot.
    /// `mysql`, `mariadb`, or one with its version such as `mysql-9.7.4`; absent = the default engine.
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub engine: Option<String>,
    /// Name of the production branch it starts with; absent = `main`.
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub default_branch: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_protected: Option<bool>,
    /// A credential of the default branch to make along; its secret is in the answer, once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<CreateBranchPassword>,
}

/// What changes at a database; absent fields stay. Settings of PlanetScale that have no meaning here are ignored.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct UpdateDatabase {
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub new_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_protected: Option<bool>,
    /// Branches may start with data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_data_branching: Option<bool>,
    /// Name or id of a production branch.
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub default_branch: Option<String>,

    // Additions of Offshoot.
    /// Make no branch with data unless there are seed rules for it to pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub require_seed_rules: Option<bool>,
}
