//! Imports: a branch is filled from outside, and taken back to what it was unless that is completed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `pending` until the branch is kept as it is; `open` while it may be filled; then `completed`, or
/// `reverting` and `reverted`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImportState {
    Pending,
    Open,
    Completed,
    Reverting,
    Reverted,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Import {
    pub id: String,
    pub state: ImportState,
    /// Unless it is renewed before, the branch is taken back then.
    pub expires_at: Timestamp,
    /// Seconds that it stays open from each renewal on.
    pub ttl_seconds: i64,
    /// Name of who opened it.
    pub actor: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Name of the branch.
    pub branch: String,
    pub branch_id: String,
}

/// What opens an import.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct CreateImport {
    /// Seconds that it stays open without being renewed, 3600 at most; 0 or absent = 120.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<i64>,
}
