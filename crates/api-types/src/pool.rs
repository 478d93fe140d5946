//! The pool: the filesystem area in which volumes live, and the memory that engines share.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The pool. All sizes in bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Pool {
    pub id: String,
    /// `btrfs`, `xfs` or `copy`.
    pub driver: String,
    pub copy_on_write: bool,
    pub location: String,
    pub size_bytes: u64,
    pub used_bytes: u64,
    pub free_bytes: u64,
    /// The command that would make branching independent of size, where the pool only copies.
    pub advice: Option<String>,
    pub volumes_count: u64,
    pub snapshots_count: u64,
    /// What all engines together may take.
    pub memory_budget_bytes: u64,
    /// What the awake ones are counted with.
    pub memory_used_bytes: u64,
    pub awake_count: u64,
    pub sleeping_count: u64,
}

/// What one branch takes in the pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BranchUsage {
    pub id: String,
    pub database: String,
    pub branch: String,
    /// Bytes of its files, shared or not.
    pub allocated_bytes: u64,
    /// Bytes that deleting it would free.
    pub unique_bytes: u64,
}
