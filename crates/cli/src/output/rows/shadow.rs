//! Shadows.

use super::{KEEP, Row, Shown};
use crate::output::Cell;
use jiff::Timestamp;
use offshoot_api_types::Shadow;

impl Row for Shadow {
    const COLUMNS: &'static [&'static str] = &[
        "branch",
        "state",
        "every_seconds",
        "lag_seconds",
        "lag_bytes",
        "running",
        "position",
        "made_of",
        "made_at",
        "copies",
        "last_copied_at",
        "passed_over_at",
        "passed_over_reason",
        "failure",
        "retry_at",
        "created_at",
        "updated_at",
    ];
    const SHOWN: &'static [Shown] = &[
        ("branch", KEEP),
        ("state", KEEP),
        ("every_seconds", 4),
        ("lag_seconds", KEEP),
        ("lag_bytes", KEEP),
        ("running", 3),
        ("made_of", 5),
        ("made_at", 2),
        ("copies", 1),
        ("last_copied_at", 1),
    ];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        let number = |n: Option<i64>| n.map_or_else(|| Cell::text(""), Cell::Number);
        let position = self.position.as_ref().map(|p| p.gtid_set.clone());
        vec![
            Cell::text(&self.branch),
            Cell::text(self.state.as_str()),
            number(self.every_seconds),
            number(self.lag_seconds),
            self.lag_bytes.map_or_else(|| Cell::text(""), Cell::Bytes),
            Cell::Flag(self.running),
            Cell::text(position.unwrap_or_default()),
            Cell::text(self.made_of.clone().unwrap_or_default()),
            Cell::Time(self.made_at),
            Cell::Number(self.copies),
            Cell::Time(self.last_copied_at),
            Cell::Time(self.passed_over_at),
            Cell::text(self.passed_over_reason.clone().unwrap_or_default()),
            Cell::text(self.failure.clone().unwrap_or_default()),
            Cell::Time(self.retry_at),
            Cell::Time(Some(self.created_at)),
            Cell::Time(Some(self.updated_at)),
        ]
    }
}
