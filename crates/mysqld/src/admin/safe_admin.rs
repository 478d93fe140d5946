//! The account that clients of role `admin` have on a branch with safe migrations: rows, routines, and
//! what a dump needs, nothing of the schema. And what could change the schema all the same.
//!
//! `offshoot_admin` is the definer of triggers and events, which stop without his privileges TRIGGER and EVENT. So he
//! keeps them, and nobody logs in as him. The account is made when a branch gets safe migrations and stays then, for
//! nobody while they are off; a copy of the volume loses it with all other accounts.

use super::accounts::{self, SYSTEM_SCHEMAS};
use super::session::{AdminError, Session, quote};
use offshoot_core::engine::{EngineKind, Version};
use offshoot_core::instance::InstanceSecret;
use offshoot_core::password::{Role, SAFE_ADMIN};

/// What belongs to it in every user schema.
pub(super) const PRIVILEGES: &str = accounts::READWRITER;

/// Whether the account is there, whole.
pub async fn there(session: &mut Session, kind: EngineKind) -> Result<bool, AdminError> {
    // What is made last.
    let sql = match kind {
        EngineKind::Mysql => {
            format!("SELECT 1 FROM mysql.user WHERE User = '{SAFE_ADMIN}' AND Process_priv = 'Y'")
        }
        EngineKind::Mariadb => {
            format!("SELECT 1 FROM mysql.global_priv WHERE User = '{SAFE_ADMIN}'")
        }
    };
    Ok(!session.query(&sql).await?.is_empty())
}

/// Makes it. On MariaDB the table of accounts has to be writable.
pub async fn make(
    session: &mut Session,
    kind: EngineKind,
    version: Version,
    secret: &InstanceSecret,
) -> Result<(), AdminError> {
    let statements = match kind {
        EngineKind::Mysql => mysql(version, secret),
        EngineKind::Mariadb => mariadb(secret),
    };
    for sql in statements {
        session.execute(&sql).await?;
    }
    Ok(())
}

fn mysql(version: Version, secret: &InstanceSecret) -> Vec<String> {
    let mut sql = vec![
        "SET SESSION sql_log_bin = 0".to_owned(),
        format!("DROP USER IF EXISTS {SAFE_ADMIN}@localhost"),
    ];
    sql.extend(accounts::mysql_account(
        SAFE_ADMIN,
        PRIVILEGES,
        &secret.of_account(SAFE_ADMIN),
    ));
    sql.extend(accounts::mysql_dumps(SAFE_ADMIN, version));
    sql
}

/// The rows of the other accounts are written again with it: whoever changed his password in the moment in which the
/// table was writable has the one that the gateway knows.
fn mariadb(secret: &InstanceSecret) -> Vec<String> {
    let mut names = Role::ALL.map(Role::account).to_vec();
    names.push(SAFE_ADMIN);
    vec![
        "SET SESSION sql_log_bin = 0".to_owned(),
        accounts::mariadb_grants([(SAFE_ADMIN, PRIVILEGES)]),
        accounts::mariadb_accounts(names, secret),
    ]
}

/// What a client of an admin could have left for the day on which he may not change the schema. Functions cannot, nor
/// can triggers: DDL ends transactions, which is refused in them. Other schema changes need privileges that the definer
/// has lost. Words are looked for, not statements, since comments may stand anywhere between two words.
pub async fn evasions(session: &mut Session, kind: EngineKind) -> Result<Vec<String>, AdminError> {
    let changes = |column: &str| {
        let mut sql = format!(
            "({column} REGEXP '(?i)\\\\b(create|alter|drop)\\\\b' AND {column} REGEXP '(?i)\\\\b(trigger|event)\\\\b')"
        );
        // There any statement can be made of a text. MySQL prepares none that has to do with triggers or events.
        if kind == EngineKind::Mariadb {
            sql.push_str(&format!(
                " OR {column} REGEXP '(?i)\\\\b(immediate|prepare)\\\\b'"
            ));
        }
        sql
    };
    let system = SYSTEM_SCHEMAS.map(quote).join(", ");
    let rows = session
        .query(&format!(
            "SELECT CONCAT(LOWER(routine_type), ' ', routine_schema, '.', routine_name) AS what \
             FROM information_schema.routines WHERE routine_type <> 'FUNCTION' AND security_type = 'DEFINER' \
             AND routine_schema NOT IN ({system}) AND ({}) \
             UNION ALL SELECT CONCAT('event ', event_schema, '.', event_name) \
             FROM information_schema.events WHERE {} ORDER BY what",
            changes("routine_definition"),
            changes("event_definition"),
        ))
        .await?;
    Ok(rows.into_iter().filter_map(|mut row| row.take(0)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_may_change_rows_and_nothing_of_the_schema() {
        for word in [
            "CREATE,",
            "DROP",
            "ALTER",
            "INDEX",
            "REFERENCES",
            "VIEW,",
            "ROUTINE",
            "TRIGGER",
            "EVENT",
            "GRANT",
        ] {
            assert!(!PRIVILEGES.contains(word), "{word}");
        }
        for engine in [
            mysql("9.7.4".parse().unwrap(), &secret()),
            mariadb(&secret()),
        ] {
            let text = engine.join(";");
            assert!(text.contains(&*quote(SAFE_ADMIN)) || text.contains(SAFE_ADMIN));
            for schema in SYSTEM_SCHEMAS {
                assert!(text.contains(schema), "{text}");
            }
        }
    }

    fn secret() -> InstanceSecret {
        InstanceSecret::new([1; 32])
    }
}
