//! Off-site copies.

use super::{KEEP, Row, Shown};
use crate::output::Cell;
use jiff::Timestamp;
use offshoot_api_types::OffSiteBackup;

impl Row for OffSiteBackup {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "name",
        "database",
        "branch",
        "production",
        "engine",
        "bytes",
        "tables",
        "rows",
        "here",
        "created_at",
        "verified_at",
    ];
    const SHOWN: &'static [Shown] = &[
        ("id", KEEP),
        ("name", 2),
        ("database", KEEP),
        ("branch", KEEP),
        ("engine", 4),
        ("bytes", 3),
        ("tables", 6),
        ("rows", 5),
        ("here", 1),
        ("created_at", KEEP),
    ];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        vec![
            Cell::text(&self.id),
            Cell::text(&self.name),
            Cell::text(&self.database),
            Cell::text(&self.branch),
            Cell::Flag(self.production),
            Cell::text(&self.engine),
            Cell::Bytes(self.bytes),
            Cell::Number(self.examined.tables),
            Cell::Number(self.examined.rows),
            Cell::Flag(self.here),
            Cell::Time(Some(self.created_at)),
            Cell::Time(Some(self.verified_at)),
        ]
    }
}
