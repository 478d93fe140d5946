//! From rules and tables to what is to be done, or to everything that stands in the way.

use super::steps::{self, Step};
use super::{Column, ForeignKey, SeedFacts, TableFacts, TableKind, TableName, check};
use offshoot_core::engine::EngineKind;
use offshoot_core::seed_rules::{Ambiguous, Mask, Rows, Rules, TablePattern};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Rules that fit, as what has to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedPlan {
    pub engine: EngineKind,
    /// Tables of which something is said, by name.
    pub tables: Vec<TablePlan>,
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TablePlan {
    pub table: TableName,
    pub rows: PlannedRows,
    /// Columns by name as the engine spells it. Also those that follow a masked parent.
    pub masks: BTreeMap<String, Mask>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlannedRows {
    Keep,
    Empty,
    /// Those for which the expression is true.
    Where(String),
}

/// Something in the rules that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Keys from the document's root on.
    pub at: Vec<String>,
    /// Names table and column.
    pub why: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

/// Storage engines whose rows lie in the branch's volume, and can be changed.
const STORES: [&str; 5] = ["InnoDB", "MyISAM", "Aria", "MEMORY", "ROCKSDB"];
/// Names told where one is not found.
const TOLD: usize = 12;

/// `own`: the schema of patterns that name none. All problems are found at once.
pub fn plan(rules: &Rules, facts: &SeedFacts, own: &str) -> Result<SeedPlan, Vec<Problem>> {
    let mut planning = Planning {
        facts,
        tables: BTreeMap::new(),
        problems: Vec::new(),
    };
    planning.names(rules, own);
    for table in &facts.tables {
        planning.table(rules, table, own);
    }
    planning.follow();
    planning.keys();
    let Planning {
        tables, problems, ..
    } = planning;
    if !problems.is_empty() {
        return Err(problems);
    }
    let tables: Vec<TablePlan> = tables
        .into_values()
        .map(|t| TablePlan {
            table: t.facts.table.clone(),
            rows: t.rows,
            masks: t
                .masks
                .into_values()
                .filter(|m| m.mask != Mask::Keep)
                .map(|m| (m.column.name.clone(), m.mask))
                .collect(),
        })
        .filter(|t| t.rows != PlannedRows::Keep || !t.masks.is_empty())
        .collect();
    Ok(SeedPlan {
        engine: facts.engine,
        steps: steps::steps(&tables, facts),
        tables,
    })
}

struct Planning<'a> {
    facts: &'a SeedFacts,
    tables: BTreeMap<&'a TableName, Table<'a>>,
    problems: Vec<Problem>,
}

struct Table<'a> {
    facts: &'a TableFacts,
    rows: PlannedRows,
    /// By lower-case name.
    masks: BTreeMap<String, Masked<'a>>,
}

#[derive(Clone)]
struct Masked<'a> {
    column: &'a Column,
    mask: Mask,
    /// Where the rules say so: here, or of the parent's column.
    at: Vec<String>,
}

fn at(pattern: &TablePattern, rest: &[&str]) -> Vec<String> {
    let mut all = vec!["tables".to_owned(), pattern.to_string()];
    all.extend(rest.iter().map(|&key| key.to_owned()));
    all
}

impl<'a> Planning<'a> {
    fn problem(&mut self, at: Vec<String>, why: String) {
        self.problems.push(Problem { at, why });
    }

    /// A pattern that is a name has to name a table.
    fn names(&mut self, rules: &Rules, own: &str) {
        for pattern in rules.tables.keys() {
            let Some((schema, name)) = pattern.names(own) else {
                continue;
            };
            let found = self
                .facts
                .tables
                .iter()
                .find(|t| t.table.schema == schema && t.table.name == name);
            let why = match found.map(|t| t.kind) {
                Some(TableKind::Base | TableKind::Versioned) => continue,
                Some(TableKind::View) => "is a view: rules are about the tables that it reads",
                Some(TableKind::Sequence) => "is a sequence, which has no rows",
                None => "is not there",
            };
            self.problem(at(pattern, &[]), format!("table {schema}.{name} {why}"));
        }
    }

    fn table(&mut self, rules: &Rules, facts: &'a TableFacts, own: &str) {
        let name = &facts.table;
        if matches!(facts.kind, TableKind::View | TableKind::Sequence) {
            return;
        }
        let said = match rules.of_table(own, &name.schema, &name.name) {
            Ok(said) => said,
            Err(ambiguous) => {
                let (place, why) = contradiction(name, &ambiguous);
                return self.problem(place, why);
            }
        };
        let rows = match said.rows.map(|r| r.what) {
            None | Some(Rows::Keep) => PlannedRows::Keep,
            Some(Rows::Empty) => PlannedRows::Empty,
            Some(Rows::Where(condition)) => PlannedRows::Where(condition.to_string()),
        };
        let mut masks = BTreeMap::new();
        for (key, said) in said.columns {
            let place = at(said.pattern, &["columns", said.column]);
            let Some(column) = facts.columns.iter().find(|c| c.name.to_lowercase() == key) else {
                // A pattern is about the columns that there are.
                if said.pattern.exact() {
                    let mut names: Vec<&str> = facts
                        .columns
                        .iter()
                        .map(|c| c.name.as_str())
                        .take(TOLD)
                        .collect();
                    if facts.columns.len() > TOLD {
                        names.push("…");
                    }
                    let has = names.join(", ");
                    self.problem(
                        place,
                        format!(
                            "table {name} has no column \"{}\"; it has {has}",
                            said.column
                        ),
                    );
                }
                continue;
            };
            if rows == PlannedRows::Empty {
                continue;
            }
            if let Some(why) = check::column(said.what, column) {
                self.problem(place, cannot(name, &column.name, said.what, &why));
                continue;
            }
            let mask = said.what.clone();
            masks.insert(
                key,
                Masked {
                    column,
                    mask,
                    at: place,
                },
            );
        }
        let touched = rows != PlannedRows::Keep || masks.values().any(|m| m.mask != Mask::Keep);
        if touched && !STORES.iter().any(|s| s.eq_ignore_ascii_case(&facts.engine)) {
            let place = said.rows.map(|r| at(r.pattern, &[]));
            let place = place.or_else(|| masks.values().next().map(|m| m.at.clone()));
            return self.problem(
                place.unwrap_or_default(),
                format!(
                    "table {name} is kept by {}: its rows lie elsewhere, or cannot be changed",
                    facts.engine
                ),
            );
        }
        self.tables.insert(name, Table { facts, rows, masks });
    }

    fn kept(&self, table: &TableName) -> bool {
        let rows = self.tables.get(table).map(|t| &t.rows);
        rows.is_some_and(|rows| *rows != PlannedRows::Empty)
    }

    fn masked(&self, table: &TableName, column: &str) -> Option<&Masked<'a>> {
        self.tables.get(table)?.masks.get(&column.to_lowercase())
    }

    /// Columns of foreign keys are masked as what they refer to is, or not at all.
    fn follow(&mut self) {
        let facts = self.facts;
        let concerned: Vec<&ForeignKey> = facts
            .foreign_keys
            .iter()
            .filter(|key| self.kept(&key.child) && self.kept(&key.parent))
            .collect();
        // From parents to children, grandchildren, …
        loop {
            let mut more = false;
            for (key, own, referred) in pairs(&concerned) {
                let Some(parent) = self.masked(&key.parent, referred).cloned() else {
                    continue;
                };
                if !parent.mask.keyed() || self.masked(&key.child, own).is_some() {
                    continue;
                }
                more |= self.inherit(&key.child, own, parent);
            }
            if !more {
                break;
            }
        }
        let mut blamed = BTreeSet::new();
        for (key, own, referred) in pairs(&concerned) {
            let (of_child, of_parent) = (
                self.masked(&key.child, own),
                self.masked(&key.parent, referred),
            );
            let mask = |masked: Option<&Masked<'_>>| masked.map_or(Mask::Keep, |m| m.mask.clone());
            let (child, parent) = (mask(of_child), mask(of_parent));
            if child == parent || child == Mask::Null {
                continue;
            }
            let Some(place) = of_child.or(of_parent).map(|m| m.at.clone()) else {
                continue;
            };
            if blamed.insert((place.clone(), key.name.clone())) {
                self.problem(
                    place,
                    format!(
                        "foreign key \"{}\": {}.{own} ({child}) refers to {}.{referred} ({parent}), so both need the same mask",
                        key.name, key.child, key.parent
                    ),
                );
            }
        }
    }

    /// `false`: the column stays without a mask.
    fn inherit(&mut self, table: &TableName, column: &str, from: Masked<'a>) -> bool {
        let Some(child) = self.tables.get_mut(table) else {
            return false;
        };
        let key = column.to_lowercase();
        let Some(column) = child
            .facts
            .columns
            .iter()
            .find(|c| c.name.to_lowercase() == key)
        else {
            return false;
        };
        let refused = check::column(&from.mask, column).map(|why| {
            (
                from.at.clone(),
                cannot(table, &column.name, &from.mask, &why),
            )
        });
        child.masks.insert(key, Masked { column, ..from });
        if let Some((place, why)) = refused {
            self.problem(place, why);
        }
        true
    }

    /// Unique keys stay unique.
    fn keys(&mut self) {
        let mut found = Vec::new();
        for table in self.tables.values() {
            let mask_of = |column: &str| table.masks.get(&column.to_lowercase()).map(|m| &m.mask);
            if let Some((column, why)) = check::unique(table.facts, mask_of)
                && let Some(masked) = table.masks.get(&column.to_lowercase())
            {
                let why = cannot(&table.facts.table, &column, &masked.mask, &why);
                found.push((masked.at.clone(), why));
            }
        }
        for (place, why) in found {
            self.problem(place, why);
        }
    }
}

/// Columns of foreign keys with what they refer to.
fn pairs<'k>(keys: &[&'k ForeignKey]) -> impl Iterator<Item = (&'k ForeignKey, &'k str, &'k str)> {
    keys.iter().copied().flat_map(|key| {
        let columns = key.columns.iter().zip(&key.parent_columns);
        columns.map(move |(own, referred)| (key, own.as_str(), referred.as_str()))
    })
}

fn cannot(table: &TableName, column: &str, mask: &Mask, why: &str) -> String {
    format!("column {table}.{column} cannot be masked by {mask}: {why}")
}

fn contradiction(table: &TableName, found: &Ambiguous<'_>) -> (Vec<String>, String) {
    let (rest, what) = match found.column {
        Some(column) => (
            vec!["columns", column],
            format!("column {column} of table {table}"),
        ),
        None => (Vec::new(), format!("the rows of table {table}")),
    };
    let why = format!(
        "\"{}\" and \"{}\" say different things of {what}, and neither is narrower: name the table itself",
        found.one, found.other
    );
    (at(found.other, &rest), why)
}
