//! Which columns each thing has in tables and CSV. The names are those of `pscale`.

use crate::output::Cell;
use offshoot_api_types::{
    AuditLog, Branch, Database, Organization, Password, Region, ResourceGrants, ServiceToken,
};

/// A thing that can stand in a table.
pub(crate) trait Row {
    fn columns() -> &'static [&'static str];
    /// As many as there are columns.
    fn cells(&self) -> Vec<Cell>;
}

impl Row for Organization {
    fn columns() -> &'static [&'static str] {
        &["name", "databases", "created_at", "updated_at"]
    }

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::text(&self.name),
            Cell::Number(self.database_count),
            Cell::Time(Some(self.created_at)),
            Cell::Time(Some(self.updated_at)),
        ]
    }
}

impl Row for Database {
    fn columns() -> &'static [&'static str] {
        &[
            "name",
            "engine",
            "state",
            "default_branch",
            "branches",
            "created_at",
            "updated_at",
        ]
    }

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::text(&self.name),
            Cell::text(&self.engine),
            Cell::text(state(self)),
            Cell::text(&self.default_branch),
            Cell::Number(self.branches_count),
            Cell::Time(Some(self.created_at)),
            Cell::Time(Some(self.updated_at)),
        ]
    }
}

impl Row for Branch {
    fn columns() -> &'static [&'static str] {
        &[
            "id",
            "name",
            "parent_branch",
            "production",
            "state",
            "ready",
            "engine",
            "labels",
            "expires_at",
            "created_at",
            "updated_at",
        ]
    }

    fn cells(&self) -> Vec<Cell> {
        let labels: Vec<String> = self
            .labels
            .iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect();
        vec![
            Cell::text(&self.id),
            Cell::text(&self.name),
            Cell::text(self.parent_branch.clone().unwrap_or_default()),
            Cell::Flag(self.production),
            Cell::text(self.state.as_str()),
            Cell::Flag(self.ready),
            Cell::text(&self.engine),
            Cell::text(labels.join(" ")),
            Cell::Time(self.expires_at),
            Cell::Time(Some(self.created_at)),
            Cell::Time(Some(self.updated_at)),
        ]
    }
}

impl Row for Password {
    fn columns() -> &'static [&'static str] {
        &[
            "id",
            "name",
            "branch",
            "username",
            "role",
            "cidrs",
            "ttl",
            "expires_at",
            "expired",
            "last_used_at",
            "created_at",
        ]
    }

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::text(&self.id),
            Cell::text(&self.name),
            Cell::text(&self.database_branch.name),
            Cell::text(&self.username),
            Cell::text(&self.role),
            Cell::text(self.cidrs.clone().unwrap_or_default().join(" ")),
            Cell::text(self.ttl_seconds.map(|s| s.to_string()).unwrap_or_default()),
            Cell::Time(self.expires_at),
            Cell::Flag(self.expired),
            Cell::Time(self.last_used_at),
            Cell::Time(Some(self.created_at)),
        ]
    }
}

impl Row for ServiceToken {
    fn columns() -> &'static [&'static str] {
        &["id", "name", "last_used_at", "expires_at", "created_at"]
    }

    fn cells(&self) -> Vec<Cell> {
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
    fn columns() -> &'static [&'static str] {
        &["resource_name", "resource_type", "accesses"]
    }

    fn cells(&self) -> Vec<Cell> {
        let accesses: Vec<&str> = self.accesses.iter().map(|a| a.access.as_str()).collect();
        vec![
            Cell::text(&self.resource_name),
            Cell::text(&self.resource_type),
            Cell::text(accesses.join(" ")),
        ]
    }
}

impl Row for AuditLog {
    fn columns() -> &'static [&'static str] {
        &["id", "actor", "action", "event", "remote_ip", "created_at"]
    }

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::text(&self.id),
            Cell::text(&self.actor_display_name),
            Cell::text(&self.audit_action),
            Cell::text(&self.auditable_display_name),
            Cell::text(self.remote_ip.clone().unwrap_or_default()),
            Cell::Time(Some(self.created_at)),
        ]
    }
}

impl Row for Region {
    fn columns() -> &'static [&'static str] {
        &["name", "slug", "enabled"]
    }

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::text(&self.display_name),
            Cell::text(&self.slug),
            Cell::Flag(self.enabled),
        ]
    }
}

fn state(database: &Database) -> String {
    serde_json::to_value(database.state)
        .ok()
        .and_then(|v| v.as_str().map(str::to_owned))
        .unwrap_or_default()
}
