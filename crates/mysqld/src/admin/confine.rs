//! What the role accounts of a branch lack at a time: what makes data grow while it is over its disk
//! quota, what changes the schema while it has safe migrations. Objects that run with their definer's
//! rights lose with him.
//!
//! Over its quota, SELECT, DELETE, DROP (which is TRUNCATE, too) stay, so that room can be made. With safe
//! migrations the definer keeps TRIGGER and EVENT, without which triggers fail and events stop; clients have another
//! account then ([`safe_admin`]).
//!
//! Written to the grant tables and loaded at once: REVOKE and GRANT would have a moment in between
//! in which an account has a privilege on the engine's own schemas. Every column that could have been taken is set, so
//! what was there before does not matter.

use super::accounts::{COLUMNS, privileges};
use super::safe_admin;
use super::session::{AdminError, Session, quote};
use offshoot_core::engine::EngineKind;
use offshoot_core::instance::Confined;
use offshoot_core::password::{Role, SAFE_ADMIN};

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
/// Privileges that change the schema, but for those that definers need: TRIGGER and EVENT.
const DDL: [&str; 8] = [
    "CREATE",
    "DROP",
    "REFERENCES",
    "INDEX",
    "ALTER",
    "CREATE VIEW",
    "CREATE ROUTINE",
    "ALTER ROUTINE",
];

/// Leaves the role accounts what `confined` leaves them. Sessions keep what they had when they
/// began: returns those of roles that lack something now. [`safe_admin::make`] comes before.
pub async fn confine(
    session: &mut Session,
    kind: EngineKind,
    confined: Confined,
) -> Result<Vec<u64>, AdminError> {
    for sql in statements(kind, confined) {
        session.execute(&sql).await?;
    }
    let accounts: Vec<String> = accounts()
        .filter(|(_, has)| takeable(has).any(|(name, _)| taken(name, confined)))
        .map(|(account, _)| quote(account))
        .collect();
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let rows = session
        .query(&format!(
            "SELECT id FROM information_schema.processlist WHERE user IN ({})",
            accounts.join(", ")
        ))
        .await?;
    Ok(rows.into_iter().filter_map(|mut row| row.take(0)).collect())
}

/// Every account that clients may have, with all that it may have.
fn accounts() -> impl Iterator<Item = (&'static str, &'static str)> {
    let roles = Role::ALL.map(|role| (role.account(), privileges(role)));
    let safe = (SAFE_ADMIN, safe_admin::PRIVILEGES);
    roles.into_iter().chain([safe])
}

fn statements(kind: EngineKind, confined: Confined) -> Vec<String> {
    let (table, more) = match kind {
        EngineKind::Mysql => ("mysql.user", ""),
        EngineKind::Mariadb => ("mysql.db", " AND Db = '%'"),
    };
    let mut all = vec!["SET SESSION sql_log_bin = 0".to_owned()];
    for (account, has) in accounts() {
        let set: Vec<String> = takeable(has)
            .map(|(name, column)| match taken(name, confined) {
                true => format!("{column} = 'N'"),
                false => format!("{column} = 'Y'"),
            })
            .collect();
        if !set.is_empty() {
            all.push(format!(
                "UPDATE {table} SET {} WHERE User = {} AND Host = 'localhost'{more}",
                set.join(", "),
                quote(account)
            ));
        }
    }
    all.push("FLUSH LOCAL PRIVILEGES".to_owned());
    all
}

/// What can be taken from an account, with its column.
fn takeable(has: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    COLUMNS.into_iter().filter(move |(name, _)| {
        let all = Confined {
            growth: true,
            ddl: true,
        };
        taken(name, all) && has.split(',').any(|p| p.trim() == *name)
    })
}

fn taken(privilege: &str, confined: Confined) -> bool {
    confined.growth && GROWS.contains(&privilege) || confined.ddl && DDL.contains(&privilege)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Columns that an account keeps, of those that could be taken.
    fn kept(account: &str, growth: bool, ddl: bool) -> Vec<&'static str> {
        let confined = Confined { growth, ddl };
        let (_, has) = accounts().find(|(name, _)| *name == account).unwrap();
        takeable(has)
            .filter(|(name, _)| !taken(name, confined))
            .map(|(_, column)| column)
            .collect()
    }

    #[test]
    fn who_only_reads_loses_nothing_and_room_can_be_made() {
        assert_eq!(takeable(privileges(Role::Reader)).count(), 0);
        let admin = Role::Admin.account();
        assert_eq!(
            kept(admin, true, false),
            ["Drop_priv", "References_priv", "Alter_routine_priv"]
        );
        for (account, has) in accounts() {
            for stays in ["Select_priv", "Delete_priv", "Trigger_priv", "Event_priv"] {
                assert!(takeable(has).all(|(_, c)| c != stays), "{account}");
            }
        }
    }

    #[test]
    fn safe_migrations_take_the_schema_from_the_definer_and_rows_from_nobody() {
        let admin = Role::Admin.account();
        let rows = ["Insert_priv", "Update_priv", "Create_tmp_table_priv"];
        assert_eq!(kept(admin, false, true), rows);
        assert_eq!(kept(SAFE_ADMIN, false, true), rows);
        assert_eq!(kept(Role::Readwriter.account(), false, true), rows);
        assert_eq!(kept(admin, true, true), [""; 0]);
    }

    #[test]
    fn what_one_takes_the_other_does_not_give_back() {
        for kind in [EngineKind::Mysql, EngineKind::Mariadb] {
            let both = Confined {
                growth: true,
                ddl: true,
            };
            let ddl = Confined {
                ddl: true,
                ..Confined::default()
            };
            let of_admin = |confined| {
                let all = statements(kind, confined);
                let admin = quote(Role::Admin.account());
                all.into_iter().find(|sql| sql.contains(&admin)).unwrap()
            };
            for sql in [of_admin(both), of_admin(ddl)] {
                for column in ["Create_priv", "Drop_priv", "Alter_priv", "Index_priv"] {
                    assert!(sql.contains(&format!("{column} = 'N'")), "{sql}");
                }
            }
            assert!(of_admin(both).contains("Insert_priv = 'N'"));
            assert!(of_admin(ddl).contains("Insert_priv = 'Y'"));
            assert!(!of_admin(Confined::default()).contains("'N'"));
        }
    }
}
