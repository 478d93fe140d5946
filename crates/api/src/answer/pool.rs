//! The pool.

use offshoot_api_types as wire;
use offshoot_control::pool::{BranchUsage, PoolView};

pub(crate) fn pool(view: PoolView) -> wire::Pool {
    let status = view.status;
    wire::Pool {
        id: view.id.to_string(),
        driver: status.driver.as_str().into(),
        copy_on_write: status.driver.copy_on_write(),
        location: status.location,
        size_bytes: status.size,
        used_bytes: status.used,
        free_bytes: status.free,
        advice: status.advice,
        volumes_count: view.volumes,
        snapshots_count: view.snapshots,
        memory_budget_bytes: view.memory_budget,
        memory_used_bytes: view.memory_used,
        awake_count: view.awake,
        sleeping_count: view.sleeping,
    }
}

pub(crate) fn usage(usage: BranchUsage) -> wire::BranchUsage {
    wire::BranchUsage {
        id: usage.branch.to_string(),
        database: usage.database,
        branch: usage.name,
        allocated_bytes: usage.usage.allocated,
        unique_bytes: usage.usage.unique,
    }
}
