//! Webhooks and what was sent to them.

use super::{KEEP, Row, Shown};
use crate::output::Cell;
use jiff::Timestamp;
use offshoot_api_types::{Webhook, WebhookDelivery};

impl Row for Webhook {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "url",
        "events",
        "enabled",
        "created_at",
        "updated_at",
        "last_sent_at",
        "last_sent_result",
        "failures",
        "disabled_reason",
    ];
    const SHOWN: &'static [Shown] = &[
        ("id", KEEP),
        ("url", KEEP),
        ("enabled", KEEP),
        ("last_sent_at", 2),
        ("last_sent_result", 1),
        ("failures", 3),
    ];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        vec![
            Cell::text(&self.id),
            Cell::text(&self.url),
            Cell::text(self.events.join(" ")),
            Cell::Flag(self.enabled),
            Cell::Time(Some(self.created_at)),
            Cell::Time(Some(self.updated_at)),
            Cell::Time(self.last_sent_at),
            Cell::text(self.last_sent_result.clone().unwrap_or_default()),
            Cell::Number(self.failures),
            Cell::text(self.disabled_reason.clone().unwrap_or_default()),
        ]
    }
}

impl Row for WebhookDelivery {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "event",
        "subject",
        "state",
        "attempts",
        "status_code",
        "duration_ms",
        "failure",
        "created_at",
        "sent_at",
        "retry_at",
    ];
    const SHOWN: &'static [Shown] = &[
        ("id", KEEP),
        ("event", KEEP),
        ("subject", 1),
        ("state", KEEP),
        ("attempts", 4),
        ("status_code", KEEP),
        ("duration_ms", 5),
        ("failure", 2),
        ("created_at", 3),
    ];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        let number = |n: Option<i64>| Cell::text(n.map(|n| n.to_string()).unwrap_or_default());
        vec![
            Cell::text(&self.id),
            Cell::text(&self.event),
            Cell::text(&self.subject),
            Cell::text(&self.state),
            Cell::Number(self.attempts),
            number(self.status_code),
            number(self.duration_ms),
            Cell::text(self.failure.clone().unwrap_or_default()),
            Cell::Time(Some(self.created_at)),
            Cell::Time(self.sent_at),
            Cell::Time(self.retry_at),
        ]
    }
}
