//! Fingerprints of MySQL, from its data dictionary.
//!
//! A table's stamp is its creation time, which every DDL moves but only in whole seconds, and its
//! InnoDB id, which moves with its files: two tables of the same second that swapped their names
//! differ by it. A foreign key's text names its parent and the parent's columns, and follows when
//! those are renamed without the child's own stamp moving; so a child's stamp holds its parents'.
//! Views, and tables that InnoDB does not number, are stamped by their definitions, for nothing in
//! the catalogue moves when `ALTER ALGORITHM=… VIEW` does.

use super::channel::{Channel, Row};
use super::{read, users_only};
use crate::admin::AdminError;
use offshoot_core::engine::Version;
use offshoot_schema::ddl::without_auto_increment;
use offshoot_schema::object::{ObjectKind, ObjectName};
use offshoot_schema::port::{Fingerprint, Stamp};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

/// First version with `information_schema.SCHEMATA_EXTENSIONS` (READ ONLY schemas).
pub(super) const SCHEMA_OPTIONS: Version = Version {
    major: 8,
    minor: 0,
    patch: 22,
};

/// 500 tables with 499 foreign keys, MySQL 9.7, connection included: 7.5 ms at best on a machine
/// busy with other work (median 10 ms), 18 to 50 ms the first time after a start. Each view adds
/// about 0.1 ms. Measured by `tests/it/schema_cost.rs`.
pub(super) async fn fingerprint(
    channel: &mut Channel,
    version: Version,
) -> Result<Fingerprint, AdminError> {
    let mut answers = Vec::new();
    for answer in channel.all(questions(version).into()).await? {
        answers.push(answer?);
    }
    let [schemas, tables, ids, keys, triggers, routines, events] = answers.as_slice() else {
        unreachable!("one answer for each of seven questions");
    };
    let mut print = Fingerprint::default();
    for row in schemas {
        stamp(
            &mut print,
            ObjectName::schema(row.text(0)),
            row.text(1),
            true,
        );
    }
    let ids = table_ids(ids);
    let mut own = BTreeMap::new();
    let mut defined = Vec::new();
    for row in tables {
        let (schema, name) = (row.text(0), row.text(1));
        if row.bytes(2) == b"VIEW" {
            defined.push(ObjectName::new(ObjectKind::View, schema, name));
            continue;
        }
        let table = ObjectName::new(ObjectKind::Table, schema, name);
        match ids.get(&(table.schema.clone(), table.name.clone())) {
            Some(id) => {
                own.insert(table, (format!("{}/{id}", row.text(3)), !row.truth(4)));
            }
            None => defined.push(table),
        }
    }
    for (name, digest) in definitions(channel, defined).await? {
        match name.kind {
            ObjectKind::View => stamp(&mut print, name, digest, true),
            _ => {
                own.insert(name, (digest, true));
            }
        }
    }
    print.objects.extend(with_parents(own, keys));
    for row in triggers {
        let name = ObjectName::new(ObjectKind::Trigger, row.text(0), row.text(1));
        stamp(&mut print, name.clone(), row.text(3), true);
        if let Some(stamp) = print.objects.get_mut(&name) {
            stamp.table = Some(row.text(2));
        }
    }
    for row in routines {
        if let Some(kind) = super::list::routine_kind(&row.text(2)) {
            let name = ObjectName::new(kind, row.text(0), row.text(1));
            stamp(&mut print, name, row.text(3), !row.truth(4));
        }
    }
    for row in events {
        let name = ObjectName::new(ObjectKind::Event, row.text(0), row.text(1));
        stamp(&mut print, name, row.text(2), true);
    }
    Ok(print)
}

/// Digests of definitions with their contexts; objects that are gone are left out.
async fn definitions(
    channel: &mut Channel,
    names: Vec<ObjectName>,
) -> Result<Vec<(ObjectName, String)>, AdminError> {
    let answers = read::shown(channel, &names.iter().collect::<Vec<_>>()).await?;
    let mut found = Vec::with_capacity(names.len());
    for (name, answer) in names.into_iter().zip(answers) {
        if let Some(row) = answer? {
            found.push((name, digest(&row)));
        }
    }
    Ok(found)
}

/// Own stamps (value, settled) of tables, made into stamps that hold those of the tables which
/// their foreign keys name. `keys`: schema, table, key, parent's schema, parent's table, rules.
pub(super) fn with_parents(
    own: BTreeMap<ObjectName, (String, bool)>,
    keys: &[Row],
) -> BTreeMap<ObjectName, Stamp> {
    let mut stamps: BTreeMap<ObjectName, Stamp> = own
        .iter()
        .map(|(name, (value, settled))| {
            let stamp = Stamp {
                value: value.clone(),
                settled: *settled,
                table: None,
            };
            (name.clone(), stamp)
        })
        .collect();
    for row in keys {
        let child = ObjectName::new(ObjectKind::Table, row.text(0), row.text(1));
        let parent = ObjectName::new(ObjectKind::Table, row.text(3), row.text(4));
        let (value, settled) = own
            .get(&parent)
            .map_or(("", true), |(value, settled)| (value, *settled));
        if let Some(stamp) = stamps.get_mut(&child) {
            let rest = [row.text(2), row.text(5), parent.schema, parent.name].join("\u{1f}");
            let _ = write!(stamp.value, " {} {value}", short_digest(rest.as_bytes()));
            stamp.settled &= settled;
        }
    }
    stamps
}

pub(super) fn stamp(print: &mut Fingerprint, name: ObjectName, value: String, settled: bool) {
    let stamp = Stamp {
        value,
        settled,
        table: None,
    };
    print.objects.insert(name, stamp);
}

fn digest(row: &Row) -> String {
    let mut all = Vec::new();
    for at in 0..row.width() {
        // The counter of a table that InnoDB does not number moves with its rows.
        all.extend(without_auto_increment(&row.text(at)).as_bytes());
        all.push(0);
    }
    short_digest(&all)
}

/// 128 bits in hexadecimal: a stamp needs no more.
pub(super) fn short_digest(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(32);
    for byte in Sha256::digest(bytes).iter().take(16) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Ids by schema and table, the highest of a table's partitions.
fn table_ids(rows: &[Row]) -> HashMap<(String, String), u64> {
    let mut ids = HashMap::with_capacity(rows.len());
    for row in rows {
        let id = row.text(1).parse().unwrap_or(0);
        if let Some(name) = decode(&row.text(0)) {
            let known = ids.entry(name).or_insert(id);
            *known = id.max(*known);
        }
    }
    ids
}

/// Schema and table of a name in InnoDB: `schema/table#p#partition`, with characters other than
/// letters, digits and `_` as `@` and four hexadecimal digits. Some letters have shorter codes of
/// the engine's own, which are not known here: `None`, and the table is stamped by its definition.
fn decode(name: &str) -> Option<(String, String)> {
    let (schema, table) = name.split_once('/')?;
    let table = table.split('#').next()?;
    Some((decode_part(schema)?, decode_part(table)?))
}

fn decode_part(part: &str) -> Option<String> {
    let mut pieces = part.split('@');
    let mut out = pieces.next()?.to_owned();
    for piece in pieces {
        let code = piece.get(..4)?;
        let known = code
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        out.push(char::from_u32(
            u32::from_str_radix(code, 16).ok().filter(|_| known)?,
        )?);
        out.push_str(&piece[4..]);
    }
    Some(out)
}

fn questions(version: Version) -> [String; 7] {
    let options = if version >= SCHEMA_OPTIONS {
        (
            "x.OPTIONS",
            "LEFT JOIN information_schema.SCHEMATA_EXTENSIONS x USING (SCHEMA_NAME)",
        )
    } else {
        ("''", "")
    };
    [
        format!(
            "SELECT s.SCHEMA_NAME, CONCAT_WS('|', s.DEFAULT_COLLATION_NAME, s.DEFAULT_ENCRYPTION, {}) \
             FROM information_schema.SCHEMATA s {} WHERE {}",
            options.0,
            options.1,
            users_only("s.SCHEMA_NAME")
        ),
        format!(
            "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, UNIX_TIMESTAMP(CREATE_TIME), \
             CREATE_TIME >= NOW() - INTERVAL 1 SECOND FROM information_schema.TABLES WHERE {}",
            users_only("TABLE_SCHEMA")
        ),
        "SELECT NAME, TABLE_ID FROM information_schema.INNODB_TABLES".to_owned(),
        format!(
            "SELECT CONSTRAINT_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, UNIQUE_CONSTRAINT_SCHEMA, \
             REFERENCED_TABLE_NAME, CONCAT(UPDATE_RULE, DELETE_RULE) \
             FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE {} ORDER BY 1, 2, 3",
            users_only("CONSTRAINT_SCHEMA")
        ),
        format!(
            "SELECT TRIGGER_SCHEMA, TRIGGER_NAME, EVENT_OBJECT_TABLE, SHA2(CONCAT_WS('\u{1f}', \
             ACTION_ORDER, EVENT_MANIPULATION, ACTION_TIMING, ACTION_STATEMENT, SQL_MODE, DEFINER, \
             CHARACTER_SET_CLIENT, COLLATION_CONNECTION, DATABASE_COLLATION), 256) \
             FROM information_schema.TRIGGERS WHERE {}",
            users_only("TRIGGER_SCHEMA")
        ),
        // Parameters are not in here: a change of theirs moves LAST_ALTERED.
        format!(
            "SELECT ROUTINE_SCHEMA, ROUTINE_NAME, ROUTINE_TYPE, CONCAT(UNIX_TIMESTAMP(LAST_ALTERED), '/', \
             SHA2(CONCAT_WS('\u{1f}', ROUTINE_DEFINITION, DTD_IDENTIFIER, IS_DETERMINISTIC, SQL_DATA_ACCESS, \
             SECURITY_TYPE, SQL_MODE, ROUTINE_COMMENT, DEFINER, CHARACTER_SET_CLIENT, \
             COLLATION_CONNECTION, DATABASE_COLLATION), 256)), LAST_ALTERED >= NOW() - INTERVAL 1 SECOND \
             FROM information_schema.ROUTINES WHERE {}",
            users_only("ROUTINE_SCHEMA")
        ),
        format!(
            "SELECT EVENT_SCHEMA, EVENT_NAME, SHA2(CONCAT_WS('\u{1f}', EVENT_DEFINITION, DEFINER, TIME_ZONE, \
             EVENT_TYPE, IFNULL(EXECUTE_AT, '-'), IFNULL(INTERVAL_VALUE, '-'), IFNULL(INTERVAL_FIELD, '-'), \
             SQL_MODE, IFNULL(STARTS, '-'), IFNULL(ENDS, '-'), STATUS, ON_COMPLETION, EVENT_COMMENT, \
             CHARACTER_SET_CLIENT, COLLATION_CONNECTION, DATABASE_COLLATION), 256) \
             FROM information_schema.EVENTS WHERE {}",
            users_only("EVENT_SCHEMA")
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_innodb_are_decoded_or_left_alone() {
        let some = |schema: &str, table: &str| Some((schema.to_owned(), table.to_owned()));
        assert_eq!(decode("shop/orders"), some("shop", "orders"));
        assert_eq!(decode("x/a@0020b@002e#p#p0"), some("x", "a b."));
        assert_eq!(decode("x/p@002d@0p@0023#p#p1"), None);
        assert_eq!(decode("innodb_system"), None);
        assert_eq!(decode("x/@00"), None);
    }
}
