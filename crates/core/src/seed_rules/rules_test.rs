//! Tests of rules: a run on a copy of a branch that nobody reaches, and what became of it.

use super::Rules;
use crate::id::{BranchId, DatabaseId, RulesTestId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A test of rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesTest {
    pub id: RulesTestId,
    pub database_id: DatabaseId,
    /// The branch that is copied; it may be gone.
    pub branch_id: BranchId,
    /// Its name when the test was begun.
    pub branch_name: String,
    /// `None`: the rules are a draft that came with the test.
    pub version: Option<u32>,
    pub rules: Rules,
    pub state: TestState,
    /// Every table that the rules say something of, or that lost rows by them, by name; empty until
    /// it has passed.
    pub tables: Vec<SeededTable>,
    /// What does not fit; empty unless that is why it failed.
    pub unfit: Vec<Unfit>,
    /// Why it failed, in one sentence.
    pub failure: Option<String>,
    /// Display name of who asked for it.
    pub actor: String,
    pub created_at: Timestamp,
    pub completed_at: Option<Timestamp>,
}

/// How far a test is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestState {
    Running,
    /// A branch could be made with these rules of what the branch held then.
    Passed,
    Failed,
}

impl TestState {
    pub fn as_str(self) -> &'static str {
        match self {
            TestState::Running => "running",
            TestState::Passed => "passed",
            TestState::Failed => "failed",
        }
    }
}

/// What rules did to one table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeededTable {
    /// `schema.table`.
    pub table: String,
    /// Rows before; `None` for a table of which the rules say nothing, and whose rows follow others.
    pub rows: Option<u64>,
    /// Rows that were taken out.
    pub removed: u64,
    /// Rows in which a value was changed.
    pub masked: u64,
    /// Masked columns with their masks, by name; also those that follow a foreign key.
    pub columns: Vec<(String, String)>,
}

/// Something in a document of rules that does not fit the tables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfit {
    /// Keys from the document's root on: `tables`, `users`, `columns`, `email`.
    pub at: Vec<String>,
    /// Names table and column.
    pub why: String,
}

impl Unfit {
    /// Where it stands in the document, with points between the keys; keys that are no plain names
    /// are in quotes: `tables."shop.users".columns.email`.
    pub fn place(&self) -> String {
        let plain = |key: &str| {
            !key.is_empty()
                && key
                    .chars()
                    .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '*' | '$'))
        };
        let keys: Vec<String> = self
            .at
            .iter()
            .map(|key| match plain(key) {
                true => key.clone(),
                false => format!("{key:?}"),
            })
            .collect();
        keys.join(".")
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at.is_empty() {
            true => f.write_str(&self.why),
            false => write!(f, "{}: {}", self.place(), self.why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_a_document_is_told_by_its_keys() {
        let unfit = |at: &[&str]| Unfit {
            at: at.iter().map(|&key| key.to_owned()).collect(),
            why: "it is not there".to_owned(),
        };
        assert_eq!(
            unfit(&["tables", "log_*", "columns", "größe"]).to_string(),
            "tables.log_*.columns.größe: it is not there"
        );
        assert_eq!(
            unfit(&["tables", "shop.users", "where"]).place(),
            "tables.\"shop.users\".where"
        );
        assert_eq!(unfit(&[]).to_string(), "it is not there");
    }
}
