//! Seed rules, their versions and tests.

use super::{KEEP, Row, Shown};
use crate::output::Cell;
use jiff::Timestamp;
use offshoot_api_types::seed_rules::SeededTable;
use offshoot_api_types::{Actor, SeedRules, SeedRulesTest, SeedRulesTestState, SeedRulesVersion};

fn number(n: Option<i64>) -> Cell {
    n.map_or_else(|| Cell::text(""), Cell::Number)
}

fn name(actor: Option<&Actor>) -> Cell {
    Cell::text(actor.map(|a| a.display_name.clone()).unwrap_or_default())
}

impl Row for SeedRules {
    const COLUMNS: &'static [&'static str] =
        &["version", "tables", "required", "actor", "created_at"];
    const SHOWN: &'static [Shown] = &[("version", KEEP), ("tables", KEEP), ("required", KEEP)];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        let tables = self.rules.as_ref().map_or(0, |r| r.tables.len());
        vec![
            number(self.version),
            number(i64::try_from(tables).ok()),
            Cell::Flag(self.required),
            name(self.actor.as_ref()),
            Cell::Time(self.created_at),
        ]
    }
}

impl Row for SeedRulesVersion {
    const COLUMNS: &'static [&'static str] =
        &["version", "tables", "removed", "actor", "created_at"];
    const SHOWN: &'static [Shown] = &[
        ("version", KEEP),
        ("tables", 1),
        ("removed", 2),
        ("actor", 3),
        ("created_at", KEEP),
    ];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        vec![
            Cell::Number(self.version),
            Cell::Number(self.tables),
            Cell::Flag(self.removed),
            name(self.actor.as_ref()),
            Cell::Time(Some(self.created_at)),
        ]
    }
}

impl Row for SeededTable {
    const COLUMNS: &'static [&'static str] =
        &["table", "rows", "kept", "removed", "masked", "columns"];
    const SHOWN: &'static [Shown] = &[
        ("table", KEEP),
        ("rows", 2),
        ("kept", KEEP),
        ("removed", 3),
        ("masked", KEEP),
        ("columns", 1),
    ];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        let columns: Vec<String> = self
            .columns
            .iter()
            .map(|c| format!("{}: {}", c.name, c.mask))
            .collect();
        vec![
            Cell::text(&self.table),
            number(self.rows),
            number(self.kept),
            Cell::Number(self.removed),
            Cell::Number(self.masked),
            Cell::text(columns.join(", ")),
        ]
    }
}

impl Row for SeedRulesTest {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "branch",
        "version",
        "state",
        "tables",
        "problems",
        "failure",
        "created_at",
        "completed_at",
    ];
    const SHOWN: &'static [Shown] = &[("id", KEEP), ("branch", KEEP), ("state", KEEP)];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        let state = match self.state {
            SeedRulesTestState::Running => "running",
            SeedRulesTestState::Passed => "passed",
            SeedRulesTestState::Failed => "failed",
        };
        vec![
            Cell::text(&self.id),
            Cell::text(&self.branch),
            number(self.version),
            Cell::text(state),
            number(i64::try_from(self.tables.len()).ok()),
            number(i64::try_from(self.problems.len()).ok()),
            Cell::text(self.failure.clone().unwrap_or_default()),
            Cell::Time(Some(self.created_at)),
            Cell::Time(self.completed_at),
        ]
    }
}
