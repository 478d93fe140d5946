//! A test of seed rules: copy the branch, carry the rules out aside, tell what they did, throw the
//! copy away. One state, and each try from a fresh copy: rules are not to be carried out twice.

use super::{Run, Step, Work};
use crate::Control;
use crate::fail::Fail;
use offshoot_core::Refusal;
use offshoot_core::backup::Method;
use offshoot_core::database::Database;
use offshoot_core::id::{BranchId, InstanceId, RulesTestId, VolumeId};
use offshoot_core::instance::{Endpoint, Stop, Wanted};
use offshoot_core::port::PortError;
use offshoot_core::seed_rules::{RulesTest, SeededTable, TestState, Unfit};
use offshoot_core::volume::Stored;
use offshoot_schema::seed::{Applied, Counted, PlannedRows, SeedPlan, TableName};
use offshoot_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Kind of the workflow that tests rules.
pub(crate) const TEST_SEED_RULES: &str = "test_seed_rules";

/// A test with every id it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Testing {
    pub(crate) test: RulesTestId,
    pub(crate) branch: BranchId,
    pub(crate) volume: VolumeId,
    pub(crate) instance: InstanceId,
}

/// What a test came to.
enum Outcome {
    Passed(Vec<SeededTable>),
    Unfit(Vec<Unfit>),
}

impl Control {
    pub(super) async fn seed_rules_test_step(
        &self,
        run: &Run,
        testing: Testing,
    ) -> Result<Step, Fail> {
        let row = self
            .0
            .store
            .read()
            .await?
            .seed_rules_test(testing.test)
            .await?;
        let Some(test) = row.filter(|t| t.state == TestState::Running) else {
            return self.end_test(run, testing, None).await;
        };
        let mut instance = self.instance_to_fill(run, testing.instance).await?;
        if !run.fresh {
            let mut slot = self.slot(testing.instance).await;
            self.stop(&mut slot, testing.instance, Stop::Hard).await?;
            let volume = Stored::Volume(testing.volume);
            self.0.ports.volumes.remove(volume).await?;
        }
        let taken = self
            .copy_branch(testing.branch, testing.volume, &())
            .await?;
        instance.copied = taken.copied.method == Method::Frozen;
        let mut slot = self.slot(testing.instance).await;
        let endpoint = self.start(&mut slot, &instance).await?;
        drop(slot);
        let outcome = tokio::select! {
            outcome = self.run_rules(&test, &endpoint) => outcome,
            () = self.0.runner.stop.cancelled() => return Ok(Step::Wait(Duration::ZERO)),
        };
        match outcome {
            Ok(outcome) => self.end_test(run, testing, Some(outcome)).await,
            Err(fail) => {
                self.discard_unmasked(&instance, &fail).await?;
                Err(fail)
            }
        }
    }

    async fn run_rules(&self, test: &RulesTest, endpoint: &Endpoint) -> Result<Outcome, Fail> {
        let mut session = self.0.store.read().await?;
        let database = session.database_by_id(test.database_id).await?;
        drop(session);
        let database = database.ok_or_else(|| {
            PortError::fatal(Refusal::not_found("the database whose rules are tested"))
        })?;
        let secret = self.secret_of(database.id).await?;
        let planned = self
            .plan_rules(endpoint, &test.rules, &database.schema_name)
            .await?;
        let plan = match planned {
            Ok(plan) => plan,
            Err(unfit) => return Ok(Outcome::Unfit(unfit)),
        };
        let seeds = &self.0.ports.seeds;
        let counted = seeds.count(endpoint, &plan).await?;
        let refused = refused(&plan, &counted);
        if !refused.is_empty() {
            return Ok(Outcome::Unfit(refused));
        }
        let applied = seeds.apply(endpoint, &plan, &secret).await?;
        Ok(Outcome::Passed(told(&plan, &counted, &applied)))
    }

    /// Writes down what came of it, and lets go of the copy.
    async fn end_test(
        &self,
        run: &Run,
        testing: Testing,
        outcome: Option<Outcome>,
    ) -> Result<Step, Fail> {
        let now = self.now();
        let mut tx = self.0.store.write().await?;
        run.finish(&mut tx).await?;
        self.abandon_testing(&mut tx, testing).await?;
        match &outcome {
            Some(Outcome::Passed(tables)) => {
                tx.seed_rules_test_passed(testing.test, tables, now).await?;
            }
            Some(Outcome::Unfit(unfit)) => {
                let failure = "the rules do not fit what the branch holds";
                tx.seed_rules_test_failed(testing.test, unfit, failure, now)
                    .await?;
            }
            None => {}
        }
        tx.commit().await?;
        self.changed();
        self.tidy_soon();
        Ok(Step::Done)
    }

    /// The rules fail, or the branch cannot be copied: says why.
    pub(super) async fn undo_seed_rules_test(
        &self,
        run: &Run,
        testing: Testing,
        fail: &Fail,
    ) -> Result<(), Fail> {
        let mut tx = self.0.store.write().await?;
        run.finish(&mut tx).await?;
        self.abandon_testing(&mut tx, testing).await?;
        tx.seed_rules_test_failed(testing.test, &[], &fail.to_string(), self.now())
            .await?;
        tx.commit().await?;
        self.changed();
        self.tidy_soon();
        Ok(())
    }

    async fn abandon_testing(&self, tx: &mut Tx, testing: Testing) -> Result<(), StoreError> {
        tx.set_wanted(testing.instance, Wanted::Gone).await?;
        tx.volume_gone(testing.volume).await
    }

    /// Lets go of what tests of a database have in the pool.
    pub(crate) async fn abandon_tests(
        &self,
        tx: &mut Tx,
        database: &Database,
    ) -> Result<(), StoreError> {
        for test in tx.seed_rules_tests(database.id).await? {
            let subject = test.id.as_str();
            if let Some(row) = tx.workflow_of(TEST_SEED_RULES, subject).await? {
                if let Ok(Work::TestSeedRules(testing)) = serde_json::from_str(&row.state) {
                    self.abandon_testing(tx, testing).await?;
                }
                tx.cancel_workflow(TEST_SEED_RULES, subject).await?;
            }
        }
        Ok(())
    }
}

/// Conditions that the engine does not take.
fn refused(plan: &SeedPlan, counted: &[Counted]) -> Vec<Unfit> {
    let tables = plan.tables.iter().zip(counted);
    tables
        .filter_map(|(table, counted)| {
            let why = counted.refused.as_ref()?;
            Some(Unfit {
                at: Vec::new(),
                why: match &table.rows {
                    PlannedRows::Where(condition) => {
                        format!(
                            "table {}: the engine refuses where {condition}: {why}",
                            table.table
                        )
                    }
                    PlannedRows::Keep | PlannedRows::Empty => {
                        format!("table {}: {why}", table.table)
                    }
                },
            })
        })
        .collect()
}

/// What was done to each table of the plan, and to those whose rows followed others by foreign keys.
fn told(plan: &SeedPlan, counted: &[Counted], applied: &Applied) -> Vec<SeededTable> {
    let done = |name: &TableName| applied.tables.iter().find(|t| t.table == *name);
    let mut all: Vec<SeededTable> = plan
        .tables
        .iter()
        .zip(counted)
        .map(|(table, counted)| {
            let done = done(&table.table);
            let columns = table.masks.iter();
            SeededTable {
                table: table.table.to_string(),
                rows: Some(counted.rows),
                // An emptied table's are not counted as they go.
                removed: done.map_or(0, |t| t.removed.unwrap_or(counted.rows)),
                masked: done.map_or(0, |t| t.masked),
                columns: columns
                    .map(|(name, mask)| (name.clone(), mask.to_string()))
                    .collect(),
            }
        })
        .collect();
    let planned = |name: &TableName| plan.tables.iter().any(|t| t.table == *name);
    let followed = applied.tables.iter().filter(|t| !planned(&t.table));
    all.extend(followed.filter_map(|t| {
        let removed = t.removed.filter(|n| *n > 0)?;
        Some(SeededTable {
            table: t.table.to_string(),
            rows: None,
            removed,
            masked: t.masked,
            columns: Vec::new(),
        })
    }));
    all.sort_by(|a, b| a.table.cmp(&b.table));
    all
}
