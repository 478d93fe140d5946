//! Seed rules on engines in memory: every table has the columns `id`, `email` and `note`, and three rows.

use super::World;
use super::schemas::volume_of;
use super::world::missing;
use async_trait::async_trait;
use offshoot_core::instance::Endpoint;
use offshoot_core::port::{PortError, PortResult};
use offshoot_core::refusal::{Refusal, code};
use offshoot_core::seed_rules::MaskSecret;
use offshoot_schema::ObjectKind;
use offshoot_schema::seed::{
    Applied, AppliedTable, Column, Counted, KeyPart, PlannedRows, SeedFacts, SeedPlan, Seeds, Step,
    TableFacts, TableKind, TableName, UniqueKey,
};

#[derive(Clone)]
pub struct FakeSeeds(pub World);

const ROWS: u64 = 3;
/// A condition that says so is not taken by the engine.
const REFUSED: &str = "REFUSED";
/// One that says so fails when the rules are half carried out.
const FAILS: &str = "FAILS";

fn column(name: &str, data_type: &str, length: Option<u64>) -> Column {
    Column {
        name: name.to_owned(),
        data_type: data_type.to_owned(),
        length,
        unsigned: false,
        nullable: name != "id",
        generated: false,
        auto_increment: false,
        on_update: false,
    }
}

fn condition(rows: &PlannedRows) -> &str {
    match rows {
        PlannedRows::Where(condition) => condition,
        PlannedRows::Keep | PlannedRows::Empty => "",
    }
}

#[async_trait]
impl Seeds for FakeSeeds {
    async fn facts(&self, endpoint: &Endpoint) -> PortResult<SeedFacts> {
        self.0.enter("seeds.facts")?;
        let state = self.0.lock();
        let volume = volume_of(&state, endpoint)?;
        let data = state.volumes.get(&volume).ok_or_else(|| missing(volume))?;
        let tables = data.objects.keys().filter(|n| n.kind == ObjectKind::Table);
        Ok(SeedFacts {
            engine: endpoint.engine.kind,
            tables: tables
                .map(|name| TableFacts {
                    table: TableName::new(name.schema.clone(), name.name.clone()),
                    kind: TableKind::Base,
                    engine: "InnoDB".to_owned(),
                    columns: vec![
                        column("id", "bigint", None),
                        column("email", "varchar", Some(100)),
                        column("note", "text", Some(65_535)),
                    ],
                    unique: vec![UniqueKey {
                        name: "PRIMARY".to_owned(),
                        parts: vec![KeyPart {
                            column: Some("id".to_owned()),
                            prefix: None,
                        }],
                    }],
                    counter: None,
                    sampled: Vec::new(),
                })
                .collect(),
            foreign_keys: Vec::new(),
        })
    }

    async fn count(&self, endpoint: &Endpoint, plan: &SeedPlan) -> PortResult<Vec<Counted>> {
        self.0.enter("seeds.count")?;
        volume_of(&self.0.lock(), endpoint)?;
        let counted = plan.tables.iter().map(|table| Counted {
            rows: ROWS,
            stay: match table.rows {
                PlannedRows::Keep => ROWS,
                PlannedRows::Empty => 0,
                PlannedRows::Where(_) => ROWS - 1,
            },
            refused: condition(&table.rows)
                .contains(REFUSED)
                .then(|| "it is no SQL".to_owned()),
        });
        Ok(counted.collect())
    }

    async fn apply(
        &self,
        endpoint: &Endpoint,
        plan: &SeedPlan,
        _: &MaskSecret,
    ) -> PortResult<Applied> {
        self.0.enter("seeds.apply")?;
        let tables = {
            let mut state = self.0.lock();
            let volume = volume_of(&state, endpoint)?;
            if state.seeded.insert(volume, false).is_some() {
                state.violation(format!("rules carried out again on {volume:?}"));
            }
            let runs = state.running.get(&endpoint.instance);
            if runs.is_some_and(|r| r.spec.event_scheduler) {
                state.violation(format!("events run beside rules on {volume:?}"));
            }
            let fails = |step: &Step| step.statements().iter().any(|sql| sql.contains(FAILS));
            if let Some(step) = plan.steps.iter().find(|step| fails(step)) {
                let table = step.table().map(ToString::to_string).unwrap_or_default();
                return Err(PortError::fatal(
                    Refusal::unprocessable(format!("the seed rules fail on table {table}"))
                        .code(code::SEED_RULES),
                ));
            }
            state.seeded.insert(volume, true);
            let tables = plan.tables.iter().map(|table| AppliedTable {
                table: table.table.clone(),
                removed: match table.rows {
                    PlannedRows::Keep => Some(0),
                    PlannedRows::Empty => None,
                    PlannedRows::Where(_) => Some(1),
                },
                masked: if table.masks.is_empty() { 0 } else { ROWS - 1 },
            });
            tables.collect()
        };
        self.0.leave()?;
        Ok(Applied {
            tables,
            left_out: Vec::new(),
        })
    }
}
