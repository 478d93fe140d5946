//! Which columns each thing has in tables and CSV. The names are those of `pscale`.

mod backup;
mod keyspace;
mod member;
mod off_site;
mod planning;
mod seed_rules;
mod shadow;
mod webhook;

use crate::output::Cell;
use jiff::Timestamp;
use offshoot_api_types::{
    AuditLog, Branch, ClusterSku, ConnectionRow, Database, LintError, Organization, Password,
    Process, Region, ResourceGrants, ServiceToken,
};

/// A column of a table for people, and how soon it is left out where the terminal is too narrow: the
/// highest first, [`KEEP`] never.
pub(crate) type Shown = (&'static str, u8);

pub(crate) const KEEP: u8 = 0;

/// A thing that can stand in a table.
pub(crate) trait Row {
    /// Of CSV: those of `pscale` come first, in its order.
    const COLUMNS: &'static [&'static str];
    /// Of tables for people; some are for scripts alone.
    const SHOWN: &'static [Shown];
    /// As many as there are columns.
    fn cells(&self, now: Timestamp) -> Vec<Cell>;
}

impl Row for Organization {
    const COLUMNS: &'static [&'static str] = &["name", "created_at", "updated_at", "databases"];
    const SHOWN: &'static [Shown] = &[
        ("name", KEEP),
        ("databases", 1),
        ("created_at", 2),
        ("updated_at", 3),
    ];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        vec![
            Cell::text(&self.name),
            Cell::Time(Some(self.created_at)),
            Cell::Time(Some(self.updated_at)),
            Cell::Number(self.database_count),
        ]
    }
}

impl Row for Database {
    const COLUMNS: &'static [&'static str] = &[
        "name",
        "kind",
        "created_at",
        "updated_at",
        "engine",
        "state",
        "default_branch",
        "branches",
    ];
    const SHOWN: &'static [Shown] = &[
        ("name", KEEP),
        ("engine", KEEP),
        ("state", KEEP),
        ("default_branch", 2),
        ("branches", 3),
        ("created_at", 1),
        ("updated_at", 4),
    ];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        vec![
            Cell::text(&self.name),
            Cell::text(&self.kind),
            Cell::Time(Some(self.created_at)),
            Cell::Time(Some(self.updated_at)),
            Cell::text(&self.engine),
            Cell::text(state(self)),
            Cell::text(&self.default_branch),
            Cell::Number(self.branches_count),
        ]
    }
}

impl Row for Branch {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "name",
        "parent_branch",
        "region",
        "production",
        "safe_migrations",
        "ready",
        "created_at",
        "updated_at",
        "state",
        "engine",
        "labels",
        "expires_at",
    ];
    const SHOWN: &'static [Shown] = &[
        ("id", 5),
        ("name", KEEP),
        ("parent_branch", 1),
        ("production", 2),
        ("state", KEEP),
        ("ready", KEEP),
        ("engine", 7),
        ("labels", 6),
        ("expires_at", 3),
        ("created_at", 4),
        ("updated_at", 8),
    ];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        let labels: Vec<String> = self
            .labels
            .iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect();
        vec![
            Cell::text(&self.id),
            Cell::text(&self.name),
            Cell::text(self.parent_branch.clone().unwrap_or_default()),
            Cell::text(&self.region.slug),
            Cell::Flag(self.production),
            Cell::Flag(self.safe_migrations),
            Cell::Flag(self.ready),
            Cell::Time(Some(self.created_at)),
            Cell::Time(Some(self.updated_at)),
            Cell::text(self.state.as_str()),
            Cell::text(&self.engine),
            Cell::text(labels.join(" ")),
            Cell::Time(self.expires_at),
        ]
    }
}

impl Row for Password {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "name",
        "branch",
        "username",
        "role",
        "role_description",
        "connection_type",
        "ttl",
        "ttl_remaining",
        "expired",
        "cidrs",
        "expires_at",
        "last_used_at",
        "created_at",
    ];
    const SHOWN: &'static [Shown] = &[
        ("id", KEEP),
        ("name", KEEP),
        ("branch", 1),
        ("username", 4),
        ("role", KEEP),
        ("cidrs", 6),
        ("ttl", 7),
        ("expires_at", 2),
        ("expired", 3),
        ("last_used_at", 5),
        ("created_at", 8),
    ];

    fn cells(&self, now: Timestamp) -> Vec<Cell> {
        let left = |at: Timestamp| (at.as_second() - now.as_second()).max(0);
        let remaining = self.expires_at.map(left);
        vec![
            Cell::text(&self.id),
            Cell::text(&self.name),
            Cell::text(&self.database_branch.name),
            Cell::text(&self.username),
            Cell::text(&self.role),
            Cell::text(role_description(&self.role)),
            Cell::text(if self.replica { "replica" } else { "primary" }),
            Cell::text(self.ttl_seconds.map(|s| s.to_string()).unwrap_or_default()),
            Cell::text(remaining.map(|s| s.to_string()).unwrap_or_default()),
            Cell::Flag(self.expired),
            Cell::text(self.cidrs.clone().unwrap_or_default().join(" ")),
            Cell::Time(self.expires_at),
            Cell::Time(self.last_used_at),
            Cell::Time(Some(self.created_at)),
        ]
    }
}

impl Row for ServiceToken {
    const COLUMNS: &'static [&'static str] =
        &["id", "name", "last_used_at", "expires_at", "created_at"];
    const SHOWN: &'static [Shown] = &[
        ("id", KEEP),
        ("name", KEEP),
        ("last_used_at", 1),
        ("expires_at", 2),
        ("created_at", 3),
    ];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        vec![
            Cell::text(&self.id),
            Cell::text(self.name.clone().unwrap_or_default()),
            Cell::Time(self.last_used_at),
            Cell::Time(self.expires_at),
            Cell::Time(Some(self.created_at)),
        ]
    }
}

impl Row for ResourceGrants {
    const COLUMNS: &'static [&'static str] = &["resource_name", "resource_type", "accesses"];
    const SHOWN: &'static [Shown] = &[
        ("resource_name", KEEP),
        ("resource_type", 1),
        ("accesses", KEEP),
    ];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        let accesses: Vec<&str> = self.accesses.iter().map(|a| a.access.as_str()).collect();
        vec![
            Cell::text(&self.resource_name),
            Cell::text(&self.resource_type),
            Cell::text(accesses.join(" ")),
        ]
    }
}

impl Row for AuditLog {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "actor",
        "action",
        "event",
        "remote_ip",
        "location",
        "created_at",
    ];
    const SHOWN: &'static [Shown] = &[
        ("id", 4),
        ("actor", KEEP),
        ("action", KEEP),
        ("event", KEEP),
        ("remote_ip", 2),
        ("created_at", 1),
    ];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        vec![
            Cell::text(&self.id),
            Cell::text(&self.actor_display_name),
            Cell::text(&self.audit_action),
            Cell::text(&self.auditable_display_name),
            Cell::text(self.remote_ip.clone().unwrap_or_default()),
            Cell::text(self.location.clone().unwrap_or_default()),
            Cell::Time(Some(self.created_at)),
        ]
    }
}

impl Row for Region {
    const COLUMNS: &'static [&'static str] = &["name", "slug", "enabled"];
    const SHOWN: &'static [Shown] = &[("name", KEEP), ("slug", KEEP), ("enabled", KEEP)];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        vec![
            Cell::text(&self.display_name),
            Cell::text(&self.slug),
            Cell::Flag(self.enabled),
        ]
    }
}

impl Row for LintError {
    const COLUMNS: &'static [&'static str] = &[
        "lint_error",
        "keyspace",
        "table",
        "subject_type",
        "error_description",
        "docs_url",
    ];
    const SHOWN: &'static [Shown] = &[
        ("table", KEEP),
        ("lint_error", KEEP),
        ("error_description", 1),
    ];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        vec![
            Cell::text(&self.lint_error),
            Cell::text(&self.keyspace_name),
            Cell::text(&self.table_name),
            Cell::text(&self.subject_type),
            Cell::text(&self.error_description),
            Cell::text(&self.docs_url),
        ]
    }
}

impl Row for ConnectionRow {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "user",
        "client",
        "database",
        "state",
        "transaction",
        "duration_ms",
        "blocked_by",
        "query",
    ];
    const SHOWN: &'static [Shown] = &[
        ("id", KEEP),
        ("user", 3),
        ("database", 4),
        ("state", 2),
        ("transaction", 5),
        ("duration_ms", 1),
        ("blocked_by", 6),
        ("query", KEEP),
    ];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        let blockers: Vec<String> = self.blocked_by.iter().map(i64::to_string).collect();
        vec![
            Cell::Number(self.pid),
            Cell::text(&self.usename),
            Cell::text(&self.client_addr),
            Cell::text(&self.datname),
            Cell::text(&self.state),
            Cell::text(self.transaction_id.clone().unwrap_or_default()),
            Cell::Number(self.duration_ms),
            Cell::text(blockers.join(" ")),
            Cell::text(&self.query_text),
        ]
    }
}

impl Row for Process {
    const COLUMNS: &'static [&'static str] = &[
        "id", "user", "host", "db", "command", "time", "state", "info",
    ];
    const SHOWN: &'static [Shown] = &[
        ("id", KEEP),
        ("user", 3),
        ("db", 2),
        ("command", 4),
        ("time", 1),
        ("state", 5),
        ("info", KEEP),
    ];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        vec![
            Cell::Number(self.id),
            Cell::text(&self.user),
            Cell::text(&self.host),
            Cell::text(&self.db),
            Cell::text(&self.command),
            Cell::Number(self.time),
            Cell::text(&self.state),
            Cell::text(&self.info),
        ]
    }
}

impl Row for ClusterSku {
    const COLUMNS: &'static [&'static str] = &[
        "name",
        "cost",
        "cpu",
        "memory",
        "storage",
        "connections",
        "development",
        "production",
        "enabled",
    ];
    const SHOWN: &'static [Shown] = &[
        ("name", KEEP),
        ("cpu", KEEP),
        ("memory", KEEP),
        ("connections", 1),
        ("development", 3),
        ("production", 2),
        ("enabled", 1),
    ];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        vec![
            Cell::text(&self.name),
            Cell::Number(self.rate.unwrap_or_default()),
            Cell::text(&self.cpu),
            Cell::Bytes(self.ram),
            Cell::Number(self.storage.unwrap_or_default()),
            Cell::text(
                self.max_connections
                    .map(|n| n.to_string())
                    .unwrap_or_default(),
            ),
            Cell::Flag(self.development),
            Cell::Flag(self.production),
            Cell::Flag(self.enabled),
        ]
    }
}

fn role_description(role: &str) -> &'static str {
    match role {
        "reader" => "Can read",
        "writer" => "Can write",
        "readwriter" => "Can read and write",
        "admin" => "Can read, write and change the schema",
        _ => "",
    }
}

fn state(database: &Database) -> String {
    serde_json::to_value(database.state)
        .ok()
        .and_then(|v| v.as_str().map(str::to_owned))
        .unwrap_or_default()
}
