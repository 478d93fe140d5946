//! Seed rules on the tables of an engine: what is known of them, what the rules come to, and the port
//! that carries it out.

mod check;
mod mask;
mod plan;
mod steps;
#[cfg(test)]
mod tests;

pub use mask::{key_variables, result_width};
pub use plan::{PlannedRows, Problem, SeedPlan, TablePlan, plan};
pub use steps::{Check, Step};

use crate::object::ObjectName;
use crate::sql::identifier;
use async_trait::async_trait;
use offshoot_core::engine::EngineKind;
use offshoot_core::instance::Endpoint;
use offshoot_core::port::PortResult;
use offshoot_core::seed_rules::MaskSecret;
use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableName {
    pub schema: String,
    pub name: String,
}

impl TableName {
    pub fn new(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            schema: schema.into(),
            name: name.into(),
        }
    }

    /// As statements name it.
    pub fn quoted(&self) -> String {
        format!("{}.{}", identifier(&self.schema), identifier(&self.name))
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

/// What rules can be about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedFacts {
    pub engine: EngineKind,
    /// By name.
    pub tables: Vec<TableFacts>,
    pub foreign_keys: Vec<ForeignKey>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableKind {
    Base,
    /// MariaDB keeps what its rows were before.
    Versioned,
    View,
    Sequence,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableFacts {
    pub table: TableName,
    pub kind: TableKind,
    /// Storage engine.
    pub engine: String,
    pub columns: Vec<Column>,
    pub unique: Vec<UniqueKey>,
    /// What the next row would get, where the table counts.
    pub counter: Option<u64>,
    /// Columns of which the engine keeps some values as statistics.
    pub sampled: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    /// Without length and attributes, in lower case: `varchar`.
    pub data_type: String,
    /// Characters, or bytes of a binary type.
    pub length: Option<u64>,
    pub unsigned: bool,
    pub nullable: bool,
    pub generated: bool,
    pub auto_increment: bool,
    /// The engine sets it to the time of every change.
    pub on_update: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UniqueKey {
    /// `PRIMARY` for the primary key.
    pub name: String,
    pub parts: Vec<KeyPart>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPart {
    /// `None`: an expression.
    pub column: Option<String>,
    /// Only so many characters count.
    pub prefix: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKey {
    pub name: String,
    pub child: TableName,
    pub columns: Vec<String>,
    pub parent: TableName,
    pub parent_columns: Vec<String>,
    pub on_delete: OnDelete,
}

/// What becomes of rows whose parent goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDelete {
    Cascade,
    SetNull,
    Refuse,
}

/// What a plan would do to a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    pub rows: u64,
    /// Those that the table's own rule keeps; rows that follow foreign keys are among them.
    pub stay: u64,
    /// Why the engine does not take the rule's condition.
    pub refused: Option<String>,
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    pub tables: Vec<AppliedTable>,
    /// Triggers that are broken and could not be made again.
    pub left_out: Vec<ObjectName>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppliedTable {
    pub table: TableName,
    /// `None`: all, uncounted.
    pub removed: Option<u64>,
    /// Rows in which a value changed.
    pub masked: u64,
}

#[async_trait]
pub trait Seeds: Send + Sync {
    async fn facts(&self, endpoint: &Endpoint) -> PortResult<SeedFacts>;

    /// Rows of each table of the plan, in its order. Changes nothing.
    async fn count(&self, endpoint: &Endpoint, plan: &SeedPlan) -> PortResult<Vec<Counted>>;

    /// Carries a plan out, in an engine that nobody else reaches. No triggers fire, no binlog entries.
    /// It is not to be repeated: a volume on which it was begun is to be thrown away unless it succeeded.
    async fn apply(
        &self,
        endpoint: &Endpoint,
        plan: &SeedPlan,
        secret: &MaskSecret,
    ) -> PortResult<Applied>;
}
