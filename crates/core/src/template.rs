//! Templates: images that new volumes are forked from, so that nothing is initialised or replayed
//! while somebody waits.

use crate::engine::EngineRef;
use crate::id::{BranchId, SnapshotId, TemplateId};
use jiff::Timestamp;

/// The image of one scope: an engine's initialised data directory, or one parent's schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    pub id: TemplateId,
    pub engine: EngineRef,
    /// The branch whose schema it holds; `None` = a freshly initialised data directory.
    pub parent: Option<BranchId>,
    pub snapshot: SnapshotId,
    /// Counts the refreshes.
    pub generation: u32,
    pub used_at: Timestamp,
    pub created_at: Timestamp,
}
