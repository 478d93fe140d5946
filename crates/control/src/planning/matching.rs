//! Which automation means which iteration: a binding for each pair, made once.

use super::BATCH;
use crate::Control;
use crate::fail::Fail;
use metrics::histogram;
use offshoot_core::automation::{Automation, Binding, BindingState};
use offshoot_core::plan::{Phase, phase};
use offshoot_store::iteration::KnownIteration;
use offshoot_store::{StoreError, Tx};
use std::time::Instant;

/// How long it takes to say which automations mean an iteration.
pub(super) const MATCHING: &str = "offshoot_iteration_match_seconds";

impl Control {
    /// Looks at what changed since it was looked at: iterations, then automations.
    pub(super) async fn match_pending(&self) -> Result<(), Fail> {
        loop {
            let mut session = self.0.store.read().await?;
            let due = session.pending_iterations(BATCH).await?;
            drop(session);
            if due.is_empty() {
                break;
            }
            let mut tx = self.0.store.write().await?;
            for seen in due {
                // It may have changed again since.
                let Some(known) = tx.iteration(seen.id).await? else {
                    continue;
                };
                let began = Instant::now();
                let kept = &self.0.automations;
                let automations = kept.automations_by(&mut tx, known.integration_id).await?;
                for automation in self.0.filters.meaning(&automations, &known.record) {
                    self.bind(&mut tx, automation, &known).await?;
                }
                histogram!(MATCHING).record(began.elapsed().as_secs_f64());
                tx.check_bindings_of(known.id, self.now()).await?;
                tx.iteration_matched(known.id).await?;
            }
            tx.commit().await?;
        }
        let due = self.0.store.read().await?.pending_automations().await?;
        for seen in due {
            let mut tx = self.0.store.write().await?;
            let Some(automation) = tx.automation(seen.id).await? else {
                continue;
            };
            for known in tx.iterations_of(automation.integration_id).await? {
                if self.0.filters.matches(&automation, &known.record) != Ok(false) {
                    self.bind(&mut tx, &automation, &known).await?;
                }
            }
            tx.check_bindings_by(automation.id, self.now()).await?;
            tx.automation_matched(automation.id).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Makes the binding of an automation and an iteration that it means, where there is none and something may
    /// come of it. What cannot be said of a filter is told with the binding.
    async fn bind(
        &self,
        tx: &mut Tx,
        automation: &Automation,
        known: &KnownIteration,
    ) -> Result<(), StoreError> {
        let open = match phase(&known.record) {
            Phase::Planned | Phase::Started => true,
            Phase::Ended(at) => at > automation.created_at,
            Phase::Deleted(_) => false,
        };
        if !automation.enabled || !open {
            return Ok(());
        }
        if tx.binding_of(automation.id, known.id).await?.is_some() {
            return Ok(());
        }
        let now = self.now();
        tx.insert_binding(&Binding {
            id: self.id(),
            automation_id: automation.id,
            iteration_id: known.id,
            branch_id: self.id(),
            branch_name: None,
            state: BindingState::Waiting,
            reason: None,
            followed_name: None,
            ending: None,
            attempts: 0,
            check_at: Some(now),
            asked: 0,
            created_at: now,
            updated_at: now,
        })
        .await
    }
}
