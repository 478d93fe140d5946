//! Which columns each thing has in tables and CSV. The names are those of `pscale`.

use crate::output::Cell;
use jiff::Timestamp;
use offshoot_api_types::{
    AuditLog, Branch, Database, Organization, Password, Region, ResourceGrants, ServiceToken,
};

/// When a column is shown to people. In CSV all are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rank {
    Key,
    /// Left out in narrow terminals, the highest first.
    Less(u8),
    /// Never: it is there for scripts written for `pscale`.
    Csv,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) rank: Rank,
}

pub(crate) const fn key(name: &'static str) -> Column {
    Column {
        name,
        rank: Rank::Key,
    }
}

pub(crate) const fn less(name: &'static str, rank: u8) -> Column {
    Column {
        name,
        rank: Rank::Less(rank),
    }
}

pub(crate) const fn csv(name: &'static str) -> Column {
    Column {
        name,
        rank: Rank::Csv,
    }
}

/// A thing that can stand in a table.
pub(crate) trait Row {
    /// `pscale`'s own come first, in its order.
    const COLUMNS: &'static [Column];
    /// As many as there are columns.
    fn cells(&self, now: Timestamp) -> Vec<Cell>;
}

impl Row for Organization {
    const COLUMNS: &'static [Column] = &[
        key("name"),
        less("created_at", 1),
        less("updated_at", 3),
        less("databases", 2),
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
    const COLUMNS: &'static [Column] = &[
        key("name"),
        csv("kind"),
        less("created_at", 1),
        less("updated_at", 4),
        key("engine"),
        key("state"),
        less("default_branch", 2),
        less("branches", 3),
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
    const COLUMNS: &'static [Column] = &[
        less("id", 5),
        key("name"),
        less("parent_branch", 1),
        csv("region"),
        less("production", 2),
        csv("safe_migrations"),
        key("ready"),
        less("created_at", 4),
        less("updated_at", 8),
        key("state"),
        less("engine", 7),
        less("labels", 6),
        less("expires_at", 3),
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
    const COLUMNS: &'static [Column] = &[
        key("id"),
        key("name"),
        less("branch", 1),
        less("username", 4),
        key("role"),
        csv("role_description"),
        csv("connection_type"),
        less("ttl", 7),
        csv("ttl_remaining"),
        less("expired", 3),
        less("cidrs", 6),
        less("expires_at", 2),
        less("last_used_at", 5),
        less("created_at", 8),
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
    const COLUMNS: &'static [Column] = &[
        key("id"),
        key("name"),
        less("last_used_at", 1),
        less("expires_at", 2),
        less("created_at", 3),
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
    const COLUMNS: &'static [Column] = &[
        key("resource_name"),
        less("resource_type", 1),
        key("accesses"),
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
    const COLUMNS: &'static [Column] = &[
        less("id", 4),
        key("actor"),
        key("action"),
        key("event"),
        less("remote_ip", 2),
        csv("location"),
        less("created_at", 1),
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
    const COLUMNS: &'static [Column] = &[key("name"), key("slug"), key("enabled")];

    fn cells(&self, _: Timestamp) -> Vec<Cell> {
        vec![
            Cell::text(&self.display_name),
            Cell::text(&self.slug),
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
