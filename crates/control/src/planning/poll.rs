//! Tools are asked for all that they have: what no event told is found, and what is not there any more is
//! missed. The result is the same as if every event had come.

use crate::Control;
use crate::fail::Fail;
use crate::integration::settings_of;
use futures_util::StreamExt;
use metrics::counter;
use offshoot_core::delivery::{Delivery, DeliveryOrigin, DeliveryState, Told};
use offshoot_core::id::IntegrationId;
use offshoot_core::integration::{Integration, Polling};
use offshoot_core::iteration::{Covered, Observation};
use offshoot_core::port::{OutboundRequest, OutboundResponse};
use offshoot_core::refusal::Refusal;
use offshoot_planning::poll::{ANSWER_LIMIT, Failure, HttpRequest, HttpResponse, Poll, Step, What};
use std::collections::BTreeSet;
use std::time::Duration;

/// Tools that are asked at once.
const AT_ONCE: usize = 4;
/// One round takes no longer: with more to ask, the settings are to be narrowed.
const ROUND: Duration = Duration::from_secs(300);
/// A tool that wants to be left alone for longer is left alone by ending the round.
const PATIENCE: Duration = Duration::from_secs(30);
/// After a round that failed the next one comes later, up to this many times the interval.
const SLOWEST: u32 = 16;

/// Why a round did not come to its end.
struct Ended {
    reason: String,
    retry_after: Option<Duration>,
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Self {
            reason: failure.reason,
            retry_after: failure.retry_after,
        }
    }
}

impl<E: Into<Fail>> From<E> for Ended {
    fn from(error: E) -> Self {
        let refusal: Refusal = error.into().into();
        Self {
            reason: refusal.to_string(),
            retry_after: None,
        }
    }
}

impl Control {
    /// Asks every tool whose time has come.
    pub(crate) async fn keep_polls(&self) {
        let due = match self.0.store.read().await {
            Ok(mut session) => session.integrations_to_poll(self.now()).await,
            Err(error) => Err(error),
        };
        let due = match due {
            Ok(due) => due,
            Err(error) => return crate::reconcile::report("polls", &Fail::from(error)),
        };
        futures_util::stream::iter(due)
            .for_each_concurrent(AT_ONCE, |integration| async move {
                if let Err(fail) = self.poll(&integration).await {
                    crate::reconcile::report("poll", &fail);
                }
            })
            .await;
    }

    async fn poll(&self, integration: &Integration) -> Result<(), Fail> {
        let mut told = Vec::new();
        let round = tokio::time::timeout(ROUND, self.round(integration, &mut told)).await;
        let round = round.unwrap_or_else(|_| {
            Err(Ended {
                reason: format!("the tool was not through within {} s", ROUND.as_secs()),
                retry_after: None,
            })
        });
        if round.is_err() {
            counter!("offshoot_polls_failed_total").increment(1);
        }
        let now = self.now();
        let mut tx = self.0.store.write().await?;
        let Some(fresh) = tx.integration(integration.id).await? else {
            return Ok(());
        };
        let every = fresh.poll_every.unwrap_or(Duration::from_secs(300));
        let polling = match round {
            Ok(()) => Polling {
                next_at: now.checked_add(every).ok(),
                last_at: Some(now),
                failure: None,
                failures: 0,
            },
            Err(ended) => {
                let failures = fresh.polling.failures.saturating_add(1);
                let times = 1u32.checked_shl(failures.min(8) - 1).unwrap_or(SLOWEST);
                let pause = every.saturating_mul(times.min(SLOWEST));
                let pause = ended.retry_after.map_or(pause, |wait| wait.max(every));
                tracing::warn!(integration.id = %integration.id, reason = %ended.reason, "a planning tool could not be asked");
                Polling {
                    next_at: now.checked_add(pause).ok(),
                    failure: Some(ended.reason),
                    failures,
                    ..fresh.polling
                }
            }
        };
        tx.note_poll(integration.id, &polling).await?;
        told.retain(|t| !t.changes.is_empty());
        if !told.is_empty() {
            let delivery = self.polled(integration.id, told);
            tx.insert_delivery(&delivery, None).await?;
        }
        tx.commit().await?;
        self.changed();
        Ok(())
    }

    /// One round: everything is asked, what is found is kept at once.
    async fn round(&self, integration: &Integration, told: &mut Vec<Told>) -> Result<(), Ended> {
        let settings = settings_of(integration).map_err(|refusal| Ended {
            reason: refusal.to_string(),
            retry_after: None,
        })?;
        let mut session = self.0.store.read().await?;
        let secrets = session.integration_secrets(integration.id).await?;
        drop(session);
        let mut poll = Poll::new(&settings, secrets.token, &What::Everything, self.now());
        let mut seen = BTreeSet::new();
        loop {
            match poll.next() {
                Step::Ask(request) => match self
                    .0
                    .ports
                    .outbound
                    .send(outbound(request, ANSWER_LIMIT))
                    .await
                {
                    Ok(response) => poll.answer(&answered(response), self.now()),
                    Err(error) if error.retry => poll.unanswered(&error.refusal.public),
                    // An address that may not be called is no better a moment later.
                    Err(error) => {
                        return Err(Ended {
                            reason: error.refusal.to_string(),
                            retry_after: None,
                        });
                    }
                },
                Step::Wait(pause) if pause > PATIENCE => {
                    return Err(Ended {
                        reason: format!(
                            "the tool wants to be left alone for {} s",
                            pause.as_secs()
                        ),
                        retry_after: Some(pause),
                    });
                }
                Step::Wait(pause) => tokio::time::sleep(pause).await,
                Step::Found(found) => {
                    seen.extend(found.iter().map(|o| o.source_id().to_owned()));
                    told.extend(self.keep_found(integration.id, found).await?);
                }
                Step::Done(covered) => {
                    let missing = self
                        .not_listed(integration.id, &covered, &seen, poll.started_at())
                        .await?;
                    told.extend(self.keep_found(integration.id, missing).await?);
                    return Ok(());
                }
                Step::Failed(failure) => return Err(failure.into()),
            }
        }
    }

    /// What was looked for and not found.
    async fn not_listed(
        &self,
        integration: IntegrationId,
        covered: &[Covered],
        seen: &BTreeSet<String>,
        at: jiff::Timestamp,
    ) -> Result<Vec<Observation>, Fail> {
        let known = self
            .0
            .store
            .read()
            .await?
            .iterations_of(integration)
            .await?;
        let records: Vec<_> = known.iter().map(|k| &k.record).collect();
        Ok(covered
            .iter()
            .flat_map(|part| part.absent(records.iter().copied(), seen, at))
            .collect())
    }

    async fn keep_found(
        &self,
        integration: IntegrationId,
        found: Vec<Observation>,
    ) -> Result<Vec<Told>, Fail> {
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.0.store.write().await?;
        // Deleted while its tool was asked.
        if tx.integration(integration).await?.is_none() {
            return Ok(Vec::new());
        }
        let told = self.observe(&mut tx, integration, found).await?;
        tx.commit().await?;
        self.0.signals.planning.notify_one();
        Ok(told)
    }

    fn polled(&self, integration: IntegrationId, told: Vec<Told>) -> Delivery {
        let now = self.now();
        let id = self.id();
        Delivery {
            id,
            integration_id: integration,
            key: format!("poll:{id}"),
            origin: DeliveryOrigin::Poll,
            event: None,
            state: DeliveryState::Applied,
            reason: None,
            told,
            seen: 1,
            size: 0,
            received_at: now,
            processed_at: Some(now),
        }
    }
}

pub(crate) fn outbound(request: HttpRequest, limit: usize) -> OutboundRequest {
    OutboundRequest {
        method: request.method,
        url: request.url,
        headers: request
            .headers
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
        body: request.body.map(Into::into),
        limit,
    }
}

pub(crate) fn answered(response: OutboundResponse) -> HttpResponse {
    HttpResponse {
        status: response.status,
        headers: response.headers,
        body: response.body,
    }
}
