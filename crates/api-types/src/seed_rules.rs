//! Seed rules: which rows branches with data start with, and how they are masked.

use crate::actor::Actor;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A document of rules, as `docs/guide/masking.md` describes it. What can be wrong in it without
/// knowing the tables is refused while it is read.
pub use offshoot_core::seed_rules::Rules as SeedRulesDocument;

/// What holds for a database's branches with data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SeedRules {
    /// Number of the version, from 1; `null` before the first.
    pub version: Option<i64>,
    /// `null`: branches start with what their parent has.
    #[schema(value_type = Option<Object>)]
    pub rules: Option<SeedRulesDocument>,
    pub actor: Option<Actor>,
    pub created_at: Option<Timestamp>,
    /// No branch with data is made without rules.
    pub required: bool,
}

/// What makes a new version of a database's rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UpdateSeedRules {
    #[schema(value_type = Object)]
    pub rules: SeedRulesDocument,
}

/// A version of a database's rules, without the document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SeedRulesVersion {
    pub version: i64,
    /// From this version on there are no rules.
    pub removed: bool,
    /// Names and patterns of tables in the document.
    pub tables: i64,
    pub actor: Option<Actor>,
    pub created_at: Timestamp,
}

/// What begins a test of rules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreateSeedRulesTest {
    /// Test these instead of those that are set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub rules: Option<SeedRulesDocument>,
}

/// How far a test is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SeedRulesTestState {
    Running,
    Passed,
    Failed,
}

impl From<offshoot_core::seed_rules::TestState> for SeedRulesTestState {
    fn from(state: offshoot_core::seed_rules::TestState) -> Self {
        use offshoot_core::seed_rules::TestState as Core;
        match state {
            Core::Running => Self::Running,
            Core::Passed => Self::Passed,
            Core::Failed => Self::Failed,
        }
    }
}

/// A test of rules: they are carried out on a copy of a branch that nobody reaches, which is thrown
/// away afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SeedRulesTest {
    pub id: String,
    /// Name of the branch when the test was begun.
    pub branch: String,
    /// `null`: the rules came with the test.
    pub version: Option<i64>,
    pub state: SeedRulesTestState,
    /// Tables that the rules say something of, or that lost rows by them; empty until it has passed.
    pub tables: Vec<SeededTable>,
    /// What does not fit; empty unless that is why it failed.
    pub problems: Vec<SeedRulesProblem>,
    /// Why it failed.
    pub failure: Option<String>,
    pub actor: Option<Actor>,
    pub created_at: Timestamp,
    pub completed_at: Option<Timestamp>,
}

/// What rules did to one table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SeededTable {
    /// `schema.table`.
    pub table: String,
    /// Rows before; `null` for a table of which the rules say nothing, and whose rows followed others
    /// by a foreign key.
    pub rows: Option<i64>,
    /// Rows that are left.
    pub kept: Option<i64>,
    pub removed: i64,
    /// Rows in which a value was changed.
    pub masked: i64,
    pub columns: Vec<MaskedColumn>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MaskedColumn {
    pub name: String,
    /// `null`, `constant`, `hash`, `fake_name`, `fake_email` or `fake_phone`.
    pub mask: String,
}

/// Something in a document that does not fit the tables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SeedRulesProblem {
    /// Where it stands: `tables.users.columns.email`; empty where the engine found it.
    pub at: String,
    /// Names table and column.
    pub message: String,
}

/// What rules did to a branch's data when it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Seeded {
    /// Rows that were taken out, those of emptied tables not counted.
    pub rows_removed: i64,
    /// Rows that were changed.
    pub rows_masked: i64,
}

impl From<offshoot_core::seed_rules::Seeded> for Seeded {
    fn from(seeded: offshoot_core::seed_rules::Seeded) -> Self {
        let signed = |n| i64::try_from(n).unwrap_or(i64::MAX);
        Self {
            rows_removed: signed(seeded.removed),
            rows_masked: signed(seeded.masked),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_goes_over_the_line_as_it_is_written() {
        let text =
            r#"{"rules":{"tables":{"logs":"empty","users":{"columns":{"email":"fake_email"}}}}}"#;
        let body: UpdateSeedRules = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&body).unwrap(), text);
        assert!(serde_json::from_str::<UpdateSeedRules>("{}").is_err());
        let none: CreateSeedRulesTest = serde_json::from_str("{}").unwrap();
        assert_eq!(none.rules, None);
    }
}
