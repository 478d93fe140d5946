//! Keyspaces.

use crate::page::escaped;
use offshoot_api_types::{
    Keyspace, ReplicationDurability, RolloutStatus, ShardRollout, VreplicationFlags, Vschema,
};
use offshoot_control::keyspace::KeyspaceView;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

pub(crate) fn keyspace(view: KeyspaceView) -> Keyspace {
    let (keyspace, size, resizing) = (view.keyspace, view.size, view.resizing);
    Keyspace {
        id: keyspace.id.to_string(),
        name: keyspace.name,
        shards: 1,
        sharded: false,
        replicas: 0,
        extra_replicas: 0,
        created_at: view.created_at,
        updated_at: view.updated_at,
        cluster_name: size.into(),
        cluster_display_name: size.replace('_', "-"),
        resizing,
        resize_in_progress: resizing,
        resize_pending: false,
        config_change_in_progress: false,
        ready: true,
        metal: false,
        default: keyspace.default,
        imported: false,
        vector_pool_allocation: None,
        node_ttl_strategy: "node_ttl_off".into(),
        replication_durability_constraints: ReplicationDurability {
            strategy: Some("available".into()),
        },
        vreplication_flags: VreplicationFlags::default(),
        mysqld_options: BTreeMap::new(),
        vttablet_options: BTreeMap::new(),
        read_only_regions: Vec::new(),
    }
}

pub(crate) fn rollout_status(view: KeyspaceView) -> RolloutStatus {
    RolloutStatus {
        name: view.keyspace.name,
        state: "complete".into(),
        shards: vec![ShardRollout {
            name: "-".into(),
            state: "complete".into(),
            last_rollout_started_at: None,
            last_rollout_finished_at: None,
        }],
    }
}

/// `tables`: names of the keyspace's tables.
pub(crate) fn vschema(tables: &[String]) -> Vschema {
    let tables: Map<String, Value> = tables
        .iter()
        .map(|table| (table.clone(), json!({})))
        .collect();
    let raw = format!("{:#}", json!({"sharded": false, "tables": tables}));
    Vschema {
        html: format!("<pre>{}</pre>", escaped(&raw)),
        raw,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vschema_is_json_and_its_page_inert() {
        let made = vschema(&["b".into(), "<a>\"".into()]);
        let read: Value = serde_json::from_str(&made.raw).unwrap();
        assert_eq!(read["tables"]["<a>\""], json!({}));
        assert_eq!(read["sharded"], false);
        assert!(!made.html.contains("<a>"), "{}", made.html);
    }
}
