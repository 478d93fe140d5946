//! Sizes of branches, and their changes.

use crate::actor::Actor;
use crate::lenient;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A size, as clients list them. Sizes cost nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClusterSku {
    /// Such as `PS_10`.
    pub name: String,
    pub display_name: String,
    /// Cores; empty = no limit.
    pub cpu: String,
    /// Bytes of memory; 0 = no limit.
    pub ram: i64,
    pub storage: Option<i64>,
    pub metal: bool,
    /// The server has room for it.
    pub enabled: bool,
    pub provider: Option<String>,
    pub provider_instance_type: Option<String>,
    pub default_vtgate: String,
    pub default_vtgate_rate: Option<i64>,
    /// Always 0.
    pub rate: Option<i64>,
    pub replica_rate: Option<i64>,
    pub sort_order: i64,
    pub architecture: Option<String>,
    /// Development branches can have it.
    pub development: bool,
    /// Production branches can have it.
    pub production: bool,

    // Additions of Offshoot.
    /// Clients that may be connected at once; `null` = the server's default.
    #[serde(default)]
    pub max_connections: Option<i64>,
}

/// Another size for a branch.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct ChangeCluster {
    /// Such as `PS_10`; `PS-10` is the same.
    #[serde(default, deserialize_with = "lenient::blank_is_none")]
    pub cluster_size: Option<String>,
}

/// Another size for a keyspace, which is its branch's.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct ChangeKeyspaceSize {
    /// Absent = as it is.
    #[serde(default, deserialize_with = "lenient::blank_is_none")]
    pub cluster_size: Option<String>,
    /// 0 or absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra_replicas: Option<i64>,
}

/// How far a resize is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResizeState {
    /// The engine is started anew as soon as no command or transaction is under way.
    Resizing,
    Completed,
}

/// The last change of a keyspace's size, which is its branch's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyspaceResize {
    pub id: String,
    pub state: ResizeState,
    pub started_at: Option<Timestamp>,
    pub completed_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Always 0, as are the other numbers of replicas.
    pub extra_replicas: i64,
    pub replicas: i64,
    pub previous_replicas: i64,
    /// Always `null`.
    pub vector_pool_allocation: Option<i64>,
    pub previous_vector_pool_allocation: Option<i64>,
    pub cluster_name: String,
    pub cluster_display_name: String,
    pub previous_cluster_name: String,
    pub previous_cluster_display_name: String,
    pub actor: Option<Actor>,
}

/// What Vitess's gateway is to be: only what is answered for a branch, as there is none.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct ChangeVtgate {
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub vtgate_size: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vtgate_count: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vtgate_max_count: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vtgate_autoscaling: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vtgate_target_cpu_utilization: Option<i64>,
}

/// A change of Vitess's gateway. There is never one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VtgateResize {
    pub id: String,
    pub state: ResizeState,
    pub started_at: Option<Timestamp>,
    pub completed_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub vtgate_size: String,
    pub previous_vtgate_size: String,
    pub vtgate_name: String,
    pub previous_vtgate_name: String,
    pub vtgate_display_name: String,
    pub previous_vtgate_display_name: String,
    pub vtgate_count: i64,
    pub previous_vtgate_count: i64,
    pub actor: Option<Actor>,
}
