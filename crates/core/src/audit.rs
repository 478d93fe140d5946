//! The audit log: who did what to which thing, kept for ever.

use crate::id::{AuditEventId, OrganizationId};
use jiff::Timestamp;
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    pub id: AuditEventId,
    pub organization_id: OrganizationId,
    /// `branch.created`, `password.refused`: noun, dot, past participle.
    pub action: String,
    /// Who: a token's id and display name, or `system`.
    pub actor_id: Option<String>,
    pub actor: String,
    /// It was a user, not a token.
    pub by_user: bool,
    /// What it was done to: type (`Branch`), id and name at that time.
    pub subject_type: &'static str,
    pub subject_id: Option<String>,
    pub subject: String,
    pub remote_ip: Option<String>,
    pub metadata: BTreeMap<String, String>,
    pub at: Timestamp,
}
