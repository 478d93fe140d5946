//! Imports: a dump is read and cut on one thread, judged, and said to a branch on another.
//!
//! Reading and splitting ([`reader`]) fill a queue that is bounded in bytes; sessions ([`load`](mod@load))
//! empty it. What a dump consists of: [`source`]. Why it is done here and not in the server:
//! `docs/design/0007-import.md`.

mod directory;
mod load;
mod problem;
mod queue;
mod reader;
mod report;
mod session;
mod source;
mod target;

pub(crate) use load::load;
pub(crate) use problem::Problem;
pub(crate) use report::{Report, Watch};
pub(crate) use source::Dump;
pub(crate) use target::{Ending, OnFailure, fill, into_branch};

/// How a dump is to be loaded.
#[derive(Clone, Debug)]
pub(crate) struct How {
    /// `mysql-9.7.4`, as the API names it.
    pub(crate) engine: String,
    /// The branch's own schema.
    pub(crate) schema: String,
    /// Schemas of the dump keep their names.
    pub(crate) keep_schemas: bool,
    /// Sessions at once, where a dump has several files of rows.
    pub(crate) sessions: usize,
}

impl How {
    pub(crate) fn new(flags: Flags, engine: String, schema: String) -> Self {
        Self {
            engine,
            schema,
            keep_schemas: flags.keep_schemas,
            sessions: flags.sessions.into(),
        }
    }
}

/// Flags of every command that imports.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Flags {
    /// Make the schemas of the dump under their own names instead of the database's
    #[arg(long)]
    pub(crate) keep_schemas: bool,
    /// Sessions that load the rows of a mydumper directory at once
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=16))]
    pub(crate) sessions: u8,
}
