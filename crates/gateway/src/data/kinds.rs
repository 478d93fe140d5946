//! Names and numbers that the clients know: types and flags of columns, codes of errors.
//!
//! They are Vitess's. What a column is follows from MySQL's field type and flags, as the golden
//! table of `@planetscale/database` has it.

use offshoot_wire::column::{Column, flag, kind};
use offshoot_wire::error;

/// A type: its number in protobuf and its name in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Type {
    pub(super) number: i32,
    pub(super) name: &'static str,
}

/// Part of the number of each type whose literals stand in quotes.
pub(super) const QUOTED: i32 = 2048;

pub(super) const NULL: Type = of(0, "NULL_TYPE");
pub(super) const TUPLE: i32 = 28;

/// Every type that a column can have.
const ALL: [Type; 33] = [
    NULL,
    of(257, "INT8"),
    of(770, "UINT8"),
    of(259, "INT16"),
    of(772, "UINT16"),
    of(261, "INT24"),
    of(774, "UINT24"),
    of(263, "INT32"),
    of(776, "UINT32"),
    of(265, "INT64"),
    of(778, "UINT64"),
    of(1035, "FLOAT32"),
    of(1036, "FLOAT64"),
    of(2061, "TIMESTAMP"),
    of(2062, "DATE"),
    of(2063, "TIME"),
    of(2064, "DATETIME"),
    of(785, "YEAR"),
    of(18, "DECIMAL"),
    of(6163, "TEXT"),
    of(10260, "BLOB"),
    of(6165, "VARCHAR"),
    of(10262, "VARBINARY"),
    of(6167, "CHAR"),
    of(10264, "BINARY"),
    of(2073, "BIT"),
    of(2074, "ENUM"),
    of(2075, "SET"),
    of(TUPLE, "TUPLE"),
    of(2077, "GEOMETRY"),
    of(2078, "JSON"),
    of(6175, "EXPRESSION"),
    of(2083, "VECTOR"),
];

const fn of(number: i32, name: &'static str) -> Type {
    Type { number, name }
}

/// The type with this number in protobuf, or this name in JSON.
pub(super) fn numbered(number: i32) -> Option<Type> {
    ALL.into_iter().find(|t| t.number == number)
}

pub(super) fn named(name: &str) -> Option<Type> {
    ALL.into_iter().find(|t| t.name == name)
}

pub(super) fn type_of(column: &Column) -> Type {
    let is = |bit: u16| column.flags & bit != 0;
    let sign = |signed, unsigned| if is(flag::UNSIGNED) { unsigned } else { signed };
    let bytes = |text, binary| if is(flag::BINARY) { binary } else { text };
    let name = match column.kind {
        kind::NULL => return NULL,
        kind::TINY => sign("INT8", "UINT8"),
        kind::SHORT => sign("INT16", "UINT16"),
        kind::INT24 => sign("INT24", "UINT24"),
        kind::LONG => sign("INT32", "UINT32"),
        kind::LONGLONG => sign("INT64", "UINT64"),
        kind::FLOAT => "FLOAT32",
        kind::DOUBLE => "FLOAT64",
        kind::DECIMAL | kind::NEWDECIMAL => "DECIMAL",
        kind::TIMESTAMP => "TIMESTAMP",
        kind::DATE | kind::NEWDATE => "DATE",
        kind::TIME => "TIME",
        kind::DATETIME => "DATETIME",
        kind::YEAR => "YEAR",
        kind::BIT => "BIT",
        kind::JSON => "JSON",
        kind::GEOMETRY => "GEOMETRY",
        kind::VECTOR => "VECTOR",
        kind::ENUM => "ENUM",
        kind::SET => "SET",
        _ if is(flag::ENUM) => "ENUM",
        _ if is(flag::SET) => "SET",
        kind::STRING => bytes("CHAR", "BINARY"),
        kind::VARCHAR | kind::VAR_STRING => bytes("VARCHAR", "VARBINARY"),
        _ => bytes("TEXT", "BLOB"),
    };
    named(name).unwrap_or(NULL)
}

/// The engine's flags, and the one that MySQL's own client adds to numbers.
pub(super) fn flags_of(column: &Column) -> u32 {
    const NUMBER: u16 = 1 << 15;
    let number = match column.kind {
        kind::TIMESTAMP => false,
        kind::YEAR | kind::NEWDECIMAL => true,
        other => other <= kind::INT24,
    };
    u32::from(column.flags | if number { NUMBER } else { 0 })
}

/// A code of an error: its number in protobuf, its name in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    Canceled = 1,
    Unknown = 2,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Aborted = 10,
    Unimplemented = 12,
    Unavailable = 14,
    Unauthenticated = 16,
}

impl Code {
    /// As an engine's errors are told.
    pub(super) fn name(self) -> &'static str {
        match self {
            Code::Canceled => "CANCELED",
            Code::Unknown => "UNKNOWN",
            Code::InvalidArgument => "INVALID_ARGUMENT",
            Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Code::NotFound => "NOT_FOUND",
            Code::AlreadyExists => "ALREADY_EXISTS",
            Code::PermissionDenied => "PERMISSION_DENIED",
            Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Code::FailedPrecondition => "FAILED_PRECONDITION",
            Code::Aborted => "ABORTED",
            Code::Unimplemented => "UNIMPLEMENTED",
            Code::Unavailable => "UNAVAILABLE",
            Code::Unauthenticated => "UNAUTHENTICATED",
        }
    }

    /// What sort of error an engine's number is.
    pub(super) fn of(number: u16) -> Self {
        match number {
            error::ACCESS_DENIED => Code::Unauthenticated,
            n if error::LACKS_PRIVILEGE.contains(&n) => Code::PermissionDenied,
            // Exists already: schema, table, column, key, row, routine.
            1007 | 1050 | 1060 | 1061 | 1062 | 1304 | 1586 => Code::AlreadyExists,
            // Unknown: schema, table, column, key, routine.
            error::UNKNOWN_SCHEMA | 1008 | 1051 | 1054 | 1091 | 1109 | 1146 | 1305 => {
                Code::NotFound
            }
            // Not understood, not as many values, no default, out of range, too long, wrong value.
            1064 | 1065 | 1093 | 1136 | 1193 | 1231 | 1232 | 1264 | 1292 | 1364 | 1366 | 1406
            | 3140 => Code::InvalidArgument,
            // NULL, foreign keys, checks, read-only.
            1048 | 1216 | 1217 | 1290 | 1451 | 1452 | 1792 | 3819 | 4025 => {
                Code::FailedPrecondition
            }
            // Waited too long for a lock, ran too long (MariaDB, MySQL).
            1205 | 1969 | 3024 => Code::DeadlineExceeded,
            1213 | error::CLIENT_INTERACTION_TIMEOUT => Code::Aborted,
            1021 | error::CON_COUNT | 1041 | 1114 | 1203 | 1226 => Code::ResourceExhausted,
            1235 => Code::Unimplemented,
            1317 => Code::Canceled,
            error::SERVER_SHUTDOWN => Code::Unavailable,
            _ => Code::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(kind: u8, flags: u16) -> Column {
        Column {
            kind,
            flags,
            ..Column::default()
        }
    }

    #[test]
    fn types_and_flags_are_those_of_the_golden_table() {
        // Field type, flags of the engine, name, flags for the client.
        for (kind, flags, name, seen) in [
            (kind::LONGLONG, 16_899, "INT64", 49_667),
            (kind::TINY, 0, "INT8", 32_768),
            (kind::INT24, 32, "UINT24", 32_800),
            (kind::NEWDECIMAL, 0, "DECIMAL", 32_768),
            (kind::BIT, 32, "BIT", 32),
            (kind::DATE, 128, "DATE", 128),
            (kind::TIMESTAMP, 128, "TIMESTAMP", 128),
            (kind::YEAR, 96, "YEAR", 32_864),
            (kind::STRING, 0, "CHAR", 0),
            (kind::STRING, 128, "BINARY", 128),
            (kind::STRING, 256, "ENUM", 256),
            (kind::STRING, 2048, "SET", 2048),
            (kind::VAR_STRING, 0, "VARCHAR", 0),
            (kind::VAR_STRING, 128, "VARBINARY", 128),
            (kind::BLOB, 144, "BLOB", 144),
            (kind::BLOB, 16, "TEXT", 16),
            (kind::JSON, 144, "JSON", 144),
            (kind::GEOMETRY, 144, "GEOMETRY", 144),
            (kind::NULL, 128, "NULL_TYPE", 32_896),
        ] {
            let column = column(kind, flags);
            assert_eq!(type_of(&column).name, name);
            assert_eq!(flags_of(&column), seen, "{name}");
        }
    }

    #[test]
    fn every_type_reads_back() {
        for known in ALL {
            assert_eq!(numbered(known.number), Some(known));
            assert_eq!(named(known.name), Some(known));
        }
    }
}
