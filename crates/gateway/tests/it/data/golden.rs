//! Types, lengths, character sets and flags of columns, as the clients' own table of them has it.

use super::{Conn, STANDARD, Value};
use crate::engine::shared;
use crate::world::{World, table};
use base64::Engine as _;
use offshoot_core::engine::EngineKind;

/// Definition of a column, the value that is put in; type, length, character set (where it is not
/// 63), decimals, flags, and the bytes that come out.
type Known = (
    &'static str,
    &'static str,
    &'static str,
    u64,
    u64,
    u64,
    u64,
    &'static str,
);

const TEXT: u64 = 255;
const BYTES: u64 = 63;
const LONG: u64 = u32::MAX as u64;

const COLUMNS: &[Known] = &[
    (
        "bigint PRIMARY KEY AUTO_INCREMENT",
        "1",
        "INT64",
        20,
        BYTES,
        0,
        49_667,
        "1",
    ),
    ("tinyint", "-1", "INT8", 4, BYTES, 0, 32_768, "-1"),
    ("tinyint(1)", "1", "INT8", 1, BYTES, 0, 32_768, "1"),
    ("smallint", "1", "INT16", 6, BYTES, 0, 32_768, "1"),
    ("mediumint", "1", "INT24", 9, BYTES, 0, 32_768, "1"),
    ("int", "1", "INT32", 11, BYTES, 0, 32_768, "1"),
    ("bigint", "1", "INT64", 20, BYTES, 0, 32_768, "1"),
    ("decimal(2,1)", "1.1", "DECIMAL", 4, BYTES, 1, 32_768, "1.1"),
    ("float", "1.5", "FLOAT32", 12, BYTES, 31, 32_768, "1.5"),
    ("double", "1.5", "FLOAT64", 22, BYTES, 31, 32_768, "1.5"),
    ("bit(3)", "b'101'", "BIT", 3, BYTES, 0, 32, "\x05"),
    (
        "date",
        "'2026-11-30'",
        "DATE",
        10,
        BYTES,
        0,
        128,
        "2026-11-30",
    ),
    (
        "datetime",
        "'2026-11-30 20:00:00'",
        "DATETIME",
        19,
        BYTES,
        0,
        128,
        "2026-11-30 20:00:00",
    ),
    (
        "timestamp NULL",
        "'2026-11-30 20:00:00'",
        "TIMESTAMP",
        19,
        BYTES,
        0,
        128,
        "2026-11-30 20:00:00",
    ),
    ("time", "'20:00:00'", "TIME", 10, BYTES, 0, 128, "20:00:00"),
    ("year", "2026", "YEAR", 4, BYTES, 0, 32_864, "2026"),
    ("char(4)", "'p'", "CHAR", 16, TEXT, 0, 0, "p"),
    ("varchar(4)", "'ü'", "VARCHAR", 16, TEXT, 0, 0, "ü"),
    ("binary(4)", "'r'", "BINARY", 4, BYTES, 0, 128, "r\0\0\0"),
    ("varbinary(4)", "'s'", "VARBINARY", 4, BYTES, 0, 128, "s"),
    ("tinyblob", "'t'", "BLOB", 255, BYTES, 0, 144, "t"),
    ("blob", "'u'", "BLOB", 65_535, BYTES, 0, 144, "u"),
    ("mediumblob", "'v'", "BLOB", 16_777_215, BYTES, 0, 144, "v"),
    ("longblob", "'w'", "BLOB", LONG, BYTES, 0, 144, "w"),
    ("tinytext", "'x'", "TEXT", 1020, TEXT, 0, 16, "x"),
    ("text", "'y'", "TEXT", 262_140, TEXT, 0, 16, "y"),
    ("mediumtext", "'z'", "TEXT", 67_108_860, TEXT, 0, 16, "z"),
    ("longtext", "'aa'", "TEXT", LONG, TEXT, 0, 16, "aa"),
    (
        "enum('foo','bar')",
        "'foo'",
        "ENUM",
        12,
        TEXT,
        0,
        256,
        "foo",
    ),
    (
        "set('foo','bar')",
        "'foo,bar'",
        "SET",
        28,
        TEXT,
        0,
        2048,
        "foo,bar",
    ),
    (
        "json",
        "'{\"a\": null}'",
        "JSON",
        LONG,
        BYTES,
        0,
        144,
        "{\"a\": null}",
    ),
    ("tinyint unsigned", "1", "UINT8", 3, BYTES, 0, 32_800, "1"),
    (
        "mediumint unsigned",
        "1",
        "UINT24",
        8,
        BYTES,
        0,
        32_800,
        "1",
    ),
    ("int unsigned", "1", "UINT32", 10, BYTES, 0, 32_800, "1"),
    (
        "bigint unsigned",
        "18446744073709551615",
        "UINT64",
        20,
        BYTES,
        0,
        32_800,
        "18446744073709551615",
    ),
    (
        "char(4) COLLATE utf8mb4_bin",
        "'xa'",
        "BINARY",
        16,
        TEXT,
        0,
        128,
        "xa",
    ),
    (
        "text COLLATE utf8mb4_bin",
        "'xd'",
        "BLOB",
        262_140,
        TEXT,
        0,
        144,
        "xd",
    ),
    (
        "point",
        "ST_GeomFromText('POINT(0 0)')",
        "GEOMETRY",
        LONG,
        BYTES,
        0,
        144,
        "",
    ),
];

/// MariaDB keeps JSON as text.
fn differs(kind: EngineKind, definition: &str) -> bool {
    kind == EngineKind::Mariadb && matches!(definition, "json")
}

async fn golden(kind: EngineKind) {
    let Some(engine) = shared(kind) else { return };
    let world = World::of(engine).await;
    let mut conn = Conn::new(&world, "admin");
    let table = table();
    let columns: Vec<String> = COLUMNS
        .iter()
        .enumerate()
        .map(|(n, known)| format!("c{n} {}", known.0))
        .collect();
    let values: Vec<&str> = COLUMNS.iter().map(|known| known.1).collect();
    let (columns, values) = (columns.join(", "), values.join(", "));
    conn.run(&format!(
        "CREATE TABLE {table} ({columns}) DEFAULT CHARSET utf8mb4"
    ))
    .await;
    conn.run(&format!("INSERT INTO {table} VALUES ({values})"))
        .await;
    let answer = conn.run(&format!("SELECT *, NULL FROM {table}")).await;
    let result = &answer["result"];
    let number = |field: &Value, name: &str| field.get(name).map_or(0, |v| v.as_u64().unwrap());
    let mut wrong = Vec::new();
    for (n, known) in COLUMNS.iter().enumerate() {
        let (definition, _, name, length, charset, decimals, flags, _) = *known;
        if differs(kind, definition) {
            continue;
        }
        let field = &result["fields"][n];
        let seen = (
            field["type"].as_str().unwrap(),
            number(field, "columnLength"),
            number(field, "charset"),
            number(field, "decimals"),
            number(field, "flags"),
        );
        let mariadb = kind == EngineKind::Mariadb;
        let charset = match charset {
            TEXT if mariadb => 45,
            charset => charset,
        };
        // A timestamp of MariaDB's is unsigned.
        let flags = match name {
            "TIMESTAMP" if mariadb => flags | 32,
            _ => flags,
        };
        if seen != (name, length, charset, decimals, flags) {
            wrong.push(format!("{definition}: {seen:?}"));
        }
        for (member, wanted) in [
            ("name", format!("c{n}")),
            ("orgName", format!("c{n}")),
            ("table", table.clone()),
            ("orgTable", table.clone()),
            ("database", "shop".to_owned()),
        ] {
            assert_eq!(field[member], wanted);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let null = &result["fields"][COLUMNS.len()];
    assert_eq!(
        (
            null.get("type"),
            number(null, "charset"),
            number(null, "flags")
        ),
        (None, 63, 32_896)
    );
    let row = &result["rows"][0];
    let lengths: Vec<i64> = row["lengths"]
        .as_array()
        .unwrap()
        .iter()
        .map(|l| l.as_str().unwrap().parse().unwrap())
        .collect();
    let values = STANDARD.decode(row["values"].as_str().unwrap()).unwrap();
    let mut at = 0;
    for (known, length) in COLUMNS.iter().zip(&lengths) {
        let end = at + usize::try_from(*length).unwrap();
        if !known.7.is_empty() {
            assert_eq!(values[at..end], *known.7.as_bytes(), "{}", known.0);
        }
        at = end;
    }
    assert_eq!((at, lengths.last()), (values.len(), Some(&-1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_of_mysql_are_those_of_the_golden_table() {
    golden(EngineKind::Mysql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_of_mariadb_are_so_too_but_for_json() {
    golden(EngineKind::Mariadb).await;
}
