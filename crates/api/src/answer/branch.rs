//! Branches.

use super::backup::reference;
use super::size::VTGATE;
use crate::state::ApiState;
use offshoot_api_types::{Actor, Address, Branch, Origin, PointInTime, Region};
use offshoot_control::branch::BranchView;
use offshoot_core::branch::BranchState;
use offshoot_core::size;
use std::collections::BTreeMap;

pub(crate) fn branch(state: &ApiState, view: BranchView) -> Branch {
    branch_at(&state.public_url, &state.region, view)
}

/// `public_url`: what addresses begin with.
pub(crate) fn branch_at(public_url: &str, region: &Region, view: BranchView) -> Branch {
    let branch = view.branch;
    let url = format!(
        "{public_url}/v1/organizations/{}/databases/{}/branches/{}",
        view.organization, view.database, branch.name
    );
    Branch {
        id: branch.id.to_string(),
        name: branch.name.to_string(),
        created_at: branch.created_at,
        updated_at: branch.updated_at,
        deleted_at: None,
        restore_checklist_completed_at: None,
        schema_last_updated_at: branch.schema_updated_at,
        kind: "mysql".into(),
        mysql_address: view.access_host.clone(),
        mysql_edge_address: view.access_host.clone(),
        state: branch.state.into(),
        direct_vtgate: false,
        vtgate_size: "vg.g1.pico".into(),
        vtgate_name: Some(VTGATE.into()),
        vtgate_count: 1,
        vtgate_autoscaling: false,
        vtgate_max_count: None,
        vtgate_target_cpu_utilization: None,
        cluster_name: size::shown(branch.size, branch.production).into(),
        cluster_iops: None,
        ready: view.ready,
        schema_ready: branch.state != BranchState::Pending,
        metal: false,
        production: branch.production,
        safe_migrations: branch.safe_migrations.on(),
        deletion_protected: branch.deletion_protected,
        sharded: false,
        shard_count: 1,
        keyspace_count: 1,
        stale_schema: false,
        actor: Some(Actor::named(branch.actor)),
        restored_from_branch: view.restored_from.map(reference),
        private_edge_connectivity: false,
        has_replicas: false,
        has_read_only_replicas: false,
        html_url: url.clone(),
        url,
        region: region.clone(),
        parent_branch: view.parent,
        vtgate_options: BTreeMap::new(),
        seed: branch.seed.into(),
        origin: view.origin.map(|origin| Origin {
            branch_id: origin.branch.to_string(),
            backup_id: origin.backup.map(|b| b.to_string()),
            restore_point: origin.restore_point,
            copied: origin.copied.map(Into::into),
            position: origin.position.map(Into::into),
        }),
        seed_rules_version: view.seeded.map(|s| s.version.into()),
        seeded: view.seeded.map(Into::into),
        engine: branch.engine.to_string(),
        labels: branch.labels,
        expires_at: branch.expires_at,
        sleep_after_seconds: branch
            .sleep_after
            .map(|d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX)),
        event_scheduler: branch.production || branch.event_scheduler,
        max_connections: branch.max_connections.map(i64::from),
        disk_quota_bytes: branch.disk_quota.map(bytes),
        disk_quota_state: branch.quota.into(),
        disk_used_bytes: view.disk_used.map(bytes),
        connection: Address {
            host: view.access_host,
            port: view.access_port,
        },
        default: view.default,
        point_in_time: view.point_in_time.map(|point| PointInTime {
            from: point.window.map(|w| w.from),
            to: point.window.map(|w| w.to),
            archive_lag_seconds: i64::try_from(point.lag.as_secs()).unwrap_or(i64::MAX),
        }),
        last_drill: view.drilled.map(Into::into),
        failure: view.failure,
        password: None,
    }
}

fn bytes(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
