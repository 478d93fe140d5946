//! Seed rules: which of its parent's rows a data branch starts with, and how they are masked.
//!
//! A document as people write it, read in one go: whatever can be wrong in it without knowing the
//! tables is refused while it is read, so that the reader of YAML or JSON says where it stands.
//! `docs/guide/masking.md` describes it.

mod condition;
mod document;
mod pattern;
mod rules_test;

pub use condition::Condition;
pub use pattern::TablePattern;
pub use rules_test::{RulesTest, SeededTable, TestState, Unfit};

use crate::id::DatabaseId;
use crate::refusal::{Refusal, code};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::collections::BTreeMap;
use std::fmt;

/// A document of seed rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    pub tables: BTreeMap<TablePattern, TableRule>,
}

/// What one pattern says of the tables that it names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableRule {
    /// `None` = nothing: a wider pattern's word holds, or they are kept.
    pub rows: Option<Rows>,
    /// By name as written.
    pub columns: BTreeMap<String, Mask>,
}

/// Which rows of a table a branch starts with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rows {
    Keep,
    Empty,
    /// Those for which the condition is true.
    Where(Condition),
}

/// What becomes of a column's values. NULL stays NULL, and the empty text empty, but for a constant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mask {
    /// They stay, whatever a wider pattern says.
    Keep,
    Null,
    Constant(Constant),
    Hash,
    FakeName,
    FakeEmail,
    FakePhone,
}

impl Mask {
    /// Masks that are written as one word.
    pub const WORDS: [Mask; 6] = [
        Mask::Null,
        Mask::Hash,
        Mask::FakeName,
        Mask::FakeEmail,
        Mask::FakePhone,
        Mask::Keep,
    ];

    pub fn as_str(&self) -> &'static str {
        match self {
            Mask::Keep => "keep",
            Mask::Null => "null",
            Mask::Constant(_) => "constant",
            Mask::Hash => "hash",
            Mask::FakeName => "fake_name",
            Mask::FakeEmail => "fake_email",
            Mask::FakePhone => "fake_phone",
        }
    }

    /// Its results follow from the values: equal ones stay equal, different ones different.
    pub fn keyed(&self) -> bool {
        matches!(
            self,
            Mask::Hash | Mask::FakeName | Mask::FakeEmail | Mask::FakePhone
        )
    }
}

impl fmt::Display for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Constant {
    Text(String),
    Integer(i64),
}

/// What all patterns together say of one table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effective<'a> {
    pub rows: Option<Said<'a, &'a Rows>>,
    /// By column name in lower case: names of columns know no case.
    pub columns: BTreeMap<String, Said<'a, &'a Mask>>,
}

/// Something that a pattern says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said<'a, T> {
    pub what: T,
    pub pattern: &'a TablePattern,
    /// The column as it is written there.
    pub column: &'a str,
}

/// Two patterns, neither narrower than the other, say different things of the same table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ambiguous<'a> {
    pub one: &'a TablePattern,
    pub other: &'a TablePattern,
    /// Of this column; `None` = of the rows.
    pub column: Option<&'a str>,
}

impl Rules {
    /// What holds for a table: all patterns that name it, each setting from the narrowest one that
    /// makes it. `own` is the schema of patterns that name none.
    pub fn of_table(
        &self,
        own: &str,
        schema: &str,
        table: &str,
    ) -> Result<Effective<'_>, Ambiguous<'_>> {
        let mut said: Vec<(usize, &TablePattern, &TableRule)> = self
            .tables
            .iter()
            .filter_map(|(pattern, rule)| {
                let rank = pattern.rank(own, schema, table)?;
                Some((rank, pattern, rule))
            })
            .collect();
        said.sort_by_key(|(rank, ..)| *rank);
        let mut all = Effective::default();
        let mut ranks: BTreeMap<Option<String>, usize> = BTreeMap::new();
        for (rank, pattern, rule) in said {
            if let Some(rows) = &rule.rows {
                let same = ranks.insert(None, rank) == Some(rank);
                match all.rows {
                    Some(before) if same && before.what != rows => {
                        return Err(Ambiguous {
                            one: before.pattern,
                            other: pattern,
                            column: None,
                        });
                    }
                    _ => all.rows = Some(said_of(pattern, "", rows)),
                }
            }
            for (column, mask) in &rule.columns {
                let key = column.to_lowercase();
                let same = ranks.insert(Some(key.clone()), rank) == Some(rank);
                match all.columns.insert(key, said_of(pattern, column, mask)) {
                    Some(before) if same && before.what != mask => {
                        return Err(Ambiguous {
                            one: before.pattern,
                            other: pattern,
                            column: Some(column),
                        });
                    }
                    _ => {}
                }
            }
        }
        Ok(all)
    }
}

fn said_of<'a, T>(pattern: &'a TablePattern, column: &'a str, what: T) -> Said<'a, T> {
    Said {
        what,
        pattern,
        column,
    }
}

/// A version of a database's seed rules. Every change makes a new one; old ones stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesVersion {
    pub database_id: DatabaseId,
    /// From 1.
    pub version: u32,
    /// `None`: from this version on there are none.
    pub rules: Option<Rules>,
    /// Display name of who made it.
    pub actor: String,
    pub created_at: Timestamp,
}

/// What a data branch made with rules knows of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seeded {
    pub version: u32,
    /// Rows that were taken out, those of emptied tables not counted.
    pub removed: u64,
    /// Rows that were changed.
    pub masked: u64,
}

/// The secret that a database's masks are keyed with: drawn with its first rules, the same for all
/// its branches, known to nobody outside. Without it nobody can try values until one fits.
#[derive(Clone, PartialEq, Eq)]
pub struct MaskSecret([u8; 32]);

impl MaskSecret {
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key of one kind of mask: results of two kinds have nothing in common.
    pub fn of_mask(&self, mask: &Mask) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("any key length fits HMAC");
        mac.update(mask.as_str().as_bytes());
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for MaskSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MaskSecret(…)")
    }
}

/// What is known when a branch with data is to be made.
#[derive(Clone, Copy, Debug)]
pub struct SeedRulesFacts<'a> {
    pub database: &'a str,
    /// The database makes no data branch without rules.
    pub required: bool,
    /// Newest version, also one without rules.
    pub newest: Option<&'a RulesVersion>,
}

/// The version that a branch with data has to pass; `None` = none.
pub fn plan_seed_rules(facts: SeedRulesFacts<'_>) -> Result<Option<u32>, Refusal> {
    let version = facts.newest.filter(|v| v.rules.is_some());
    match version {
        Some(version) => Ok(Some(version.version)),
        None if !facts.required => Ok(None),
        None => Err(Refusal::unprocessable(format!(
            "database \"{}\" makes no branch with data without seed rules, and has none",
            facts.database
        ))
        .code(code::SEED_RULES_REQUIRED)
        .hint(format!(
            "write rules and set them: offshoot branch seed-rules set {} --file FILE; or make the branch without data",
            facts.database
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(json: &str) -> Rules {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn the_narrowest_pattern_that_speaks_is_heard() {
        let rules = rules(
            r#"{"tables": {
                "*": {"columns": {"email": "fake_email", "note": "null"}},
                "log_*": "empty",
                "shop.log_kept": {"rows": "keep", "columns": {"EMAIL": "keep"}},
                "users": {"where": "id < 10", "columns": {"email": "hash"}}
            }}"#,
        );
        let of = |schema: &str, table: &str| {
            let all = rules.of_table("shop", schema, table).unwrap();
            let columns: Vec<String> = all
                .columns
                .iter()
                .map(|(name, said)| format!("{name}={}", said.what))
                .collect();
            (all.rows.map(|r| r.what.clone()), columns.join(" "))
        };
        assert_eq!(of("shop", "x"), (None, "email=fake_email note=null".into()));
        assert_eq!(of("shop", "log_x").0, Some(Rows::Empty));
        assert_eq!(of("other", "log_x").0, None);
        assert_eq!(
            of("shop", "log_kept"),
            (Some(Rows::Keep), "email=keep note=null".into())
        );
        assert_eq!(of("shop", "users").1, "email=hash note=null");
        assert_eq!(of("other", "users").1, "email=fake_email note=null");
    }

    #[test]
    fn equally_narrow_patterns_must_agree() {
        let some = rules(
            r#"{"tables": {"shop.a_*": {"columns": {"x": "hash"}}, "shop.*_b": {"columns": {"x": "null"}}}}"#,
        );
        let ambiguous = some.of_table("shop", "shop", "a_b").unwrap_err();
        assert_eq!(ambiguous.column, Some("x"));
        assert!(some.of_table("shop", "shop", "a_c").is_ok());
        let same = rules(r#"{"tables": {"shop.users": "empty", "users": "keep"}}"#);
        assert_eq!(
            same.of_table("shop", "shop", "users").unwrap_err().column,
            None
        );
        let agreed = rules(r#"{"tables": {"shop.users": "empty", "users": "empty"}}"#);
        assert!(agreed.of_table("shop", "shop", "users").is_ok());
    }

    #[test]
    fn keys_of_masks_differ() {
        let secret = MaskSecret::new([7; 32]);
        let mut keys: Vec<[u8; 32]> = Mask::WORDS.iter().map(|m| secret.of_mask(m)).collect();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), Mask::WORDS.len());
        assert_eq!(format!("{secret:?}"), "MaskSecret(…)");
    }

    #[test]
    fn a_database_can_demand_rules() {
        let version = |rules: Option<Rules>| RulesVersion {
            database_id: "dddddddddddd".parse().unwrap(),
            version: 3,
            rules,
            actor: String::new(),
            created_at: Timestamp::UNIX_EPOCH,
        };
        let (some, none) = (version(Some(Rules::default())), version(None));
        for (required, newest, expected) in [
            (false, None, Ok(None)),
            (false, Some(&none), Ok(None)),
            (false, Some(&some), Ok(Some(3))),
            (true, Some(&some), Ok(Some(3))),
            (true, None, Err(code::SEED_RULES_REQUIRED)),
            (true, Some(&none), Err(code::SEED_RULES_REQUIRED)),
        ] {
            let planned = plan_seed_rules(SeedRulesFacts {
                database: "shop",
                required,
                newest,
            });
            assert_eq!(planned.map_err(|r| r.code), expected);
        }
    }
}
