//! Names of all user objects, in the order in which they are read.

use super::channel::{Channel, Row};
use super::{of_users, users_only};
use crate::admin::AdminError;
use crate::admin::session::{identifier, quote};
use offshoot_core::engine::EngineKind;
use offshoot_schema::object::{ObjectKind, ObjectName};
use std::collections::{BTreeMap, BTreeSet};

/// Every user object of the engine, triggers left out: they are found by schema ([`triggers`]).
pub(super) async fn all(
    channel: &mut Channel,
    kind: EngineKind,
) -> Result<Vec<ObjectName>, AdminError> {
    let schemas = schemas(channel).await?;
    let mut names: Vec<ObjectName> = schemas.iter().map(ObjectName::schema).collect();
    match kind {
        EngineKind::Mysql => tables_of_mysql(channel, &mut names).await?,
        EngineKind::Mariadb => tables_of_mariadb(channel, &schemas, &mut names).await?,
    }
    let (routines, events) = match kind {
        EngineKind::Mysql => (
            "SELECT ROUTINE_SCHEMA, ROUTINE_NAME, ROUTINE_TYPE FROM information_schema.ROUTINES",
            "SELECT EVENT_SCHEMA, EVENT_NAME FROM information_schema.EVENTS",
        ),
        EngineKind::Mariadb => (
            "SELECT db, name, type FROM mysql.proc",
            "SELECT db, name FROM mysql.event",
        ),
    };
    for row in channel.query(routines).await? {
        if let Some(kind) = routine_kind(&row.text(2)) {
            names.push(ObjectName::new(kind, row.text(0), row.text(1)));
        }
    }
    for row in channel.query(events).await? {
        names.push(ObjectName::new(ObjectKind::Event, row.text(0), row.text(1)));
    }
    names.retain(|name| of_users(&name.schema));
    Ok(names)
}

/// User schemas, by name.
pub(super) async fn schemas(channel: &mut Channel) -> Result<Vec<String>, AdminError> {
    let rows = channel
        .query("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA ORDER BY 1")
        .await?;
    let names = rows.iter().map(|row| row.text(0));
    Ok(names.filter(|name| of_users(name)).collect())
}

/// Triggers of a schema with their tables, those of one table, event and time in firing order.
pub(super) async fn triggers(
    channel: &mut Channel,
    schemas: &BTreeSet<&str>,
) -> Result<BTreeMap<String, Vec<(ObjectName, String)>>, AdminError> {
    let of_schema = |schema: &&str| {
        format!(
            "SELECT TRIGGER_NAME, EVENT_OBJECT_TABLE FROM information_schema.TRIGGERS \
             WHERE TRIGGER_SCHEMA = {} ORDER BY EVENT_OBJECT_TABLE, EVENT_MANIPULATION, ACTION_TIMING, ACTION_ORDER",
            quote(schema)
        )
    };
    let statements = schemas.iter().map(of_schema).collect();
    let answers = channel.all(statements).await?;
    let mut found = BTreeMap::new();
    for (schema, answer) in schemas.iter().zip(answers) {
        let triggers = answer?
            .iter()
            .map(|row| {
                let name = ObjectName::new(ObjectKind::Trigger, *schema, row.text(0));
                (name, row.text(1))
            })
            .collect();
        found.insert((*schema).to_owned(), triggers);
    }
    Ok(found)
}

pub(super) fn routine_kind(text: &str) -> Option<ObjectKind> {
    Some(match text {
        "FUNCTION" => ObjectKind::Function,
        "PROCEDURE" => ObjectKind::Procedure,
        "PACKAGE" => ObjectKind::Package,
        "PACKAGE BODY" => ObjectKind::PackageBody,
        _ => return None,
    })
}

async fn tables_of_mysql(
    channel: &mut Channel,
    names: &mut Vec<ObjectName>,
) -> Result<(), AdminError> {
    let sql = format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE {} ORDER BY 1, 2",
        users_only("TABLE_SCHEMA")
    );
    for row in channel.query(sql).await? {
        push_table(names, &row.text(0), &row, 1);
    }
    Ok(())
}

/// MariaDB's catalogue opens every table; `SHOW FULL TABLES` reads their headers only.
async fn tables_of_mariadb(
    channel: &mut Channel,
    schemas: &[String],
    names: &mut Vec<ObjectName>,
) -> Result<(), AdminError> {
    let statements = schemas
        .iter()
        .map(|schema| format!("SHOW FULL TABLES FROM {}", identifier(schema)))
        .collect();
    let answers = channel.all(statements).await?;
    for (schema, answer) in schemas.iter().zip(answers) {
        match answer {
            Ok(rows) => rows
                .iter()
                .for_each(|row| push_table(names, schema, row, 0)),
            // Dropped meanwhile.
            Err(error) if error.code() == Some(1049) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Name in column `at`, type behind it.
fn push_table(names: &mut Vec<ObjectName>, schema: &str, row: &Row, at: usize) {
    let kind = match row.bytes(at + 1) {
        b"BASE TABLE" | b"SYSTEM VERSIONED" => ObjectKind::Table,
        b"VIEW" => ObjectKind::View,
        b"SEQUENCE" => ObjectKind::Sequence,
        // Temporary tables and the engine's own views.
        _ => return,
    };
    let name = row.text(at);
    if !name.starts_with("#mysql50#") {
        names.push(ObjectName::new(kind, schema, name));
    }
}
