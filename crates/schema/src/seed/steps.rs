//! A plan's statements, in their order: rows go first, parents before children, so that a condition
//! sees the parents as their own rules leave them; then what follows them by foreign keys; emptied
//! tables last of all, so that conditions may read them. Values are masked when no condition is left
//! to read them.

use super::plan::{PlannedRows, TablePlan};
use super::{Column, ForeignKey, OnDelete, SeedFacts, TableFacts, TableKind, TableName, mask};
use crate::sql::{identifier, quote};
use offshoot_core::engine::EngineKind;
use offshoot_core::seed_rules::Mask;
use std::collections::BTreeSet;

/// One thing to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Rows that the operator's condition is not true for. It holds SQL of theirs.
    Remove {
        table: TableName,
        sql: String,
    },
    /// Rows whose parent went, by a foreign key: removed, or set to NULL.
    Follow {
        table: TableName,
        sql: String,
        removes: bool,
    },
    /// Tables refer to each other in a circle: all of these again, until none changes a row.
    Settle(Vec<Step>),
    Check(Check),
    Empty {
        table: TableName,
        sql: Vec<String>,
    },
    Mask {
        table: TableName,
        sql: String,
    },
    /// What the engine keeps of a table's values beside its rows.
    Forget {
        table: TableName,
        sql: String,
    },
}

/// A foreign key that must not be broken more than it was: the number of rows that refer to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    pub sql: String,
    /// What to say when it was.
    pub refused: String,
    pub hint: String,
}

impl Step {
    /// Its statements as people may read them.
    pub fn statements(&self) -> Vec<&str> {
        match self {
            Step::Remove { sql, .. }
            | Step::Follow { sql, .. }
            | Step::Mask { sql, .. }
            | Step::Forget { sql, .. }
            | Step::Check(Check { sql, .. }) => vec![sql],
            Step::Empty { sql, .. } => sql.iter().map(String::as_str).collect(),
            Step::Settle(steps) => steps.iter().flat_map(Step::statements).collect(),
        }
    }

    /// The table whose rows it changes.
    pub fn table(&self) -> Option<&TableName> {
        match self {
            Step::Remove { table, .. }
            | Step::Follow { table, .. }
            | Step::Empty { table, .. }
            | Step::Mask { table, .. }
            | Step::Forget { table, .. } => Some(table),
            Step::Check(_) | Step::Settle(_) => None,
        }
    }
}

pub(super) fn steps(tables: &[TablePlan], facts: &SeedFacts) -> Vec<Step> {
    let all = All { tables, facts };
    let losing = all.losing();
    let order = all.order();
    let place = |table: &TableName| order.iter().position(|t| *t == table);
    let mut steps = Vec::new();
    let mut follows = Vec::new();
    let mut circle = false;
    let mut checks = Vec::new();
    for table in &order {
        if let Some(PlannedRows::Where(condition)) = all.rows(table) {
            steps.push(Step::Remove {
                table: (*table).clone(),
                sql: format!(
                    "DELETE FROM {} WHERE ({condition}) IS NOT TRUE",
                    table.quoted()
                ),
            });
        }
        if all.rows(table) == Some(&PlannedRows::Empty) {
            continue;
        }
        for key in facts.foreign_keys.iter().filter(|k| k.child == **table) {
            if !losing.contains(&key.parent) {
                continue;
            }
            match all.follow(key) {
                Some(step) => {
                    circle |= place(&key.parent) >= place(table);
                    follows.push(step.clone());
                    steps.push(step);
                }
                None => checks.push(Step::Check(all.check_removed(key))),
            }
        }
    }
    if circle {
        steps.push(Step::Settle(follows));
    }
    let emptied = order
        .iter()
        .filter(|t| all.rows(t) == Some(&PlannedRows::Empty));
    for table in emptied.filter_map(|t| all.facts_of(t)) {
        steps.push(Step::Empty {
            table: table.table.clone(),
            sql: empty(table),
        });
    }
    steps.extend(checks);
    let masked = tables.iter().filter(|t| !t.masks.is_empty());
    for plan in masked {
        if let Some(table) = all.facts_of(&plan.table) {
            steps.push(Step::Mask {
                table: plan.table.clone(),
                sql: update(plan, table),
            });
        }
    }
    steps.extend(
        all.masked_keys()
            .map(|key| Step::Check(all.check_masked(key))),
    );
    for table in &facts.tables {
        let plan = tables.iter().find(|t| t.table == table.table);
        let masks = plan.map(|p| p.masks.keys().map(String::as_str).collect());
        let lost = losing.contains(&table.table);
        steps.extend(forget(
            facts.engine,
            table,
            &masks.unwrap_or_default(),
            lost,
        ));
    }
    steps
}

struct All<'a> {
    tables: &'a [TablePlan],
    facts: &'a SeedFacts,
}

impl<'a> All<'a> {
    fn rows(&self, table: &TableName) -> Option<&'a PlannedRows> {
        let plan = self.tables.iter().find(|t| t.table == *table)?;
        Some(&plan.rows)
    }

    fn facts_of(&self, table: &TableName) -> Option<&'a TableFacts> {
        self.facts.tables.iter().find(|t| t.table == *table)
    }

    /// Tables that may lose rows, by their own rule or a parent's.
    fn losing(&self) -> BTreeSet<&'a TableName> {
        let own = self.tables.iter().filter(|t| t.rows != PlannedRows::Keep);
        let mut losing: BTreeSet<&TableName> = own.map(|t| &t.table).collect();
        loop {
            let before = losing.len();
            for key in &self.facts.foreign_keys {
                if key.on_delete == OnDelete::Cascade && losing.contains(&key.parent) {
                    losing.insert(&key.child);
                }
            }
            if losing.len() == before {
                return losing;
            }
        }
    }

    /// Parents before children; where they refer to each other in a circle, by name.
    fn order(&self) -> Vec<&'a TableName> {
        let mut rest: BTreeSet<&TableName> = self.facts.tables.iter().map(|t| &t.table).collect();
        let mut order = Vec::with_capacity(rest.len());
        while !rest.is_empty() {
            let waits = |table: &TableName| {
                self.facts
                    .foreign_keys
                    .iter()
                    .any(|k| k.child == *table && k.parent != *table && rest.contains(&k.parent))
            };
            let free: Vec<&TableName> = rest.iter().copied().filter(|t| !waits(t)).collect();
            let next = match free.is_empty() {
                true => rest.first().copied().into_iter().collect(),
                false => free,
            };
            for table in next {
                rest.remove(table);
                order.push(table);
            }
        }
        order
    }

    /// What becomes of rows whose parent went; `None`: there may be none.
    fn follow(&self, key: &ForeignKey) -> Option<Step> {
        let orphans = match self.rows(&key.parent) {
            Some(PlannedRows::Empty) => {
                let set = |column: &String| format!("c.{} IS NOT NULL", identifier(column));
                let set: Vec<String> = key.columns.iter().map(set).collect();
                Orphans {
                    from: format!("{} c", key.child.quoted()),
                    condition: set.join(" AND "),
                }
            }
            _ => Orphans::of(key),
        };
        let Orphans { from, condition } = orphans;
        let sql = match key.on_delete {
            OnDelete::Refuse => return None,
            OnDelete::Cascade => format!("DELETE c FROM {from} WHERE {condition}"),
            OnDelete::SetNull => {
                let null = |column: &String| format!("c.{} = NULL", identifier(column));
                let mut set: Vec<String> = key.columns.iter().map(null).collect();
                let table = self.facts_of(&key.child);
                let kept = table.into_iter().flat_map(|t| times(t, &key.columns));
                set.extend(kept.map(|name| format!("c.{name} = c.{name}")));
                format!("UPDATE {from} SET {} WHERE {condition}", set.join(", "))
            }
        };
        Some(Step::Follow {
            table: key.child.clone(),
            sql,
            removes: key.on_delete == OnDelete::Cascade,
        })
    }

    fn check_removed(&self, key: &ForeignKey) -> Check {
        let (own, referred) = (key.columns.join(", "), key.parent_columns.join(", "));
        let nullable = |name: &String| {
            let table = self.facts_of(&key.child)?;
            table
                .columns
                .iter()
                .find(|c| c.name == *name)
                .map(|c| c.nullable)
        };
        let or_null = match key.columns.as_slice() {
            [one] if nullable(one) == Some(true) => format!("{own} IS NULL OR "),
            _ => String::new(),
        };
        let tuple = match key.columns.len() {
            1 => own.clone(),
            _ => format!("({own})"),
        };
        Check {
            sql: Orphans::of(key).count(),
            refused: format!(
                "the rules remove rows of table {} that {} ({own}) refers to, by foreign key \"{}\"",
                key.parent, key.child, key.name
            ),
            hint: format!(
                "give table {} a where too, such as: {or_null}{tuple} IN (SELECT {referred} FROM {})",
                key.child, key.parent
            ),
        }
    }

    /// Foreign keys of which both ends are masked.
    fn masked_keys(&self) -> impl Iterator<Item = &'a ForeignKey> {
        let tables = self.tables;
        let masked = move |table: &TableName, columns: &[String]| {
            let plan = tables.iter().find(|t| t.table == *table);
            plan.is_some_and(|t| {
                let keyed = t.masks.iter().filter(|(_, m)| m.keyed());
                keyed
                    .into_iter()
                    .any(|(name, _)| columns.iter().any(|c| c.eq_ignore_ascii_case(name)))
            })
        };
        let keys = self.facts.foreign_keys.iter();
        keys.filter(move |k| masked(&k.child, &k.columns) && masked(&k.parent, &k.parent_columns))
    }

    fn check_masked(&self, key: &ForeignKey) -> Check {
        Check {
            sql: Orphans::of(key).count(),
            refused: format!(
                "values of table {} ({}) are equal to those of {} that they refer to by their collation only, \
                 and differ when masked (foreign key \"{}\")",
                key.child,
                key.columns.join(", "),
                key.parent,
                key.name
            ),
            hint: "write them alike in the parent branch, or leave the column out".to_owned(),
        }
    }
}

/// Rows of `c` whose foreign key refers to no row of `p`.
struct Orphans {
    from: String,
    condition: String,
}

impl Orphans {
    fn of(key: &ForeignKey) -> Self {
        let mut equal = Vec::new();
        let mut condition = Vec::new();
        for (own, referred) in key.columns.iter().zip(&key.parent_columns) {
            let (own, referred) = (identifier(own), identifier(referred));
            equal.push(format!("p.{referred} = c.{own}"));
            condition.push(format!("c.{own} IS NOT NULL"));
        }
        let first = key.parent_columns.first().map(|c| identifier(c));
        condition.push(format!("p.{} IS NULL", first.unwrap_or_default()));
        Self {
            from: format!(
                "{} c LEFT JOIN {} p ON {}",
                key.child.quoted(),
                key.parent.quoted(),
                equal.join(" AND ")
            ),
            condition: condition.join(" AND "),
        }
    }

    fn count(&self) -> String {
        format!(
            "SELECT COUNT(*) FROM {} WHERE {}",
            self.from, self.condition
        )
    }
}

/// Columns, quoted, that would get the time of the change; those that are set anyway are left out.
fn times<'a>(table: &'a TableFacts, set: &'a [String]) -> impl Iterator<Item = String> + 'a {
    let moving = table.columns.iter().filter(|c| c.on_update);
    moving
        .filter(|c| !set.iter().any(|s| s.eq_ignore_ascii_case(&c.name)))
        .map(|c| identifier(&c.name))
}

fn empty(table: &TableFacts) -> Vec<String> {
    let name = table.table.quoted();
    if table.kind == TableKind::Versioned {
        // The engine truncates none that keeps its history.
        return vec![format!("DELETE FROM {name}")];
    }
    let mut sql = vec![format!("TRUNCATE TABLE {name}")];
    if let Some(counter) = table.counter.filter(|n| *n > 1) {
        sql.push(format!("ALTER TABLE {name} AUTO_INCREMENT = {counter}"));
    }
    sql
}

/// All masked columns of a table at once.
fn update(plan: &TablePlan, table: &TableFacts) -> String {
    let column = |name: &str| -> Option<&Column> { table.columns.iter().find(|c| c.name == name) };
    let masked = |(name, mask): (&String, &Mask)| {
        let column = column(name)?;
        Some(format!(
            "{} = {}",
            identifier(name),
            mask::expression(mask, column)
        ))
    };
    let mut set: Vec<String> = plan.masks.iter().filter_map(masked).collect();
    let names: Vec<String> = plan.masks.keys().cloned().collect();
    set.extend(times(table, &names).map(|name| format!("{name} = {name}")));
    format!("UPDATE {} SET {}", table.table.quoted(), set.join(", "))
}

fn forget(
    engine: EngineKind,
    table: &TableFacts,
    masked: &BTreeSet<&str>,
    lost: bool,
) -> Vec<Step> {
    if masked.is_empty() && !lost {
        return Vec::new();
    }
    let mut all = Vec::new();
    let mut push = |sql: String| {
        all.push(Step::Forget {
            table: table.table.clone(),
            sql,
        });
    };
    if table.kind == TableKind::Versioned {
        push(format!("DELETE HISTORY FROM {}", table.table.quoted()));
    }
    let stale = table
        .sampled
        .iter()
        .filter(|c| lost || masked.contains(c.as_str()));
    let stale: Vec<&String> = stale.collect();
    if stale.is_empty() {
        return all;
    }
    match engine {
        EngineKind::Mysql => {
            let columns: Vec<String> = stale.iter().map(|c| identifier(c)).collect();
            push(format!(
                "ANALYZE NO_WRITE_TO_BINLOG TABLE {} DROP HISTOGRAM ON {}",
                table.table.quoted(),
                columns.join(", ")
            ));
        }
        EngineKind::Mariadb => {
            let columns: Vec<String> = stale.iter().map(|c| quote(c)).collect();
            push(format!(
                "DELETE FROM mysql.column_stats WHERE db_name = {} AND table_name = {} AND column_name IN ({})",
                quote(&table.table.schema),
                quote(&table.table.name),
                columns.join(", ")
            ));
        }
    }
    all
}
