//! Rules carried out in a new engine that nobody else reaches yet.

use super::{misfit, unfit};
use crate::Control;
use crate::fail::Fail;
use offshoot_core::Refusal;
use offshoot_core::branch::BranchState;
use offshoot_core::id::{BranchId, DatabaseId};
use offshoot_core::instance::{Endpoint, Instance, Stop};
use offshoot_core::port::PortError;
use offshoot_core::seed_rules::{MaskSecret, Rules, Seeded, Unfit};
use offshoot_core::volume::Stored;
use offshoot_schema::ObjectName;
use offshoot_schema::seed::{Applied, SeedPlan, plan};

/// Rules with everything that is needed to carry them out.
pub(crate) struct Holding {
    version: u32,
    rules: Rules,
    secret: MaskSecret,
    /// The schema of patterns that name none.
    schema: String,
}

/// What they did to a branch.
pub(crate) struct Passed {
    pub(crate) seeded: Seeded,
    /// Triggers that are broken and could not be made again.
    pub(crate) left_out: Vec<ObjectName>,
}

impl Control {
    /// The rules that the data of a new branch has to pass now. Those that were set after it was asked
    /// for count as well: a reset that failed by rules goes on with better ones.
    pub(crate) async fn rules_for_branch(&self, branch: BranchId) -> Result<Option<Holding>, Fail> {
        let mut session = self.0.store.read().await?;
        let Some(branch) = session.branch_by_id(branch).await? else {
            return Err(gone());
        };
        // Its data has passed them.
        if branch.state != BranchState::Pending {
            return Ok(None);
        }
        let Some(database) = session.database_by_id(branch.database_id).await? else {
            return Err(gone());
        };
        let holding = self.rules_that_hold(&mut session, &database).await;
        let Some((version, rules)) = holding.map_err(PortError::fatal)? else {
            return Ok(None);
        };
        Ok(Some(Holding {
            version,
            rules,
            secret: self.secret_of(database.id).await?,
            schema: database.schema_name,
        }))
    }

    pub(crate) async fn secret_of(&self, database: DatabaseId) -> Result<MaskSecret, Fail> {
        let secret = self.0.store.read().await?.mask_secret(database).await?;
        secret.ok_or_else(|| {
            PortError::fatal(Refusal::internal("a database with rules has no secret")).into()
        })
    }

    /// Carries them out. A volume on which that failed, or was interrupted, is not to be used.
    pub(crate) async fn apply_seed_rules(
        &self,
        branch: BranchId,
        endpoint: &Endpoint,
        holding: &Holding,
    ) -> Result<Passed, Fail> {
        let planned = self
            .plan_rules(endpoint, &holding.rules, &holding.schema)
            .await?;
        let plan = planned.map_err(|unfit| PortError::fatal(misfit(&unfit)))?;
        let seeds = &self.0.ports.seeds;
        let applied = seeds.apply(endpoint, &plan, &holding.secret).await?;
        let seeded = summed(holding.version, &applied);
        tracing::info!(
            branch.id = %branch, version = seeded.version, removed = seeded.removed,
            masked = seeded.masked, "seed rules applied"
        );
        Ok(Passed {
            seeded,
            left_out: applied.left_out,
        })
    }

    /// Throws away what rules failed on: half of it may be masked, and nobody goes on from there. Says
    /// why at the instance.
    pub(crate) async fn discard_unmasked(
        &self,
        instance: &Instance,
        fail: &Fail,
    ) -> Result<(), Fail> {
        let mut slot = self.slot(instance.id).await;
        self.stop(&mut slot, instance.id, Stop::Hard).await?;
        slot.error = Some(fail.to_string());
        let volume = Stored::Volume(instance.volume);
        Ok(self.0.ports.volumes.remove(volume).await?)
    }

    /// What rules come to on the tables of an engine, or everything that does not fit.
    pub(crate) async fn plan_rules(
        &self,
        endpoint: &Endpoint,
        rules: &Rules,
        schema: &str,
    ) -> Result<Result<SeedPlan, Vec<Unfit>>, Fail> {
        let facts = self.0.ports.seeds.facts(endpoint).await?;
        let planned = plan(rules, &facts, schema);
        Ok(planned.map_err(|all| all.into_iter().map(unfit).collect()))
    }
}

fn summed(version: u32, applied: &Applied) -> Seeded {
    let mut seeded = Seeded {
        version,
        removed: 0,
        masked: 0,
    };
    for table in &applied.tables {
        let removed = table.removed.unwrap_or(0);
        seeded.removed = seeded.removed.saturating_add(removed);
        seeded.masked = seeded.masked.saturating_add(table.masked);
    }
    seeded
}

fn gone() -> Fail {
    PortError::fatal(Refusal::not_found("the branch that is being made")).into()
}
