//! Values of a result, as text that loses nothing.

use mysql_async::consts::{ColumnFlags, ColumnType};
use mysql_async::{Column, Value};
use std::fmt::Write;

/// Collation id of `binary`.
const BINARY: u16 = 63;

/// How a column's bytes are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Integers and floats.
    Number,
    Text,
    Json,
    /// Written as `0x…`.
    Bytes,
    Bits,
}

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Null,
    Number(String),
    Text(String),
    Json(String),
}

impl Shape {
    pub(crate) fn of(column: &Column) -> Self {
        use ColumnType::*;
        match column.column_type() {
            MYSQL_TYPE_TINY | MYSQL_TYPE_SHORT | MYSQL_TYPE_INT24 | MYSQL_TYPE_LONG
            | MYSQL_TYPE_LONGLONG | MYSQL_TYPE_FLOAT | MYSQL_TYPE_DOUBLE | MYSQL_TYPE_YEAR => {
                Shape::Number
            }
            MYSQL_TYPE_JSON => Shape::Json,
            MYSQL_TYPE_BIT => Shape::Bits,
            MYSQL_TYPE_GEOMETRY => Shape::Bytes,
            MYSQL_TYPE_VARCHAR
            | MYSQL_TYPE_VAR_STRING
            | MYSQL_TYPE_STRING
            | MYSQL_TYPE_BLOB
            | MYSQL_TYPE_TINY_BLOB
            | MYSQL_TYPE_MEDIUM_BLOB
            | MYSQL_TYPE_LONG_BLOB
            | MYSQL_TYPE_VECTOR
                if column.character_set() == BINARY
                    && column.flags().contains(ColumnFlags::BINARY_FLAG) =>
            {
                Shape::Bytes
            }
            _ => Shape::Text,
        }
    }

    pub(crate) fn read(self, value: Value) -> Cell {
        let Value::Bytes(bytes) = value else {
            // The text protocol has nothing else but NULL.
            return Cell::Null;
        };
        match self {
            Shape::Bytes => Cell::Text(hex(&bytes)),
            Shape::Bits => Cell::Number(bits(&bytes)),
            // What is no UTF-8 all the same is shown as bytes rather than bent.
            _ => match String::from_utf8(bytes) {
                Err(error) => Cell::Text(hex(error.as_bytes())),
                Ok(text) => match self {
                    Shape::Number => Cell::Number(text),
                    Shape::Json => Cell::Json(text),
                    _ => Cell::Text(text),
                },
            },
        }
    }
}

impl Cell {
    /// `None` for NULL.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Cell::Null => None,
            Cell::Number(text) | Cell::Text(text) | Cell::Json(text) => Some(text),
        }
    }

    pub(crate) fn json(self) -> serde_json::Value {
        match self {
            Cell::Null => serde_json::Value::Null,
            Cell::Text(text) => text.into(),
            // Numbers that JSON cannot hold stay text.
            Cell::Number(text) | Cell::Json(text) => {
                serde_json::from_str(&text).unwrap_or_else(|_| text.into())
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 + 2 * bytes.len());
    text.push_str("0x");
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02X}");
    }
    text
}

/// Eight bytes at most, the first the highest.
fn bits(bytes: &[u8]) -> String {
    let number = bytes.iter().fold(0u64, |n, b| n << 8 | u64::from(*b));
    number.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_lose_nothing() {
        let read = |shape: Shape, bytes: &[u8]| shape.read(Value::Bytes(bytes.to_vec()));
        let biggest = read(Shape::Number, b"18446744073709551615");
        assert_eq!(biggest.json(), json!(18_446_744_073_709_551_615_u64));
        assert_eq!(read(Shape::Number, b"1.5").json(), json!(1.5));
        assert_eq!(read(Shape::Number, b"0000").json(), json!("0000"));
        assert_eq!(read(Shape::Json, b"{\"a\": [1]}").json(), json!({"a": [1]}));
        assert_eq!(read(Shape::Text, b"a").json(), json!("a"));
        assert_eq!(read(Shape::Text, b"\xff\x00").text(), Some("0xFF00"));
        assert_eq!(read(Shape::Bytes, b"ab").text(), Some("0x6162"));
        assert_eq!(read(Shape::Bits, &[1, 0]).text(), Some("256"));
        assert_eq!(Shape::Text.read(Value::NULL).json(), json!(null));
    }
}
