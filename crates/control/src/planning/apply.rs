//! What deliveries say is taken over, and what dates say by themselves.

use super::BATCH;
use crate::Control;
use crate::fail::Fail;
use crate::inbound::read;
use crate::integration::settings_of;
use offshoot_core::delivery::{Delivery, DeliveryState, Told};
use offshoot_core::id::IntegrationId;
use offshoot_core::iteration::{Observation, Record};
use offshoot_planning::inbound::Parsed;
use offshoot_store::iteration::KnownIteration;
use offshoot_store::{StoreError, Tx};

/// What became of a delivery.
struct Outcome {
    state: DeliveryState,
    reason: Option<String>,
    told: Vec<Told>,
}

impl Outcome {
    fn failed(why: impl Into<String>) -> Self {
        Self {
            state: DeliveryState::Failed,
            reason: Some(why.into()),
            told: Vec::new(),
        }
    }
}

impl Control {
    /// Reads what was stored, oldest first; each in a commit of its own with what it says.
    pub(super) async fn apply_deliveries(&self) -> Result<(), Fail> {
        loop {
            let due = self
                .0
                .store
                .read()
                .await?
                .received_deliveries(BATCH)
                .await?;
            if due.is_empty() {
                return Ok(());
            }
            for delivery in due {
                self.apply(&delivery).await?;
            }
            self.changed();
        }
    }

    async fn apply(&self, delivery: &Delivery) -> Result<(), Fail> {
        let mut tx = self.0.store.write().await?;
        let outcome = self.outcome(&mut tx, delivery).await?;
        let (state, reason) = (outcome.state, outcome.reason.as_deref());
        tracing::info!(delivery.id = %delivery.id, integration.id = %delivery.integration_id, %state, reason, "delivery read");
        let now = self.now();
        tx.settle_delivery(delivery.id, state, reason, &outcome.told, now)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    async fn outcome(&self, tx: &mut Tx, delivery: &Delivery) -> Result<Outcome, Fail> {
        let Some(mut integration) = tx.integration(delivery.integration_id).await? else {
            return Ok(Outcome::failed("the integration is gone"));
        };
        let Some(raw) = tx.delivery_request(delivery.id).await? else {
            return Ok(Outcome::failed("the request was not kept"));
        };
        let settings = match settings_of(&integration) {
            Ok(settings) => settings,
            Err(refusal) => return Ok(Outcome::failed(refusal.to_string())),
        };
        Ok(match read(&settings, &raw, delivery.received_at) {
            Parsed::Observed(observations) => Outcome {
                told: self.observe(tx, integration.id, observations).await?,
                state: DeliveryState::Applied,
                reason: None,
            },
            // An event that says no more than that something changed: everything is asked for.
            Parsed::Look(look) if integration.poll_every.is_some() => {
                integration.polling.next_at = Some(self.now());
                tx.note_poll(integration.id, &integration.polling).await?;
                self.0.signals.polls.notify_one();
                Outcome {
                    state: DeliveryState::Applied,
                    reason: Some(format!("{}: the tool is asked", look.reason)),
                    told: Vec::new(),
                }
            }
            Parsed::Look(look) => Outcome::failed(format!(
                "{}, which only the tool's API can tell more of; give the integration a token and let it ask (--poll-every)",
                look.reason
            )),
            Parsed::Ignored(why) => Outcome {
                state: DeliveryState::Ignored,
                reason: Some(why),
                told: Vec::new(),
            },
            Parsed::Invalid(why) => Outcome::failed(why),
        })
    }

    /// Joins observations to what is known. What changed.
    pub(super) async fn observe(
        &self,
        tx: &mut Tx,
        integration: IntegrationId,
        observations: Vec<Observation>,
    ) -> Result<Vec<Told>, StoreError> {
        let now = self.now();
        let mut told = Vec::new();
        for observation in observations {
            let known = tx
                .iteration_from(integration, observation.source_id())
                .await?;
            let (known, changes) = match known {
                None => {
                    let (record, changes) = Record::first(observation, now);
                    let known = KnownIteration {
                        id: self.id(),
                        integration_id: integration,
                        record,
                        created_at: now,
                        updated_at: now,
                    };
                    tx.put_iteration(&known, true).await?;
                    (known, changes)
                }
                Some(mut known) => {
                    let before = known.record.clone();
                    let changes = known.record.observe(observation, now);
                    // What was held up may go on by now: whoever replays an event asks for it.
                    tx.check_bindings_of(known.id, now).await?;
                    if known.record == before {
                        told.push(said(&known, &[]));
                        continue;
                    }
                    known.updated_at = now;
                    let pending = known.record.iteration != before.iteration
                        || known.record.state != before.state;
                    tx.put_iteration(&known, pending).await?;
                    (known, changes)
                }
            };
            self.tell_iteration(tx, &known, &changes).await?;
            told.push(said(&known, &changes));
        }
        Ok(told)
    }

    /// Iterations whose dates say something else by now.
    pub(super) async fn tick_iterations(&self) -> Result<(), Fail> {
        let now = self.now();
        let due = self.0.store.read().await?.iterations_to_tick(now).await?;
        if due.is_empty() {
            return Ok(());
        }
        let mut tx = self.0.store.write().await?;
        for seen in due {
            let Some(mut known) = tx.iteration(seen.id).await? else {
                continue;
            };
            let changes = known.record.tick(now);
            known.updated_at = now;
            tx.put_iteration(&known, true).await?;
            self.tell_iteration(&mut tx, &known, &changes).await?;
            let changes: Vec<&str> = changes.iter().map(|c| c.as_str()).collect();
            tracing::info!(iteration.id = %known.id, changes = changes.join(","), "its dates have come");
        }
        tx.commit().await?;
        self.changed();
        Ok(())
    }
}

fn said(known: &KnownIteration, changes: &[offshoot_core::iteration::Change]) -> Told {
    Told {
        iteration: known.id,
        name: known.record.iteration.name.clone(),
        changes: changes.iter().map(ToString::to_string).collect(),
    }
}
