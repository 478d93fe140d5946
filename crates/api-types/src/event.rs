//! The event stream of a branch: what is in the `data:` of each event.

use crate::branch::BranchState;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A branch at one moment. Event `branch`; or `failed` and `deleted`, after which the stream ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BranchEvent {
    /// Of the branch.
    pub id: String,
    pub name: String,
    /// `null` when the branch is gone.
    pub state: Option<BranchState>,
    /// A connection would succeed now, without waking.
    pub ready: bool,
    /// Why it could not be made, or why its engine does not run.
    pub failure: Option<String>,
    /// What is under way, oldest first.
    pub workflows: Vec<WorkflowEvent>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WorkflowEvent {
    /// `create_branch`, `reset_branch`, `restart_branch`.
    pub kind: String,
    /// What is done next: of a creation or reset `fork` (the volume), then `fill` (engine and schema).
    pub step: String,
    /// Failed tries so far, and why the last one failed.
    pub attempts: u32,
    pub error: Option<String>,
}
