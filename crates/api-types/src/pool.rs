//! The pool: the filesystem area in which volumes live.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The pool. All sizes in bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Pool {
    /// `btrfs`, `xfs` or `copy`.
    pub driver: String,
    pub copy_on_write: bool,
    pub location: String,
    pub size_bytes: u64,
    pub used_bytes: u64,
    pub free_bytes: u64,
    /// The command that would make branching independent of size, where the pool only copies.
    pub advice: Option<String>,
    /// Branches of the caller's organization.
    pub branches: Vec<BranchUsage>,
}

/// What one branch takes in the pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BranchUsage {
    pub database: String,
    pub branch: String,
    /// Bytes of its files, shared or not.
    pub allocated_bytes: u64,
    /// Bytes that deleting it would free.
    pub unique_bytes: u64,
}
