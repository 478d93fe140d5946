//! What seed rules can be about, from the catalogue.

use super::super::channel::{Channel, Row};
use super::super::users_only;
use crate::admin::AdminError;
use offshoot_core::engine::EngineKind;
use offshoot_schema::seed::{
    Column, ForeignKey, KeyPart, OnDelete, SeedFacts, TableFacts, TableKind, TableName, UniqueKey,
};
use std::collections::BTreeMap;

/// Counters as they are, not as they were a day ago. MySQL only.
const FRESH: &str = "SET information_schema_stats_expiry = 0";

pub(super) async fn facts(
    channel: &mut Channel,
    engine: EngineKind,
) -> Result<SeedFacts, AdminError> {
    if engine == EngineKind::Mysql {
        channel.query(FRESH).await?;
    }
    let mut answers = Vec::new();
    for answer in channel.all(questions(engine).into()).await? {
        answers.push(answer?);
    }
    let [tables, columns, keys, rules, references, sampled] = answers.as_slice() else {
        unreachable!("one answer for each of six questions");
    };
    let mut found: BTreeMap<TableName, TableFacts> = BTreeMap::new();
    for row in tables {
        let kind = match row.bytes(2) {
            b"BASE TABLE" => TableKind::Base,
            b"SYSTEM VERSIONED" => TableKind::Versioned,
            b"VIEW" => TableKind::View,
            b"SEQUENCE" => TableKind::Sequence,
            _ => continue,
        };
        let table = name(row, 0);
        let facts = TableFacts {
            table: table.clone(),
            kind,
            engine: row.text(3),
            columns: Vec::new(),
            unique: Vec::new(),
            counter: row.text(4).parse().ok(),
            sampled: Vec::new(),
        };
        found.insert(table, facts);
    }
    for row in columns {
        if let Some(table) = found.get_mut(&name(row, 0)) {
            table.columns.push(column(row));
        }
    }
    for row in keys {
        if let Some(table) = found.get_mut(&name(row, 0)) {
            add_part(&mut table.unique, row);
        }
    }
    for row in sampled {
        if let Some(table) = found.get_mut(&name(row, 0)) {
            table.sampled.push(row.text(2));
        }
    }
    Ok(SeedFacts {
        engine,
        tables: found.into_values().collect(),
        foreign_keys: foreign_keys(rules, references),
    })
}

/// Schema and name in column `at` and behind.
fn name(row: &Row, at: usize) -> TableName {
    TableName::new(row.text(at), row.text(at + 1))
}

fn column(row: &Row) -> Column {
    Column {
        name: row.text(2),
        data_type: row.text(3).to_lowercase(),
        length: row.text(4).parse().ok(),
        unsigned: row.truth(5),
        nullable: row.truth(6),
        generated: row.truth(7),
        auto_increment: row.truth(8),
        on_update: row.truth(9),
    }
}

/// Parts of one key come one after the other.
fn add_part(keys: &mut Vec<UniqueKey>, row: &Row) {
    let name = row.text(2);
    let part = KeyPart {
        column: Some(row.text(3)).filter(|c| !c.is_empty()),
        prefix: row.text(4).parse().ok(),
    };
    match keys.last_mut().filter(|key| key.name == name) {
        Some(key) => key.parts.push(part),
        None => keys.push(UniqueKey {
            name,
            parts: vec![part],
        }),
    }
}

fn foreign_keys(rules: &[Row], references: &[Row]) -> Vec<ForeignKey> {
    let mut keys: BTreeMap<(TableName, String), ForeignKey> = BTreeMap::new();
    for row in rules {
        let (child, own) = (name(row, 0), row.text(2));
        let key = ForeignKey {
            name: own.clone(),
            child: child.clone(),
            columns: Vec::new(),
            parent: name(row, 4),
            parent_columns: Vec::new(),
            on_delete: match row.bytes(3) {
                b"CASCADE" => OnDelete::Cascade,
                b"SET NULL" => OnDelete::SetNull,
                _ => OnDelete::Refuse,
            },
        };
        keys.insert((child, own), key);
    }
    for row in references {
        if let Some(key) = keys.get_mut(&(name(row, 0), row.text(2))) {
            key.columns.push(row.text(3));
            key.parent_columns.push(row.text(4));
        }
    }
    keys.into_values()
        .filter(|k| !k.columns.is_empty())
        .collect()
}

fn questions(engine: EngineKind) -> [String; 6] {
    let users = users_only("TABLE_SCHEMA");
    let sampled = match engine {
        EngineKind::Mysql => {
            "SELECT SCHEMA_NAME, TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMN_STATISTICS ORDER BY 1, 2, 3"
        }
        EngineKind::Mariadb => {
            "SELECT db_name, table_name, column_name FROM mysql.column_stats ORDER BY 1, 2, 3"
        }
    };
    [
        format!(
            "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, ENGINE, AUTO_INCREMENT \
             FROM information_schema.TABLES WHERE {users} ORDER BY 1, 2"
        ),
        format!(
            "SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, DATA_TYPE, CHARACTER_MAXIMUM_LENGTH, \
             COLUMN_TYPE LIKE '%unsigned%', IS_NULLABLE = 'YES', IFNULL(GENERATION_EXPRESSION, '') <> '', \
             EXTRA LIKE '%auto_increment%', EXTRA LIKE '%on update%' \
             FROM information_schema.COLUMNS WHERE {users} ORDER BY 1, 2, ORDINAL_POSITION"
        ),
        format!(
            "SELECT TABLE_SCHEMA, TABLE_NAME, INDEX_NAME, COLUMN_NAME, SUB_PART \
             FROM information_schema.STATISTICS WHERE NON_UNIQUE = 0 AND {users} \
             ORDER BY 1, 2, 3, SEQ_IN_INDEX"
        ),
        format!(
            "SELECT CONSTRAINT_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, DELETE_RULE, \
             UNIQUE_CONSTRAINT_SCHEMA, REFERENCED_TABLE_NAME \
             FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE {} ORDER BY 1, 2, 3",
            users_only("CONSTRAINT_SCHEMA")
        ),
        format!(
            "SELECT TABLE_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, COLUMN_NAME, REFERENCED_COLUMN_NAME \
             FROM information_schema.KEY_COLUMN_USAGE WHERE REFERENCED_TABLE_NAME IS NOT NULL AND {users} \
             ORDER BY 1, 2, 3, ORDINAL_POSITION"
        ),
        sampled.to_owned(),
    ]
}
