//! Columns and rows of a result in the text protocol. Source: MySQL's `ColumnDefinition41` and
//! `ResultsetRow`.

use crate::cursor::{Cursor, Malformed};

/// In place of a length in a row: the value is NULL.
const NULL: u8 = 0xfb;

/// Field types of the protocol (`MYSQL_TYPE_*`), as far as somebody asks for them.
pub mod kind {
    pub const DECIMAL: u8 = 0;
    pub const TINY: u8 = 1;
    pub const SHORT: u8 = 2;
    pub const LONG: u8 = 3;
    pub const FLOAT: u8 = 4;
    pub const DOUBLE: u8 = 5;
    pub const NULL: u8 = 6;
    pub const TIMESTAMP: u8 = 7;
    pub const LONGLONG: u8 = 8;
    pub const INT24: u8 = 9;
    pub const DATE: u8 = 10;
    pub const TIME: u8 = 11;
    pub const DATETIME: u8 = 12;
    pub const YEAR: u8 = 13;
    pub const NEWDATE: u8 = 14;
    pub const VARCHAR: u8 = 15;
    pub const BIT: u8 = 16;
    pub const VECTOR: u8 = 242;
    pub const JSON: u8 = 245;
    pub const NEWDECIMAL: u8 = 246;
    pub const ENUM: u8 = 247;
    pub const SET: u8 = 248;
    pub const TINY_BLOB: u8 = 249;
    pub const MEDIUM_BLOB: u8 = 250;
    pub const LONG_BLOB: u8 = 251;
    pub const BLOB: u8 = 252;
    pub const VAR_STRING: u8 = 253;
    pub const STRING: u8 = 254;
    pub const GEOMETRY: u8 = 255;
}

/// Flags of a column.
pub mod flag {
    pub const UNSIGNED: u16 = 32;
    pub const BINARY: u16 = 128;
    pub const ENUM: u16 = 256;
    pub const SET: u16 = 2048;
}

/// A column of a result. Names are in the session's character set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Column {
    pub schema: Vec<u8>,
    pub table: Vec<u8>,
    pub org_table: Vec<u8>,
    pub name: Vec<u8>,
    pub org_name: Vec<u8>,
    /// Number of a collation.
    pub charset: u16,
    /// Longest value in bytes.
    pub length: u32,
    /// See [`kind`].
    pub kind: u8,
    /// See [`flag`].
    pub flags: u16,
    /// Digits behind the point; 31 = as many as it takes.
    pub decimals: u8,
}

impl Column {
    /// Reads the payload of a column definition.
    pub fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        const WHAT: &str = "column definition";
        let mut c = Cursor::new(payload);
        c.lenenc_bytes(WHAT)?;
        let mut text = || c.lenenc_bytes(WHAT).map(<[u8]>::to_vec);
        let (schema, table, org_table) = (text()?, text()?, text()?);
        let (name, org_name) = (text()?, text()?);
        let mut c = Cursor::new(c.lenenc_bytes(WHAT)?);
        Ok(Self {
            schema,
            table,
            org_table,
            name,
            org_name,
            charset: c.u16(WHAT)?,
            length: c.u32(WHAT)?,
            kind: c.u8(WHAT)?,
            flags: c.u16(WHAT)?,
            decimals: c.u8(WHAT)?,
        })
    }
}

/// The next value of a row; `None` = NULL.
pub fn value<'a>(row: &mut Cursor<'a>) -> Result<Option<&'a [u8]>, Malformed> {
    if row.rest().first() == Some(&NULL) {
        row.take(1, "row")?;
        return Ok(None);
    }
    row.lenenc_bytes("row").map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_definition_is_read() {
        let payload = b"\x03def\x04shop\x01o\x06orders\x02no\x02id\x0c\x3f\x00\x14\x00\x00\x00\x08\x03\xc2\x00\x00\x00";
        let column = Column::parse(payload).unwrap();
        assert_eq!(column.schema, b"shop");
        assert_eq!(
            (&column.table[..], &column.org_table[..]),
            (&b"o"[..], &b"orders"[..])
        );
        assert_eq!(
            (&column.name[..], &column.org_name[..]),
            (&b"no"[..], &b"id"[..])
        );
        assert_eq!(
            (column.charset, column.length, column.decimals),
            (63, 20, 0)
        );
        assert_eq!((column.kind, column.flags), (kind::LONGLONG, 0xc203));
        for end in 0..payload.len() - 2 {
            assert!(Column::parse(&payload[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn values_are_read_to_the_end_of_a_row() {
        let mut row = Cursor::new(b"\x01a\xfb\x00");
        assert_eq!(value(&mut row), Ok(Some(&b"a"[..])));
        assert_eq!(value(&mut row), Ok(None));
        assert_eq!(value(&mut row), Ok(Some(&b""[..])));
        assert!(row.is_empty() && value(&mut row).is_err());
        assert!(value(&mut Cursor::new(b"\x05ab")).is_err());
    }
}
