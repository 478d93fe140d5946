//! Keyspaces.

use super::{KEEP, Row, Shown};
use crate::output::Cell;
use jiff::Timestamp;
use offshoot_api_types::Keyspace;

impl Row for Keyspace {
    const COLUMNS: &'static [&'static str] = &[
        "name",
        "shards",
        "sharded",
        "replicas",
        "extra_replicas",
        "resizing",
        "pending_resize",
        "cluster_size",
        "created_at",
        "updated_at",
        "id",
        "default",
    ];
    const SHOWN: &'static [Shown] = &[
        ("name", KEEP),
        ("default", KEEP),
        ("cluster_size", 1),
        ("id", 2),
    ];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        vec![
            Cell::text(&self.name),
            Cell::Number(self.shards),
            Cell::Flag(self.sharded),
            Cell::Number(self.replicas),
            Cell::Number(self.extra_replicas),
            Cell::Flag(self.resizing),
            Cell::Flag(self.resize_pending),
            Cell::text(&self.cluster_name),
            Cell::Time(Some(self.created_at)),
            Cell::Time(Some(self.updated_at)),
            Cell::text(&self.id),
            Cell::Flag(self.default),
        ]
    }
}
