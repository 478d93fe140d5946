//! From columns to values.

use crate::error::{StoreError, StoreResult};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use std::fmt::Write;
use std::str::FromStr;
use std::time::Duration;

pub(crate) fn corrupt(column: &str) -> StoreError {
    StoreError::Corrupt {
        column: column.to_owned(),
    }
}

pub(crate) fn text(row: &SqliteRow, column: &str) -> StoreResult<String> {
    Ok(row.try_get(column)?)
}

pub(crate) fn opt_text(row: &SqliteRow, column: &str) -> StoreResult<Option<String>> {
    Ok(row.try_get(column)?)
}

pub(crate) fn flag(row: &SqliteRow, column: &str) -> StoreResult<bool> {
    Ok(row.try_get(column)?)
}

pub(crate) fn count(row: &SqliteRow, column: &str) -> StoreResult<u64> {
    u64::try_from(row.try_get::<i64, _>(column)?).map_err(|_| corrupt(column))
}

pub(crate) fn opt_count(row: &SqliteRow, column: &str) -> StoreResult<Option<u64>> {
    row.try_get::<Option<i64>, _>(column)?
        .map(|n| u64::try_from(n).map_err(|_| corrupt(column)))
        .transpose()
}

pub(crate) fn parsed<T: FromStr>(row: &SqliteRow, column: &str) -> StoreResult<T> {
    row.try_get::<&str, _>(column)?
        .parse()
        .map_err(|_| corrupt(column))
}

pub(crate) fn opt_parsed<T: FromStr>(row: &SqliteRow, column: &str) -> StoreResult<Option<T>> {
    row.try_get::<Option<&str>, _>(column)?
        .map(|t| t.parse().map_err(|_| corrupt(column)))
        .transpose()
}

pub(crate) fn time(row: &SqliteRow, column: &str) -> StoreResult<Timestamp> {
    Timestamp::from_microsecond(row.try_get(column)?).map_err(|_| corrupt(column))
}

pub(crate) fn opt_time(row: &SqliteRow, column: &str) -> StoreResult<Option<Timestamp>> {
    row.try_get::<Option<i64>, _>(column)?
        .map(|t| Timestamp::from_microsecond(t).map_err(|_| corrupt(column)))
        .transpose()
}

pub(crate) fn opt_duration(row: &SqliteRow, column: &str) -> StoreResult<Option<Duration>> {
    row.try_get::<Option<i64>, _>(column)?
        .map(|t| {
            u64::try_from(t)
                .map(Duration::from_micros)
                .map_err(|_| corrupt(column))
        })
        .transpose()
}

/// A value that is kept as JSON.
pub(crate) fn opt_json<T: DeserializeOwned>(
    row: &SqliteRow,
    column: &str,
) -> StoreResult<Option<T>> {
    row.try_get::<Option<&str>, _>(column)?
        .map(|t| serde_json::from_str(t).map_err(|_| corrupt(column)))
        .transpose()
}

pub(crate) fn json<T: Serialize>(value: Option<&T>) -> StoreResult<Option<String>> {
    value
        .map(|v| serde_json::to_string(v).map_err(|_| corrupt("JSON")))
        .transpose()
}

pub(crate) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

pub(crate) fn opt_micros(at: Option<Timestamp>) -> Option<i64> {
    at.map(micros)
}

/// Durations beyond the range of the column are cut to its end (292,000 years).
pub(crate) fn duration(d: Option<Duration>) -> Option<i64> {
    d.map(|d| i64::try_from(d.as_micros()).unwrap_or(i64::MAX))
}

pub(crate) fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write!(out, "{byte:02x}").expect("writing to a string");
    }
    out
}

pub(crate) fn unhex<const N: usize>(row: &SqliteRow, column: &str) -> StoreResult<[u8; N]> {
    let text: &str = row.try_get(column)?;
    let mut out = [0; N];
    if text.len() != N * 2 || !text.is_ascii() {
        return Err(corrupt(column));
    }
    for (i, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).map_err(|_| corrupt(column))?;
    }
    Ok(out)
}

/// Pattern for `LIKE … ESCAPE '!'` that finds `part` anywhere.
pub(crate) fn containing(part: &str) -> String {
    let escaped = part
        .replace('!', "!!")
        .replace('%', "!%")
        .replace('_', "!_");
    format!("%{escaped}%")
}
