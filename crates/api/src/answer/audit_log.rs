//! The audit log.

use offshoot_api_types::page::ListType;
use offshoot_api_types::{AuditLog, Cursored};
use offshoot_control::audit::AuditSlice;
use offshoot_core::audit::AuditEvent;

pub(crate) fn audit_log(slice: AuditSlice) -> Cursored<AuditLog> {
    let id = |event: &AuditEvent| event.id.to_string();
    Cursored {
        kind: ListType::List,
        has_next: slice.has_next,
        has_prev: slice.has_prev,
        cursor_start: slice.events.first().map(id),
        cursor_end: slice.events.last().map(id),
        data: slice.events.into_iter().map(entry).collect(),
    }
}

fn actor(by_user: bool) -> &'static str {
    match by_user {
        true => "User",
        false => "ServiceToken",
    }
}

fn entry(event: AuditEvent) -> AuditLog {
    let action = event.action.rsplit('.').next().unwrap_or_default();
    AuditLog {
        id: event.id.to_string(),
        kind: "AuditLogEvent".into(),
        actor_type: event.actor_id.as_ref().map(|_| actor(event.by_user).into()),
        actor_id: event.actor_id,
        actor_display_name: event.actor,
        auditable_id: event.subject_id,
        auditable_type: Some(event.subject_type.into()),
        auditable_display_name: event.subject,
        target_id: None,
        target_type: None,
        target_display_name: None,
        location: None,
        remote_ip: event.remote_ip,
        action: action.to_owned(),
        audit_action: event.action,
        metadata: Some(event.metadata),
        created_at: event.at,
        updated_at: event.at,
    }
}
