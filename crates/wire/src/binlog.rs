//! Binlog files as values: which transactions are in one, by what names, when they were committed,
//! and at which bytes they begin and end.
//!
//! Rows are not decoded. Files of MySQL 8.0 and MariaDB 10.11 onwards; source: MySQL's "Binary Log"
//! document and MariaDB's "Replication Protocol" documents. A [`Scanner`] takes a file in pieces of
//! any size and holds no more of it than one statement.

mod event;
mod query;
mod scan;

pub use event::{Begin, Event, Format, Header};
pub use query::{Context, Query};
pub use scan::{Part, Scanner, Transaction};

/// What every binlog file begins with; the first event stands behind it.
pub const MAGIC: [u8; 4] = *b"\xfebin";
