//! Seed rules on engines: the port [`Seeds`].

mod apply;
mod count;
mod facts;

use super::channel::Channel;
use super::{EngineSchemas, read};
use crate::admin::AdminError;
use async_trait::async_trait;
use offshoot_core::instance::Endpoint;
use offshoot_core::password::Role;
use offshoot_core::port::{PortError, PortResult};
use offshoot_core::refusal::{Refusal, code};
use offshoot_core::seed_rules::MaskSecret;
use offshoot_schema::seed::{Applied, Counted, SeedFacts, SeedPlan, Seeds};

/// What a rule's condition is read under, whoever runs it: as [`offshoot_core::seed_rules::Condition`]
/// was checked, with times in UTC.
const READ_AS: &str = "SET NAMES utf8mb4, sql_mode = '', time_zone = '+00:00'";

#[async_trait]
impl Seeds for EngineSchemas {
    async fn facts(&self, endpoint: &Endpoint) -> PortResult<SeedFacts> {
        let mut channel = read::open(endpoint).await?;
        let facts = facts::facts(&mut channel, endpoint.engine.kind).await?;
        channel.close().await;
        Ok(facts)
    }

    async fn count(&self, endpoint: &Endpoint, plan: &SeedPlan) -> PortResult<Vec<Counted>> {
        let mut channel = Channel::open_as(endpoint, Role::Admin.account()).await?;
        let counted = count::count(&mut channel, plan).await?;
        channel.close().await;
        Ok(counted)
    }

    async fn apply(
        &self,
        endpoint: &Endpoint,
        plan: &SeedPlan,
        secret: &MaskSecret,
    ) -> PortResult<Applied> {
        if plan.steps.is_empty() {
            return Ok(Applied::default());
        }
        apply::apply(endpoint, plan, secret).await
    }
}

/// The engine refuses what a rule asks of a table.
fn failed(what: impl std::fmt::Display, error: AdminError) -> PortError {
    match error {
        AdminError::Server { ref message, .. } => PortError::fatal(
            Refusal::unprocessable(format!("the seed rules fail on {what}: {message}"))
                .code(code::SEED_RULES)
                .cause(error),
        ),
        other => other.into(),
    }
}
