//! A MySQL schema as data: its objects, how fresh a copy of it is, and what differs.
//!
//! The truth about a schema is a running engine ([`port::Schemas`]); nothing here parses SQL to
//! learn what a table looks like. No I/O.

pub mod ddl;
pub mod diff;
pub mod freshness;
pub mod lint;
pub mod object;
pub mod port;
pub mod seed;
pub mod sql;

pub use diff::{ObjectDiff, diff};
pub use freshness::{Changed, changed, delta};
pub use object::{ObjectKind, ObjectName, SchemaObject};
