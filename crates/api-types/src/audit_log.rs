//! The audit log: one entry per act.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditLog {
    pub id: String,
    /// Always `AuditLogEvent`.
    #[serde(rename = "type", default)]
    pub kind: String,
    pub actor_id: Option<String>,
    pub actor_type: Option<String>,
    pub actor_display_name: String,
    pub auditable_id: Option<String>,
    pub auditable_type: Option<String>,
    pub auditable_display_name: String,
    pub target_id: Option<String>,
    pub target_type: Option<String>,
    pub target_display_name: Option<String>,
    /// Always `null`: Offshoot looks no addresses up.
    pub location: Option<String>,
    pub remote_ip: Option<String>,
    /// Noun, dot, past participle: `branch.created`.
    pub audit_action: String,
    /// The participle alone: `created`.
    pub action: String,
    #[serde(default)]
    pub metadata: Option<BTreeMap<String, String>>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}
