//! Shadows.

use offshoot_api_types::{Actor, Shadow};
use offshoot_control::shadow::ShadowView;

pub(crate) fn shadow(view: ShadowView) -> Shadow {
    let row = view.shadow;
    let made_of = match (&row.backup, row.method) {
        (Some(_), _) => Some("backup".to_owned()),
        (None, method) => method.map(|m| m.as_str().to_owned()),
    };
    Shadow {
        branch_id: row.branch.to_string(),
        branch: view.branch,
        state: row.state.into(),
        failure: row.reason.or(view.failure),
        every_seconds: row.every.map(|every| signed(every.as_secs())),
        running: view.running,
        lag_seconds: view.lag.map(|lag| signed(lag.as_secs())),
        lag_bytes: view.lag_bytes.map(signed),
        position: row.position.map(Into::into),
        made_of,
        backup_id: row.backup.map(|b| b.to_string()),
        made_at: row.made_at,
        retry_at: row.retry_at,
        copies: signed(row.copies),
        last_copied_at: row.copied_at,
        passed_over_at: row.passed_over_at,
        passed_over_reason: row.passed_over,
        actor: Some(Actor::named(row.actor)),
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
