//! Keyspaces: the MySQL schemas of a branch. What belongs to shards, replicas and Vitess is constant here.

use crate::lenient;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A MySQL schema of a branch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Keyspace {
    /// Made of the branch and the name: the same for as long as the schema has that name there.
    pub id: String,
    pub name: String,
    /// Always 1.
    pub shards: i64,
    /// Always `false`.
    pub sharded: bool,
    /// Always 0, as are `extra_replicas`: a branch is one server.
    pub replicas: i64,
    pub extra_replicas: i64,
    /// Of its branch: engines do not say when a schema was made.
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Size of its branch, whose keyspaces share one engine.
    pub cluster_name: String,
    pub cluster_display_name: String,
    pub resizing: bool,
    pub resize_in_progress: bool,
    pub resize_pending: bool,
    pub config_change_in_progress: bool,
    pub ready: bool,
    pub metal: bool,
    /// It is the one that its database was made with.
    pub default: bool,
    pub imported: bool,
    /// Always `null`.
    pub vector_pool_allocation: Option<i64>,
    /// Always `node_ttl_off`.
    pub node_ttl_strategy: String,
    pub replication_durability_constraints: ReplicationDurability,
    pub vreplication_flags: VreplicationFlags,
    #[schema(value_type = Object)]
    pub mysqld_options: BTreeMap<String, String>,
    #[schema(value_type = Object)]
    pub vttablet_options: BTreeMap<String, String>,
    /// Always empty.
    #[serde(default)]
    pub read_only_regions: Vec<KeyspaceRegion>,
}

/// What a commit waits for. Always `available`: there are no replicas.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReplicationDurability {
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub strategy: Option<String>,
}

/// How Vitess copies tables. Always off: there is no Vitess here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VreplicationFlags {
    #[serde(default)]
    pub optimize_inserts: bool,
    #[serde(default)]
    pub allow_no_blob_binlog_row_image: bool,
    #[serde(default)]
    pub vplayer_batching: bool,
}

/// What makes a keyspace.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct CreateKeyspace {
    /// 1 to 64 letters, digits, `-` and `_`.
    #[serde(default, deserialize_with = "lenient::blank_is_none")]
    pub name: Option<String>,
    /// The branch's own size, or absent: its keyspaces share one engine.
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub cluster_size: Option<String>,
    /// 0 or absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra_replicas: Option<i64>,
    /// 1, 0 or absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shards: Option<i64>,
}

/// What changes at a keyspace: nothing, as its settings are Vitess's. What it has already is taken.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct UpdateKeyspace {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replication_durability_constraints: Option<ReplicationDurability>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vreplication_flags: Option<VreplicationFlags>,
}

/// How far a change of a keyspace's settings is rolled out: there is never one under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RolloutStatus {
    pub name: String,
    /// Always `complete`.
    pub state: String,
    pub shards: Vec<ShardRollout>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShardRollout {
    /// Always `-`: the name that Vitess gives to the only shard.
    pub name: String,
    pub state: String,
    pub last_rollout_started_at: Option<Timestamp>,
    pub last_rollout_finished_at: Option<Timestamp>,
}

/// A keyspace as Vitess describes one without shards: its tables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Vschema {
    /// JSON.
    pub raw: String,
    /// `raw`, escaped for a page.
    pub html: String,
}

/// All read-only regions that a keyspace is to have: none can be.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct KeyspaceRegions {
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub read_only_regions: Vec<serde_json::Value>,
}

/// A read-only region of a keyspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyspaceRegion {
    pub region: String,
    pub cluster_name: String,
    pub cluster_display_name: String,
    pub replicas: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_takes_blanks_and_nulls_for_nothing() {
        let text = r#"{"name":"a","cluster_size":"","extra_replicas":null,"x":1}"#;
        let body: CreateKeyspace = serde_json::from_str(text).unwrap();
        assert_eq!((body.cluster_size, body.extra_replicas), (None, None));
        let text =
            r#"{"replication_durability_constraints":{"strategy":""},"vreplication_flags":null}"#;
        let body: UpdateKeyspace = serde_json::from_str(text).unwrap();
        assert_eq!(
            body.replication_durability_constraints,
            Some(ReplicationDurability::default())
        );
        assert_eq!(body.vreplication_flags, None);
    }
}
