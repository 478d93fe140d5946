//! Integrations, deliveries, iterations, automations.

use super::{KEEP, Row, Shown};
use crate::output::Cell;
use jiff::Timestamp;
use offshoot_api_types::{Automation, AutomationEffect, Delivery, Integration, Iteration};

impl Row for Integration {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "name",
        "tool",
        "enabled",
        "url",
        "secrets",
        "has_token",
        "poll_seconds",
        "last_poll_at",
        "poll_failure",
        "last_delivery_at",
        "automations",
        "created_at",
    ];
    const SHOWN: &'static [Shown] = &[
        ("id", 5),
        ("name", KEEP),
        ("tool", KEEP),
        ("enabled", 3),
        ("secrets", 6),
        ("last_poll_at", 4),
        ("last_delivery_at", 1),
        ("automations", 2),
    ];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        vec![
            Cell::text(&self.id),
            Cell::text(&self.name),
            Cell::text(&self.tool),
            Cell::Flag(self.enabled),
            Cell::text(&self.url),
            Cell::Number(i64::try_from(self.secrets.len()).unwrap_or(i64::MAX)),
            Cell::Flag(self.has_token),
            Cell::text(self.poll_seconds.map(|n| n.to_string()).unwrap_or_default()),
            Cell::Time(self.last_poll_at),
            Cell::text(self.poll_failure.clone().unwrap_or_default()),
            Cell::Time(self.last_delivery_at),
            Cell::Number(self.automations),
            Cell::Time(Some(self.created_at)),
        ]
    }
}

impl Row for Delivery {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "origin",
        "event",
        "state",
        "reason",
        "iterations",
        "seen",
        "size_bytes",
        "received_at",
        "processed_at",
    ];
    const SHOWN: &'static [Shown] = &[
        ("id", KEEP),
        ("event", 3),
        ("state", KEEP),
        ("iterations", 2),
        ("reason", 1),
        ("seen", 4),
        ("received_at", KEEP),
    ];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        let told: Vec<String> = self
            .iterations
            .iter()
            .map(|t| format!("{}: {}", t.name, t.changes.join(" ")))
            .collect();
        vec![
            Cell::text(&self.id),
            Cell::text(&self.origin),
            Cell::text(self.event.clone().unwrap_or_default()),
            Cell::text(self.state.as_str()),
            Cell::text(self.reason.clone().unwrap_or_default()),
            Cell::text(told.join("; ")),
            Cell::Number(self.seen),
            Cell::Number(self.size_bytes),
            Cell::Time(Some(self.received_at)),
            Cell::Time(self.processed_at),
        ]
    }
}

impl Row for Iteration {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "integration",
        "kind",
        "name",
        "number",
        "state",
        "starts_at",
        "ends_at",
        "branches",
        "url",
        "created_at",
    ];
    const SHOWN: &'static [Shown] = &[
        ("id", KEEP),
        ("integration", 3),
        ("name", KEEP),
        ("state", KEEP),
        ("starts_at", 2),
        ("ends_at", 1),
        ("branches", KEEP),
    ];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        let branches: Vec<String> = self
            .branches
            .iter()
            .map(|b| match &b.branch {
                Some(branch) => format!("{}/{branch}", b.database),
                None => format!("{}: {}", b.database, b.state),
            })
            .collect();
        vec![
            Cell::text(&self.id),
            Cell::text(&self.integration),
            Cell::text(&self.kind),
            Cell::text(&self.name),
            Cell::text(self.number.map(|n| n.to_string()).unwrap_or_default()),
            Cell::text(&self.state),
            Cell::Time(self.starts_at),
            Cell::Time(self.ends_at),
            Cell::text(branches.join(" ")),
            Cell::text(self.url.clone().unwrap_or_default()),
            Cell::Time(Some(self.created_at)),
        ]
    }
}

impl Row for Automation {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "name",
        "integration",
        "enabled",
        "when",
        "ended",
        "iterations",
        "created_at",
        "updated_at",
    ];
    const SHOWN: &'static [Shown] = &[
        ("name", KEEP),
        ("integration", KEEP),
        ("enabled", 3),
        ("when", 1),
        ("ended", 2),
        ("iterations", KEEP),
        ("updated_at", 4),
    ];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        vec![
            Cell::text(&self.id),
            Cell::text(&self.name),
            Cell::text(&self.integration),
            Cell::Flag(self.enabled),
            Cell::text(self.rule.when.to_string()),
            Cell::text(self.rule.on.ended.to_string()),
            Cell::Number(self.iterations),
            Cell::Time(Some(self.created_at)),
            Cell::Time(Some(self.updated_at)),
        ]
    }
}

impl Row for AutomationEffect {
    const COLUMNS: &'static [&'static str] = &["iteration", "branch", "effect", "deletes"];
    const SHOWN: &'static [Shown] = &[("iteration", KEEP), ("branch", KEEP), ("effect", KEEP)];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        vec![
            Cell::text(&self.iteration),
            Cell::text(self.branch.clone().unwrap_or_default()),
            Cell::text(&self.effect),
            Cell::Flag(self.deletes),
        ]
    }
}
