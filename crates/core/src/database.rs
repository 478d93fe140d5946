//! Databases: named products with branches, one of them the default branch.

use crate::engine::EngineRef;
use crate::id::{BranchId, DatabaseId, OrganizationId};
use crate::name::DatabaseName;
use jiff::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    pub id: DatabaseId,
    pub organization_id: OrganizationId,
    pub name: DatabaseName,
    /// The MySQL schema that every branch starts with; fixed when the database is made, also after a rename.
    pub schema_name: String,
    /// The engine of branches that are made without a parent.
    pub engine: EngineRef,
    pub default_branch: BranchId,
    pub deletion_protected: bool,
    /// Branches may start with data.
    pub allow_data_branching: bool,
    /// A branch with data is made only where there are seed rules for it to pass.
    pub require_seed_rules: bool,
    /// Deletion has begun; nothing may be added any more.
    pub deleting: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}
