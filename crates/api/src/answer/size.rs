//! Sizes and their changes.

use offshoot_api_types::{Actor, ClusterSku, KeyspaceResize, ResizeState};
use offshoot_control::size::SizeView;
use offshoot_core::size::Resize;

/// What every branch has in the place of a VTGate.
pub(crate) const VTGATE: &str = "VTG_DEV";

pub(crate) fn sizes(all: Vec<SizeView>) -> Vec<ClusterSku> {
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let shape = |(order, size): (i64, SizeView)| ClusterSku {
        name: size.name.into(),
        display_name: size.name.replace('_', "-"),
        cpu: size.cpu.map(cores).unwrap_or_default(),
        ram: size.memory.map_or(0, number),
        storage: None,
        metal: false,
        enabled: size.enabled,
        provider: None,
        provider_instance_type: None,
        default_vtgate: VTGATE.into(),
        default_vtgate_rate: Some(0),
        rate: Some(0),
        replica_rate: Some(0),
        sort_order: order,
        architecture: None,
        development: size.development,
        production: size.production,
        max_connections: size.connections.map(i64::from),
    };
    (1..).zip(all).map(shape).collect()
}

/// Thousandths of a core as people write them: `0.5`.
fn cores(thousandths: u32) -> String {
    let text = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

pub(crate) fn keyspace_resize(resize: Resize) -> KeyspaceResize {
    KeyspaceResize {
        id: resize.id.to_string(),
        state: match resize.completed_at {
            Some(_) => ResizeState::Completed,
            None => ResizeState::Resizing,
        },
        started_at: Some(resize.at),
        completed_at: resize.completed_at,
        created_at: resize.at,
        updated_at: resize.completed_at.unwrap_or(resize.at),
        extra_replicas: 0,
        replicas: 0,
        previous_replicas: 0,
        vector_pool_allocation: None,
        previous_vector_pool_allocation: None,
        cluster_display_name: resize.to.replace('_', "-"),
        cluster_name: resize.to,
        previous_cluster_display_name: resize.from.replace('_', "-"),
        previous_cluster_name: resize.from,
        actor: Some(Actor::named(resize.actor)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_written_as_people_do() {
        for (n, text) in [
            (1000, "1"),
            (500, "0.5"),
            (1250, "1.25"),
            (16_000, "16"),
            (50, "0.05"),
        ] {
            assert_eq!(cores(n), text);
        }
    }
}
