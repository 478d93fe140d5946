//! Carries a plan out. The engine is private meanwhile, and the volume is thrown away when it fails.
//!
//! Triggers of the tables concerned are taken off and made again: there is no setting that keeps them
//! from firing. Foreign keys are not checked while rows go; what they say is in the plan. A condition is
//! the operator's SQL, and functions that it calls are the branch's users': it runs in a procedure
//! with the admin's rights, while the session keeps what only we may set.

use super::super::channel::Channel;
use super::super::{apply as replay, read};
use super::{READ_AS, failed};
use crate::admin::AdminError;
use crate::admin::session::identifier;
use offshoot_core::instance::Endpoint;
use offshoot_core::password::Role;
use offshoot_core::port::{PortError, PortResult};
use offshoot_core::refusal::{Refusal, code};
use offshoot_core::seed_rules::{Mask, MaskSecret};
use offshoot_schema::SchemaObject;
use offshoot_schema::object::{ObjectKind, ObjectName};
use offshoot_schema::port::Delta;
use offshoot_schema::seed::{
    Applied, AppliedTable, Check, SeedPlan, Step, TableName, key_variables,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;

/// Longest statement: one that changes every row of the largest table. An engine that ends meanwhile
/// is noticed at once.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);
const SETTINGS: &str = "SET sql_log_bin = 0, foreign_key_checks = 0, sql_safe_updates = 0, \
     sql_big_selects = 1, lock_wait_timeout = 60, long_query_time = 31536000, sql_log_off = 1";
/// No statement of ours is remembered.
const UNSEEN: &str = "UPDATE performance_schema.threads SET INSTRUMENTED = 'NO', HISTORY = 'NO' \
     WHERE PROCESSLIST_ID = CONNECTION_ID()";
/// A masked value that does not fit its column is an error.
const STRICT: &str = "SET sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'";
/// Rounds in which a circle of foreign keys has to come to rest: as many as the longest chain of rows has.
const ROUNDS: usize = 10_000;
/// Name of the procedure that holds a condition while it runs.
const PROCEDURE: &str = "offshoot seed rule";

pub(super) async fn apply(
    endpoint: &Endpoint,
    plan: &SeedPlan,
    secret: &MaskSecret,
) -> PortResult<Applied> {
    let tables = changed(&plan.steps);
    let triggers = triggers(endpoint, &tables).await?;
    let names: Vec<ObjectName> = triggers.iter().map(|t| t.name.clone()).collect();
    define(
        endpoint,
        Delta {
            drop: names,
            create: Vec::new(),
        },
    )
    .await?;
    let done = run(endpoint, plan, &tables, secret).await?;
    let left_out = define(
        endpoint,
        Delta {
            drop: Vec::new(),
            create: triggers,
        },
    )
    .await?;
    Ok(Applied {
        tables: done.into_values().collect(),
        left_out,
    })
}

/// Tables whose rows the steps change.
fn changed(steps: &[Step]) -> BTreeSet<&TableName> {
    steps.iter().filter_map(Step::table).collect()
}

/// What fires when rows are changed or removed, in firing order.
async fn triggers(
    endpoint: &Endpoint,
    tables: &BTreeSet<&TableName>,
) -> PortResult<Vec<SchemaObject>> {
    let mut channel = read::open(endpoint).await?;
    let rows = channel
        .query(
            "SELECT TRIGGER_SCHEMA, TRIGGER_NAME, EVENT_OBJECT_SCHEMA, EVENT_OBJECT_TABLE \
             FROM information_schema.TRIGGERS WHERE EVENT_MANIPULATION IN ('UPDATE', 'DELETE')",
        )
        .await?;
    let names: Vec<ObjectName> = rows
        .iter()
        .filter(|row| tables.contains(&TableName::new(row.text(2), row.text(3))))
        .map(|row| ObjectName::new(ObjectKind::Trigger, row.text(0), row.text(1)))
        .collect();
    let found = match names.is_empty() {
        true => Vec::new(),
        false => read::objects(&mut channel, endpoint.engine.kind, Some(&names)).await?,
    };
    channel.close().await;
    Ok(found)
}

async fn define(endpoint: &Endpoint, delta: Delta) -> PortResult<Vec<ObjectName>> {
    if delta.is_empty() {
        return Ok(Vec::new());
    }
    let mut channel = Channel::open(endpoint).await?;
    let left_out = replay::apply(&mut channel, endpoint.engine, &delta).await?;
    channel.close().await;
    Ok(left_out)
}

type Done = BTreeMap<TableName, AppliedTable>;

async fn run(
    endpoint: &Endpoint,
    plan: &SeedPlan,
    tables: &BTreeSet<&TableName>,
    secret: &MaskSecret,
) -> PortResult<Done> {
    let mut channel = Channel::open(endpoint).await?;
    channel.wait(PATIENCE);
    for statement in [READ_AS, SETTINGS, UNSEEN] {
        channel.query(statement).await?;
    }
    let schemas = tables.iter().map(|t| t.schema.as_str()).collect();
    let locked = replay::unlock(&mut channel, endpoint.engine, &schemas).await?;
    let mut applying = Applying {
        plan,
        secret,
        broken: Vec::new(),
        keyed: false,
        done: BTreeMap::new(),
        channel,
    };
    for step in &plan.steps {
        if let Step::Check(check) = step {
            let before = applying.count(check).await?;
            applying.broken.push((check, before));
        }
    }
    for step in &plan.steps {
        applying.step(step).await?;
    }
    let Applying {
        mut channel, done, ..
    } = applying;
    replay::lock_again(&mut channel, &locked).await?;
    channel.close().await;
    Ok(done)
}

struct Applying<'a> {
    channel: Channel,
    plan: &'a SeedPlan,
    secret: &'a MaskSecret,
    /// How many rows each check found before.
    broken: Vec<(&'a Check, u64)>,
    /// The session holds the keys.
    keyed: bool,
    done: Done,
}

impl<'a> Applying<'a> {
    async fn step(&mut self, step: &'a Step) -> PortResult<()> {
        if let Some(table) = step.table() {
            self.enter(table).await?;
        }
        match step {
            Step::Remove { table, sql } => {
                let removed = self.as_admin(table, sql).await;
                self.removed(table, removed.map_err(|e| failed(the(table), e))?);
            }
            Step::Follow { .. } => drop(self.follow(step).await?),
            Step::Settle(steps) => self.settle(steps).await?,
            Step::Check(check) => self.check(check).await?,
            Step::Empty { table, sql } => {
                for sql in sql {
                    let emptied = self.channel.query(sql).await;
                    emptied.map_err(|e| failed(the(table), e))?;
                }
                self.done(table).removed = None;
            }
            Step::Mask { table, sql } => self.mask(table, sql).await?,
            Step::Forget { table, sql } => {
                let forgotten = self.channel.query(sql).await;
                forgotten.map_err(|e| failed(the(table), e))?;
            }
        }
        Ok(())
    }

    fn done(&mut self, table: &TableName) -> &mut AppliedTable {
        let done = self.done.entry(table.clone());
        done.or_insert_with(|| AppliedTable {
            table: table.clone(),
            removed: Some(0),
            masked: 0,
        })
    }

    fn removed(&mut self, table: &TableName, rows: u64) {
        if let Some(removed) = &mut self.done(table).removed {
            *removed += rows;
        }
    }

    /// Names without a schema are of the table's.
    async fn enter(&mut self, table: &TableName) -> Result<(), AdminError> {
        let sql = format!("USE {}", identifier(&table.schema));
        self.channel.query(sql).await.map(drop)
    }

    async fn as_admin(&mut self, table: &TableName, sql: &str) -> Result<u64, AdminError> {
        let name = format!("{}.{}", identifier(&table.schema), identifier(PROCEDURE));
        let definer = format!("{}@`localhost`", identifier(Role::Admin.account()));
        self.channel
            .query(format!(
                "CREATE DEFINER = {definer} PROCEDURE {name}() MODIFIES SQL DATA SQL SECURITY DEFINER {sql}"
            ))
            .await?;
        let removed = self.channel.change(format!("CALL {name}()")).await;
        self.channel.query(format!("DROP PROCEDURE {name}")).await?;
        removed
    }

    /// Returns how many rows it changed.
    async fn follow(&mut self, step: &Step) -> PortResult<u64> {
        let Step::Follow {
            table,
            sql,
            removes,
        } = step
        else {
            return Ok(0);
        };
        let changed = self.channel.change(sql).await;
        let changed = changed.map_err(|e| failed(the(table), e))?;
        self.removed(table, if *removes { changed } else { 0 });
        Ok(changed)
    }

    async fn settle(&mut self, steps: &[Step]) -> PortResult<()> {
        for _ in 0..ROUNDS {
            let mut changed = 0;
            for step in steps {
                if let Some(table) = step.table() {
                    self.enter(table).await?;
                }
                changed += self.follow(step).await?;
            }
            if changed == 0 {
                return Ok(());
            }
        }
        Err(PortError::fatal(
            Refusal::unprocessable(format!(
                "the rows that follow removed ones by foreign keys form a chain of more than {ROUNDS}"
            ))
            .code(code::SEED_RULES)
            .hint("choose whole chains with a where, or empty the table"),
        ))
    }

    async fn count(&mut self, check: &Check) -> Result<u64, AdminError> {
        let rows = self.channel.query(&check.sql).await?;
        Ok(rows
            .first()
            .and_then(|row| row.text(0).parse().ok())
            .unwrap_or(0))
    }

    async fn check(&mut self, check: &Check) -> PortResult<()> {
        let before = self.broken.iter().find(|(c, _)| std::ptr::eq(*c, check));
        let before = before.map_or(0, |(_, rows)| *rows);
        let more = self.count(check).await?.saturating_sub(before);
        if more == 0 {
            return Ok(());
        }
        Err(PortError::fatal(
            Refusal::unprocessable(format!("{}; rows: {more}", check.refused))
                .code(code::SEED_RULES)
                .hint(check.hint.clone()),
        ))
    }

    async fn mask(&mut self, table: &TableName, sql: &str) -> PortResult<()> {
        if !self.keyed {
            self.channel.query(STRICT).await?;
            self.channel.query(set_keys(self.secret)).await?;
            self.keyed = true;
        }
        let masked = self.channel.change(sql).await.map_err(|error| {
            let plan = self.plan.tables.iter().find(|t| t.table == *table);
            let columns: Vec<&str> = plan
                .map(|t| t.masks.keys().map(String::as_str).collect())
                .unwrap_or_default();
            failed(
                format!("{} (masked: {})", the(table), columns.join(", ")),
                error,
            )
        })?;
        self.done(table).masked += masked;
        Ok(())
    }
}

fn the(table: &TableName) -> String {
    format!("table {table}")
}

/// The keys' blocks, as HMAC wants them. They live as long as the session.
fn set_keys(secret: &MaskSecret) -> String {
    let mut sql = "SET ".to_owned();
    for mask in Mask::WORDS.iter().filter(|mask| mask.keyed()) {
        let key = secret.of_mask(mask);
        for (variable, pad) in key_variables(mask).into_iter().zip([0x36, 0x5c]) {
            let _ = write!(sql, "{variable} = x'");
            for at in 0..64 {
                let _ = write!(sql, "{:02x}", key.get(at).unwrap_or(&0) ^ pad);
            }
            sql.push_str("', ");
        }
    }
    sql.trim_end_matches(", ").to_owned()
}
