//! What a branch's engine tells of itself: findings about its schema, sessions, where it runs.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Something questionable about a table. Fields without meaning here are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LintError {
    /// `NO_UNIQUE_KEY`, `UNSUPPORTED_CHARSET` or `UNSUPPORTED_ENGINE`.
    pub lint_error: String,
    /// Always `table`.
    pub subject_type: String,
    /// The MySQL schema.
    pub keyspace_name: String,
    pub table_name: String,
    pub error_description: String,
    pub docs_url: String,
    pub column_name: String,
    pub foreign_key_column_names: Vec<String>,
    pub auto_increment_column_names: Vec<String>,
    pub charset_name: String,
    pub engine_name: String,
    pub vindex_name: String,
    pub json_path: String,
    pub check_constraint_name: String,
    pub enum_value: String,
    pub partitioning_type: String,
    pub partition_name: String,
}

/// A value under `data`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Data<T> {
    pub data: T,
}

/// The sessions of a branch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProcessList {
    pub keyspace: String,
    pub shard: String,
    pub tablet: String,
    pub processes: Vec<Process>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Process {
    /// The engine's number of the session.
    pub id: i64,
    /// Account of the role, not the credential's username.
    pub user: String,
    pub host: String,
    pub db: String,
    pub command: String,
    /// Seconds in the present command.
    pub time: i64,
    pub state: String,
    /// The statement under way.
    pub info: String,
}

/// Which session to end.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct KillProcess {
    pub id: Option<i64>,
    /// `connection` (default) or `query`.
    pub kind: Option<String>,
}

/// A session, or its statement, was ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Killed {
    pub success: bool,
    pub keyspace: String,
    pub shard: String,
    pub tablet: String,
    pub id: i64,
    pub kind: String,
}

/// The sessions of a branch, in the shape that `pscale branch connections` reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Connections {
    /// Always `mysql`.
    pub database_kind: String,
    pub captured_at: Timestamp,
    pub topology: Topology,
    pub instances: Vec<ConnectionInstance>,
    pub data: Vec<ConnectionRow>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Topology {
    pub keyspace: String,
    pub shard: String,
    pub tablet: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConnectionInstance {
    pub id: String,
    pub role: String,
    pub error: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConnectionRow {
    pub pid: i64,
    pub instance: String,
    pub datname: String,
    pub usename: String,
    pub application_name: String,
    pub client_addr: String,
    pub state: String,
    pub wait_event_type: String,
    pub wait_event: String,
    pub backend_type: String,
    pub xact_start: Option<Timestamp>,
    pub query_start: Option<Timestamp>,
    pub connection_id: Option<String>,
    pub transaction_id: Option<String>,
    pub query_id: Option<String>,
    pub duration_ms: i64,
    pub blocked_by: Vec<i64>,
    pub query_text: String,
}

/// Where a branch runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Infrastructure {
    /// Always `OffshootInfrastructure`.
    #[serde(rename = "type")]
    pub kind: String,
    pub ready: bool,
    pub pods: Vec<Pod>,
}

/// The branch's engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Pod {
    pub name: String,
    /// `Running`, `Sleeping`, `Pending` or `Failed`.
    pub status: String,
    pub component: String,
    pub ready: String,
    pub restart_count: i64,
    pub created_at: Option<Timestamp>,
    pub cell: String,
    pub size: String,
    pub keyspace: Option<String>,
    pub shard: Option<String>,
    pub tablet_type: Option<String>,
}
