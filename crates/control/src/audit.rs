//! The audit log, newest first.

use crate::Control;
use crate::locate::LocatedOrganization;
use offshoot_core::Refusal;
use offshoot_core::audit::AuditEvent;

/// A part of the log, by cursor: entries older than `starting_after` or newer than `ending_before`.
#[derive(Clone, Debug, Default)]
pub struct AuditQuery {
    /// Actions such as `branch.created`; empty = all.
    pub actions: Vec<String>,
    /// Id of the entry after which (towards the past) to go on.
    pub starting_after: Option<String>,
    /// Id of the entry before which (towards the present) to stop.
    pub ending_before: Option<String>,
    /// 1 to 100.
    pub limit: u32,
}

#[derive(Clone, Debug)]
pub struct AuditSlice {
    pub events: Vec<AuditEvent>,
    /// There are older ones.
    pub has_next: bool,
    /// There are newer ones.
    pub has_prev: bool,
}

/// Needs [`offshoot_core::access::Access::ReadAuditLogs`].
pub async fn list(
    control: &Control,
    at: &LocatedOrganization,
    query: &AuditQuery,
) -> Result<AuditSlice, Refusal> {
    let _ = (control, at, query);
    Err(Refusal::internal("not built yet"))
}
