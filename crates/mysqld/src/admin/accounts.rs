//! The accounts inside a branch: the SQL that makes them, and the query that proves them.
//!
//! One account per role and one of Offshoot's own, all at `localhost`, with secrets of the
//! instance. Every other account but the engine's internal ones goes. The statements run from the
//! engine's `--init-file`, that is, before it serves the first connection.

use super::session::{AdminError, Session, quote};
use offshoot_core::engine::{EngineKind, EngineRef, Version};
use offshoot_core::instance::{InstanceSecret, SYSTEM_ACCOUNT};
use offshoot_core::password::Role;
use secrecy::{ExposeSecret, SecretString};

/// What belongs to `admin` in every user schema. Not: GRANT OPTION, CREATE TABLESPACE, FILE.
const ADMIN: &str = "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, REFERENCES, INDEX, ALTER, \
     CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, CREATE VIEW, SHOW VIEW, CREATE ROUTINE, \
     ALTER ROUTINE, EVENT, TRIGGER";
const READER: &str = "SELECT, SHOW VIEW";
const WRITER: &str = "INSERT, UPDATE, DELETE";
pub(super) const READWRITER: &str = "SELECT, INSERT, UPDATE, DELETE, CREATE TEMPORARY TABLES, LOCK TABLES, \
     EXECUTE, SHOW VIEW";

/// Schemas of the engine that no role reaches.
pub(super) const SYSTEM_SCHEMAS: [&str; 2] = ["mysql", "sys"];

/// What a role may do in user schemas, present and future.
pub fn privileges(role: Role) -> &'static str {
    match role {
        Role::Reader => READER,
        Role::Writer => WRITER,
        Role::Readwriter => READWRITER,
        Role::Admin => ADMIN,
    }
}

/// The text of an init-file: one statement a line. Secret.
pub fn init_file(engine: EngineRef, secret: &InstanceSecret) -> SecretString {
    let mut lines = match engine.kind {
        EngineKind::Mysql => mysql(engine.version, secret),
        EngineKind::Mariadb => mariadb(secret),
    };
    lines.push(String::new());
    SecretString::from(lines.join(";\n"))
}

fn mysql(version: Version, secret: &InstanceSecret) -> Vec<String> {
    const INTERNAL: &str =
        "User IN ('mysql.sys', 'mysql.session', 'mysql.infoschema') AND Host = 'localhost'";
    let mut sql = vec![
        "SET SESSION sql_log_bin = 0".into(),
        // An internal account can be nobody's way in, whatever became of it elsewhere.
        format!(
            "UPDATE mysql.user SET account_locked = 'Y', plugin = 'caching_sha2_password', \
             authentication_string = '$A$005$THISISACOMBINATIONOFINVALIDSALTANDPASSWORDTHATMUSTNEVERBRBEUSED' \
             WHERE {INTERNAL}"
        ),
        format!("DELETE FROM mysql.user WHERE NOT ({INTERNAL})"),
    ];
    for table in [
        "db",
        "tables_priv",
        "columns_priv",
        "procs_priv",
        "global_grants",
    ] {
        sql.push(format!("DELETE FROM mysql.{table} WHERE NOT ({INTERNAL})"));
    }
    for table in [
        "proxies_priv",
        "role_edges",
        "default_roles",
        "password_history",
    ] {
        sql.push(format!("DELETE FROM mysql.{table}"));
    }
    sql.push("FLUSH PRIVILEGES".into());
    sql.push(format!(
        "CREATE USER {SYSTEM_ACCOUNT}@localhost IDENTIFIED WITH caching_sha2_password BY {}",
        quote(secret.of_system().expose_secret())
    ));
    sql.push(format!(
        "GRANT ALL ON *.* TO {SYSTEM_ACCOUNT}@localhost WITH GRANT OPTION"
    ));
    for role in Role::ALL {
        let secret = secret.of_role(role);
        sql.extend(mysql_account(role.account(), privileges(role), &secret));
    }
    sql.extend(mysql_dumps(Role::Admin.account(), version));
    sql
}

/// Makes an account with its privileges in user schemas.
pub(super) fn mysql_account(account: &str, privileges: &str, secret: &SecretString) -> Vec<String> {
    let mut sql = vec![
        format!(
            // Nobody knows the current secret but the gateway: no session changes its own.
            "CREATE USER {account}@localhost IDENTIFIED WITH caching_sha2_password BY {} PASSWORD REQUIRE CURRENT",
            quote(secret.expose_secret())
        ),
        format!("GRANT {privileges} ON *.* TO {account}@localhost"),
    ];
    sql.extend(
        SYSTEM_SCHEMAS
            .map(|schema| format!("REVOKE {privileges} ON {schema}.* FROM {account}@localhost")),
    );
    sql
}

/// mysqldump takes a consistent snapshot (FLUSH TABLES) and reads tablespaces (PROCESS).
pub(super) fn mysql_dumps(account: &str, version: Version) -> [String; 2] {
    let more = if version >= FLUSH_TABLES_SINCE {
        "FLUSH_TABLES, SHOW_ROUTINE"
    } else {
        "RELOAD"
    };
    [
        format!("GRANT {more} ON *.* TO {account}@localhost"),
        format!("GRANT PROCESS ON *.* TO {account}@localhost"),
    ]
}

/// MySQL 8.0.23 has FLUSH_TABLES, without the rest of RELOAD.
const FLUSH_TABLES_SINCE: Version = Version {
    major: 8,
    minor: 0,
    patch: 23,
};

/// Written to the grant tables directly: their engine (Aria) flushes the disk for every statement
/// that changes something, so few of them make up most of a start's time. What is right already, as
/// in a volume forked from a template, costs nothing.
fn mariadb(secret: &InstanceSecret) -> Vec<String> {
    // mariadb.sys owns the view mysql.user and cannot log in.
    const INTERNAL: &str = "User = 'mariadb.sys' AND Host = 'localhost'";
    let ours = Role::ALL.map(|role| quote(role.account())).join(", ");
    let ours = format!("User IN ({ours}) AND Host = 'localhost'");
    let mut sql = vec![
        "SET SESSION sql_log_bin = 0".into(),
        format!(
            "UPDATE mysql.global_priv SET Priv = '{{\"access\":0,\"plugin\":\"mysql_native_password\",\"authentication_string\":\"\",\"account_locked\":true,\"password_last_changed\":0}}' WHERE {INTERNAL}"
        ),
        format!("DELETE FROM mysql.global_priv WHERE NOT ({INTERNAL}) AND NOT ({ours})"),
        format!(
            "DELETE FROM mysql.db WHERE NOT ({INTERNAL}) AND NOT ({ours} AND Db IN ('%', 'mysql', 'sys'))"
        ),
    ];
    for table in ["tables_priv", "columns_priv", "procs_priv"] {
        sql.push(format!("DELETE FROM mysql.{table} WHERE NOT ({INTERNAL})"));
    }
    for table in ["proxies_priv", "roles_mapping"] {
        // Without a condition the engine makes the table anew, and flushes that.
        sql.push(format!("DELETE FROM mysql.{table} WHERE Host >= ''"));
    }
    sql.push(mariadb_accounts(Role::ALL.map(Role::account), secret));
    sql.push(mariadb_grants(
        Role::ALL.map(|role| (role.account(), privileges(role))),
    ));
    sql.push("FLUSH PRIVILEGES".into());
    sql.push(format!(
        "GRANT ALL ON *.* TO {SYSTEM_ACCOUNT}@localhost IDENTIFIED VIA mysql_native_password USING PASSWORD({}) WITH GRANT OPTION",
        quote(secret.of_system().expose_secret())
    ));
    sql
}

/// Writes the rows of accounts that have nothing but what is granted on schemas.
pub(super) fn mariadb_accounts(
    accounts: impl IntoIterator<Item = &'static str>,
    secret: &InstanceSecret,
) -> String {
    let row = |account| {
        format!(
            "('localhost', {}, CONCAT('{{\"access\":0,\"plugin\":\"mysql_native_password\",\"authentication_string\":\"', PASSWORD({}), '\",\"password_last_changed\":', UNIX_TIMESTAMP(), '}}'))",
            quote(account),
            quote(secret.of_account(account).expose_secret())
        )
    };
    let rows: Vec<String> = accounts.into_iter().map(row).collect();
    format!(
        "REPLACE INTO mysql.global_priv (Host, User, Priv) VALUES {}",
        rows.join(", ")
    )
}

/// Writes what accounts may do in user schemas.
pub(super) fn mariadb_grants(
    accounts: impl IntoIterator<Item = (&'static str, &'static str)>,
) -> String {
    // The engine takes the most specific matching schema grant and no other: a harmless one on a
    // system schema shadows that on all schemas.
    let mut rows = Vec::new();
    for (account, privileges) in accounts {
        rows.push(schema_grant(account, "%", privileges));
        rows.extend(SYSTEM_SCHEMAS.map(|schema| schema_grant(account, schema, "SHOW VIEW")));
    }
    format!(
        "REPLACE INTO mysql.db (Host, Db, User, {}) VALUES {}",
        COLUMNS.map(|(_, column)| column).join(", "),
        rows.join(", ")
    )
}

/// Privileges and their columns in `mysql.db`: all that it has. `mysql.user` calls them the same.
pub(super) const COLUMNS: [(&str, &str); 20] = [
    ("SELECT", "Select_priv"),
    ("INSERT", "Insert_priv"),
    ("UPDATE", "Update_priv"),
    ("DELETE", "Delete_priv"),
    ("CREATE", "Create_priv"),
    ("DROP", "Drop_priv"),
    ("GRANT OPTION", "Grant_priv"),
    ("REFERENCES", "References_priv"),
    ("INDEX", "Index_priv"),
    ("ALTER", "Alter_priv"),
    ("CREATE TEMPORARY TABLES", "Create_tmp_table_priv"),
    ("LOCK TABLES", "Lock_tables_priv"),
    ("CREATE VIEW", "Create_view_priv"),
    ("SHOW VIEW", "Show_view_priv"),
    ("CREATE ROUTINE", "Create_routine_priv"),
    ("ALTER ROUTINE", "Alter_routine_priv"),
    ("EXECUTE", "Execute_priv"),
    ("EVENT", "Event_priv"),
    ("TRIGGER", "Trigger_priv"),
    ("DELETE HISTORY", "Delete_history_priv"),
];

fn schema_grant(account: &str, schema: &str, privileges: &str) -> String {
    let granted: Vec<&str> = privileges.split(',').map(str::trim).collect();
    let flags = COLUMNS.map(|(name, _)| match granted.contains(&name) {
        true => "'Y'",
        false => "'N'",
    });
    format!(
        "('localhost', {}, {}, {})",
        quote(schema),
        quote(account),
        flags.join(", ")
    )
}

/// Proves that exactly the accounts that should be there are, each with the grants of this version
/// of Offshoot. Returns what is wrong in words, `None` when all is right.
pub async fn verify(session: &mut Session, kind: EngineKind) -> Result<Option<String>, AdminError> {
    let (table, internal) = match kind {
        EngineKind::Mysql => (
            "mysql.user",
            "'mysql.sys', 'mysql.session', 'mysql.infoschema'",
        ),
        EngineKind::Mariadb => ("mysql.global_priv", "'mariadb.sys'"),
    };
    let rows = session
        .query(&format!(
            "SELECT CONCAT(User, '@', Host) FROM {table} \
             WHERE NOT (User IN ({internal}) AND Host = 'localhost') ORDER BY 1"
        ))
        .await?;
    let found: Vec<String> = rows.into_iter().filter_map(|mut row| row.take(0)).collect();
    let mut wanted: Vec<String> = Role::ALL
        .iter()
        .map(|r| r.account())
        .chain([SYSTEM_ACCOUNT])
        .map(|account| format!("{account}@localhost"))
        .collect();
    wanted.sort();
    if found != wanted {
        return Ok(Some(format!("accounts are {}", found.join(", "))));
    }
    // The last grant that the init-file makes, and one of the shadows.
    let probe = match kind {
        EngineKind::Mysql => {
            "SELECT COUNT(*) FROM mysql.user WHERE User LIKE 'offshoot\\_%' AND User <> 'offshoot_system' \
             AND JSON_LENGTH(User_attributes, '$.Restrictions') = 2 \
             AND File_priv = 'N' AND Super_priv = 'N' AND Create_user_priv = 'N' AND Grant_priv = 'N'"
        }
        EngineKind::Mariadb => {
            "SELECT COUNT(DISTINCT User) FROM mysql.db WHERE User LIKE 'offshoot\\_%' \
             AND Db IN ('mysql', 'sys') AND Select_priv = 'N' AND Insert_priv = 'N' AND Update_priv = 'N' \
             AND EXISTS (SELECT 1 FROM mysql.db d WHERE d.User = 'offshoot_readwriter' AND d.Db = 'sys') \
             AND EXISTS (SELECT 1 FROM mysql.db d WHERE d.User = 'offshoot_admin' AND d.Db = 'sys')"
        }
    };
    let rows = session.query(probe).await?;
    let restricted: u32 = rows
        .into_iter()
        .next()
        .and_then(|mut row| row.take(0))
        .unwrap_or(0);
    let complete = restricted == Role::ALL.len() as u32;
    Ok((!complete).then(|| "grants are incomplete".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_privilege_has_a_column() {
        for role in Role::ALL {
            let wanted = privileges(role).split(',').count();
            let row = schema_grant(role.account(), "%", privileges(role));
            assert_eq!(row.matches("'Y'").count(), wanted, "{role}");
        }
    }

    #[test]
    fn every_statement_is_one_line_and_ends_in_a_semicolon() {
        let secret = InstanceSecret::new([1; 32]);
        for engine in ["mysql-9.7.4", "mysql-8.0.11", "mariadb-10.11.19"] {
            let text = init_file(engine.parse().unwrap(), &secret);
            let text = text.expose_secret();
            assert!(text.ends_with(";\n"), "{engine}");
            assert!(text.lines().all(|l| l.ends_with(';')), "{engine}");
            for role in Role::ALL {
                assert!(text.contains(secret.of_role(role).expose_secret()));
            }
        }
    }
}
