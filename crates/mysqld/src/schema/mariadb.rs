//! Fingerprints of MariaDB, from its definition files and its tables of routines and events.
//!
//! 500 tables with 499 foreign keys, MariaDB 10.11, connection included: 3.8 ms (3.2 at best, 12 to
//! 32 the first time). Measured by `tests/it/schema_cost.rs`.
//!
//! The catalogue would open every table (416 ms for 500 tables at the first time); a stat of their
//! definition files takes a few. Every DDL replaces the `.frm` file of its table or view and the
//! `.TRG` file of a table's triggers by a new one. Stamps have nanoseconds, but the clock behind
//! them ticks every 4 ms: a stamp younger than [`TICK`] is not settled. Sequences keep their
//! settings in a row, which is read. Foreign keys lie in InnoDB alone (see `mysql` for what a
//! renamed parent does to a child).

use super::channel::{Channel, Row};
use super::files::{self, Found, Head, Heads};
use super::mysql::{short_digest, stamp, with_parents};
use super::{list, of_users, read};
use crate::admin::AdminError;
use crate::admin::session::identifier;
use offshoot_core::engine::EngineKind;
use offshoot_core::name::ENGINE_SCHEMAS;
use offshoot_core::port::{PortError, PortResult};
use offshoot_core::refusal::Refusal;
use offshoot_schema::object::{ObjectKind, ObjectName};
use offshoot_schema::port::{Fingerprint, Stamp};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// A file that was changed within this time (ns) before the read may change without showing.
const TICK: i64 = 20_000_000;
/// Names that are decoded by one statement.
const NAMES_AT_ONCE: usize = 500;

/// Asked before the files are looked at: a later change shows in both or is younger than `NOW()`.
const QUESTIONS: [&str; 5] = [
    "SELECT CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS UNSIGNED)",
    "SELECT SCHEMA_NAME, CONCAT_WS('|', DEFAULT_COLLATION_NAME, SCHEMA_COMMENT) FROM information_schema.SCHEMATA",
    "SELECT FOR_NAME, '', ID, REF_NAME, '', CONCAT(TYPE, '/', N_COLS) FROM information_schema.INNODB_SYS_FOREIGN ORDER BY ID",
    "SELECT db, name, type, SHA2(CONCAT_WS('\u{1f}', language, sql_data_access, is_deterministic, security_type, \
     param_list, returns, body, definer, sql_mode, comment, character_set_client, collation_connection, \
     db_collation, aggregate), 256) FROM mysql.proc",
    "SELECT db, name, SHA2(CONCAT_WS('\u{1f}', body, definer, IFNULL(execute_at, '-'), IFNULL(interval_value, '-'), \
     IFNULL(interval_field, '-'), IFNULL(starts, '-'), IFNULL(ends, '-'), status, on_completion, sql_mode, comment, \
     time_zone, character_set_client, collation_connection, db_collation), 256) FROM mysql.event",
];

pub(super) async fn fingerprint(
    channel: &mut Channel,
    data_dir: PathBuf,
    known: Arc<Mutex<Heads>>,
) -> PortResult<Fingerprint> {
    let mut answers = Vec::new();
    for answer in channel.all(QUESTIONS.map(str::to_owned).into()).await? {
        answers.push(answer?);
    }
    let [now, schemas, keys, routines, events] = answers.as_slice() else {
        unreachable!("one answer for each of five questions");
    };
    let now = first_number(now).saturating_mul(1000);
    let (found, triggers) =
        tokio::task::spawn_blocking(move || files::scan(&data_dir, &ENGINE_SCHEMAS, &known, now))
            .await
            .map_err(|error| PortError::retry(Refusal::internal(error)))?
            .map_err(unseen)?;
    let names = decoded(channel, &found).await?;
    let name_of = |encoded: &str| {
        names
            .get(encoded)
            .cloned()
            .unwrap_or_else(|| encoded.to_owned())
    };

    let mut print = Fingerprint::default();
    for row in schemas.iter().filter(|row| of_users(&row.text(0))) {
        stamp(
            &mut print,
            ObjectName::schema(row.text(0)),
            row.text(1),
            true,
        );
    }
    let mut own = BTreeMap::new();
    let mut sequences = Vec::new();
    for file in &found {
        let object = |kind| ObjectName::new(kind, name_of(&file.schema), name_of(&file.name));
        let settled = file.stamp.modified < now - TICK;
        match &file.head {
            Head::Table => {
                own.insert(object(ObjectKind::Table), (file.stamp.text(), settled));
            }
            Head::View => stamp(
                &mut print,
                object(ObjectKind::View),
                file.stamp.text(),
                settled,
            ),
            Head::Sequence => {
                sequences.push((object(ObjectKind::Sequence), file.stamp.text(), settled))
            }
            Head::Trigger(table) => {
                let Some(all) = triggers.get(&format!("{}/{table}", file.schema)) else {
                    continue;
                };
                let stamp = Stamp {
                    value: all.text(),
                    settled: all.modified < now - TICK,
                    table: Some(name_of(table)),
                };
                print.objects.insert(object(ObjectKind::Trigger), stamp);
            }
        }
    }
    let keys: Vec<Row> = keys.iter().map(|row| decoded_key(row, &name_of)).collect();
    print.objects.extend(with_parents(own, &keys));
    stamp_sequences(channel, &mut print, sequences).await?;
    for row in routines.iter().filter(|row| of_users(&row.text(0))) {
        if let Some(kind) = list::routine_kind(&row.text(2)) {
            let name = ObjectName::new(kind, row.text(0), row.text(1));
            stamp(&mut print, name, row.text(3), true);
        }
    }
    for row in events.iter().filter(|row| of_users(&row.text(0))) {
        let name = ObjectName::new(ObjectKind::Event, row.text(0), row.text(1));
        stamp(&mut print, name, row.text(2), true);
    }
    Ok(print)
}

/// Where the data directory cannot be seen: digests of all definitions.
pub(super) async fn fingerprint_by_definition(channel: &mut Channel) -> PortResult<Fingerprint> {
    let mut print = Fingerprint::default();
    for (at, object) in read::objects(channel, EngineKind::Mariadb, None)
        .await?
        .into_iter()
        .enumerate()
    {
        let context = &object.context;
        // The place among all triggers tells their order.
        let place = object
            .table
            .as_ref()
            .map(|_| at.to_string())
            .unwrap_or_default();
        let all = [
            &object.ddl,
            &context.sql_mode,
            &context.character_set_client,
            &context.collation_connection,
            &context.database_collation,
            &context.time_zone,
            &place,
        ];
        let all: Vec<&str> = all.into_iter().map(String::as_str).collect();
        let stamp = Stamp {
            value: short_digest(all.join("\u{1f}").as_bytes()),
            settled: true,
            table: object.table,
        };
        print.objects.insert(object.name, stamp);
    }
    Ok(print)
}

/// A sequence's settings are in its row; the values it gave out are not part of its definition.
async fn stamp_sequences(
    channel: &mut Channel,
    print: &mut Fingerprint,
    sequences: Vec<(ObjectName, String, bool)>,
) -> Result<(), AdminError> {
    let statements = sequences.iter().map(|(name, _, _)| {
        format!(
            "SELECT CONCAT_WS('/', start_value, minimum_value, maximum_value, increment, cache_size, cycle_option) FROM {}.{}",
            identifier(&name.schema),
            identifier(&name.name)
        )
    }).collect();
    let answers = channel.all(statements).await?;
    for ((name, file, settled), answer) in sequences.into_iter().zip(answers) {
        match answer {
            Ok(rows) => {
                let settings = rows.first().map(|row| row.text(0)).unwrap_or_default();
                stamp(print, name, format!("{file} {settings}"), settled);
            }
            Err(error) if error.code() == Some(1146) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Names behind the file names that hold encoded characters, as the engine decodes them.
async fn decoded(
    channel: &mut Channel,
    found: &[Found],
) -> Result<HashMap<String, String>, AdminError> {
    let mut encoded: BTreeSet<&str> = BTreeSet::new();
    for file in found {
        encoded.insert(&file.schema);
        encoded.insert(&file.name);
    }
    let encoded: Vec<&str> = encoded
        .into_iter()
        .filter(|name| name.contains('@'))
        .collect();
    let mut names = HashMap::with_capacity(encoded.len());
    for some in encoded.chunks(NAMES_AT_ONCE) {
        let values: Vec<String> = some
            .iter()
            .map(|name| {
                format!(
                    "CONVERT(_filename x'{}' USING utf8mb4)",
                    hex(name.as_bytes())
                )
            })
            .collect();
        let rows = channel
            .query(format!("SELECT {}", values.join(", ")))
            .await?;
        if let Some(row) = rows.first() {
            for (at, name) in some.iter().enumerate() {
                names.insert((*name).to_owned(), row.text(at));
            }
        }
    }
    Ok(names)
}

/// A key's child and parent as `schema/table` file names, made into the columns that
/// [`with_parents`] reads.
fn decoded_key(row: &Row, name_of: &impl Fn(&str) -> String) -> Row {
    let parts = |at: usize| {
        let text = row.text(at);
        let (schema, table) = text.split_once('/').unwrap_or((text.as_str(), ""));
        (name_of(schema), name_of(table))
    };
    let ((schema, table), (parent_schema, parent)) = (parts(0), parts(3));
    Row::of([
        schema,
        table,
        row.text(2),
        parent_schema,
        parent,
        row.text(5),
    ])
}

fn unseen(error: std::io::Error) -> PortError {
    PortError::retry(match error.kind() {
        std::io::ErrorKind::WouldBlock => {
            Refusal::unavailable("the branch's schema is changing all the time").cause(error)
        }
        _ => Refusal::internal(error),
    })
}

fn first_number(rows: &[Row]) -> i64 {
    rows.first()
        .and_then(|row| row.text(0).parse().ok())
        .unwrap_or(0)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
