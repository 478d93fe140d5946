//! The audit log, newest first.

use crate::Control;
use crate::locate::LocatedOrganization;
use offshoot_core::Refusal;
use offshoot_core::access::Access;
use offshoot_core::audit::AuditEvent;
use offshoot_store::audit::AuditFilter;

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

/// Most entries of one answer.
const MAX_LIMIT: u32 = 100;

/// Needs [`Access::ReadAuditLogs`].
pub async fn list(
    control: &Control,
    at: &LocatedOrganization,
    query: &AuditQuery,
) -> Result<AuditSlice, Refusal> {
    at.require(&[Access::ReadAuditLogs])?;
    if query.limit == 0 {
        return Err(Refusal::invalid("limit", "a page has at least one entry"));
    }
    let limit = u64::from(query.limit.min(MAX_LIMIT));
    let filter = AuditFilter {
        actions: &query.actions,
        older_than: query.starting_after.as_deref(),
        newer_than: query.ending_before.as_deref(),
        limit: limit + 1,
    };
    let mut session = control.0.store.read().await?;
    let mut events = session.audit_events(at.organization().id, &filter).await?;
    let more = events.len() as u64 > limit;
    let backwards = query.ending_before.is_some();
    if more && backwards {
        events.remove(0);
    } else if more {
        events.pop();
    }
    Ok(AuditSlice {
        has_next: if backwards { !events.is_empty() } else { more },
        has_prev: if backwards {
            more
        } else {
            query.starting_after.is_some()
        },
        events,
    })
}
