//! Dumps: scripts of SQL statements, as `mysqldump`, `mariadb-dump` and `mydumper` write them.
//!
//! [`Splitter`] cuts a stream of bytes into statements the way the command-line clients do;
//! [`Rewriter`] says of each whether it may run in a branch, and with which changes. Both look at
//! tokens only, never at what a table is, and do no I/O.

mod lex;
mod names;
mod rewrite;
mod split;
mod syntax;

pub use offshoot_core::engine::EngineKind;
pub use rewrite::{Change, Rewriter, Schemas, Target, Verdict, describe, table_of};
pub use split::{SplitError, Splitter, Statement};
pub use syntax::Syntax;
