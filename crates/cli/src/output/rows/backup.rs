//! Backups and their policies.

use super::{KEEP, Row, Shown};
use crate::output::Cell;
use jiff::Timestamp;
use offshoot_api_types::{Backup, BackupPolicy, Drill};

impl Row for Backup {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "name",
        "state",
        "size",
        "created_at",
        "updated_at",
        "started_at",
        "expires_at",
        "completed_at",
        "branch",
        "engine",
        "protected",
        "verified_at",
        "tables",
        "rows",
        "method",
        "pause_ms",
        "policy",
        "failure",
        "damaged",
        "drilled_at",
        "off_site",
        "exported_at",
    ];
    const SHOWN: &'static [Shown] = &[
        ("id", KEEP),
        ("name", KEEP),
        ("branch", 2),
        ("state", KEEP),
        ("damaged", 3),
        ("size", 3),
        ("tables", 5),
        ("rows", 4),
        ("pause_ms", 8),
        ("protected", 6),
        ("policy", 7),
        ("off_site", 1),
        ("expires_at", 1),
        ("created_at", 9),
    ];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        let number = |n: Option<i64>| n.map_or_else(|| Cell::text(""), Cell::Number);
        let (examined, copied) = (self.examined.as_ref(), self.copied.as_ref());
        let copy = self.off_site.as_ref();
        let pause = copied.and_then(|c| i64::try_from(c.pause_ms).ok());
        let policy = self.backup_policy.as_ref().map(|p| p.name.clone());
        vec![
            Cell::text(&self.id),
            Cell::text(&self.name),
            Cell::text(self.state.as_str()),
            Cell::Bytes(self.size),
            Cell::Time(Some(self.created_at)),
            Cell::Time(Some(self.updated_at)),
            Cell::Time(self.started_at),
            Cell::Time(self.expires_at),
            Cell::Time(self.completed_at),
            Cell::text(&self.branch),
            Cell::text(&self.engine),
            Cell::Flag(self.protected),
            Cell::Time(self.verified_at),
            number(examined.map(|e| e.tables)),
            number(examined.map(|e| e.rows)),
            Cell::text(copied.map(|c| c.method.clone()).unwrap_or_default()),
            number(pause),
            Cell::text(policy.unwrap_or_default()),
            Cell::text(self.failure.clone().unwrap_or_default()),
            Cell::Flag(self.damaged),
            Cell::Time(self.last_drill.as_ref().map(|d| d.completed_at)),
            Cell::text(copy.map(|c| c.state.as_str()).unwrap_or_default()),
            Cell::Time(copy.and_then(|c| c.exported_at)),
        ]
    }
}

impl Row for BackupPolicy {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "name",
        "target",
        "retention",
        "frequency",
        "schedule_time",
        "schedule_day",
        "schedule_week",
        "required",
        "last_ran_at",
        "next_run_at",
        "created_at",
        "updated_at",
        "drills",
    ];
    const SHOWN: &'static [Shown] = &[
        ("id", KEEP),
        ("name", KEEP),
        ("target", 1),
        ("frequency", KEEP),
        ("schedule_time", 2),
        ("schedule_day", 6),
        ("schedule_week", 7),
        ("retention", KEEP),
        ("drills", 5),
        ("required", 4),
        ("last_ran_at", 8),
        ("next_run_at", 3),
    ];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        let number = |n: Option<i64>| Cell::text(n.map(|n| n.to_string()).unwrap_or_default());
        let drills = self.drill_frequency_value.zip(self.drill_frequency_unit);
        let drills = drills.map(|(n, unit)| format!("{n} {}", unit.as_str()));
        vec![
            Cell::text(&self.id),
            Cell::text(&self.name),
            Cell::text(self.target.as_str()),
            Cell::text(format!(
                "{} {}",
                self.retention_value,
                self.retention_unit.as_str()
            )),
            Cell::text(format!(
                "{} {}",
                self.frequency_value,
                self.frequency_unit.as_str()
            )),
            Cell::text(&self.schedule_time),
            number(self.schedule_day),
            number(self.schedule_week),
            Cell::Flag(self.required),
            Cell::Time(self.last_ran_at),
            Cell::Time(self.next_run_at),
            Cell::Time(Some(self.created_at)),
            Cell::Time(Some(self.updated_at)),
            Cell::text(drills.unwrap_or_default()),
        ]
    }
}

impl Row for Drill {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "backup_id",
        "backup",
        "branch",
        "state",
        "tables",
        "rows",
        "restore_ms",
        "differences",
        "failure",
        "policy_id",
        "created_at",
        "started_at",
        "completed_at",
    ];
    const SHOWN: &'static [Shown] = &[
        ("id", KEEP),
        ("backup_id", 1),
        ("backup", 4),
        ("branch", 2),
        ("state", KEEP),
        ("tables", 6),
        ("rows", 5),
        ("restore_ms", 3),
        ("completed_at", KEEP),
        ("failure", 1),
    ];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        let number = |n: Option<i64>| n.map_or_else(|| Cell::text(""), Cell::Number);
        let found = self.found.as_ref();
        vec![
            Cell::text(&self.id),
            Cell::text(&self.backup_id),
            Cell::text(&self.backup),
            Cell::text(&self.branch),
            Cell::text(self.state.as_str()),
            number(found.map(|f| f.tables)),
            number(found.map(|f| f.rows)),
            number(self.restore_ms),
            Cell::text(self.differences.join("; ")),
            Cell::text(self.failure.clone().unwrap_or_default()),
            Cell::text(self.policy_id.clone().unwrap_or_default()),
            Cell::Time(Some(self.created_at)),
            Cell::Time(self.started_at),
            Cell::Time(self.completed_at),
        ]
    }
}
