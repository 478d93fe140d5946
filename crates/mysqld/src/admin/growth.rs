//! What makes a branch's data grow: taken from its role accounts while it is over its disk quota.
//!
//! SELECT, DELETE, DROP (which is TRUNCATE, too) stay, so that room can be made. Objects that run with
//! their definer's rights lose with him.
//!
//! Written to the grant tables and loaded at once: REVOKE and GRANT would have a moment in between
//! in which an account has a privilege on the engine's own schemas.

use super::accounts::{COLUMNS, privileges};
use super::session::{AdminError, Session, quote};
use offshoot_core::engine::EngineKind;
use offshoot_core::password::Role;

/// Privileges that make data grow. UPDATE does: rows get longer, and every change leaves undo behind.
const GROWS: [&str; 8] = [
    "INSERT",
    "UPDATE",
    "CREATE",
    "INDEX",
    "ALTER",
    "CREATE TEMPORARY TABLES",
    "CREATE VIEW",
    "CREATE ROUTINE",
];

/// Sets whether the role accounts have what makes data grow. Sessions keep what they had when they
/// began: returns those of roles that lose something.
pub async fn confine(
    session: &mut Session,
    kind: EngineKind,
    confined: bool,
) -> Result<Vec<u64>, AdminError> {
    for sql in statements(kind, confined) {
        session.execute(&sql).await?;
    }
    if !confined {
        return Ok(Vec::new());
    }
    let accounts: Vec<String> = Role::ALL
        .into_iter()
        .filter(|role| lost(*role).next().is_some())
        .map(|role| quote(role.account()))
        .collect();
    let rows = session
        .query(&format!(
            "SELECT id FROM information_schema.processlist WHERE user IN ({})",
            accounts.join(", ")
        ))
        .await?;
    Ok(rows.into_iter().filter_map(|mut row| row.take(0)).collect())
}

fn statements(kind: EngineKind, confined: bool) -> Vec<String> {
    let (table, more) = match kind {
        EngineKind::Mysql => ("mysql.user", ""),
        EngineKind::Mariadb => ("mysql.db", " AND Db = '%'"),
    };
    let value = if confined { "'N'" } else { "'Y'" };
    let mut all = vec!["SET SESSION sql_log_bin = 0".to_owned()];
    for role in Role::ALL {
        let set: Vec<String> = lost(role)
            .map(|column| format!("{column} = {value}"))
            .collect();
        if !set.is_empty() {
            all.push(format!(
                "UPDATE {table} SET {} WHERE User = {} AND Host = 'localhost'{more}",
                set.join(", "),
                quote(role.account())
            ));
        }
    }
    all.push("FLUSH LOCAL PRIVILEGES".to_owned());
    all
}

/// Columns of what a role loses.
fn lost(role: Role) -> impl Iterator<Item = &'static str> {
    COLUMNS.into_iter().filter_map(move |(name, column)| {
        let has = privileges(role).split(',').any(|p| p.trim() == name);
        (has && GROWS.contains(&name)).then_some(column)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_only_reads_loses_nothing_and_room_can_be_made() {
        assert_eq!(lost(Role::Reader).count(), 0);
        assert_eq!(lost(Role::Admin).count(), GROWS.len());
        for role in Role::ALL {
            for kept in ["Select_priv", "Delete_priv", "Drop_priv"] {
                assert!(lost(role).all(|column| column != kept), "{role}");
            }
        }
    }
}
