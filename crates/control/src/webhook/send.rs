//! Events are sent as they happened, one after the other to each webhook, until they have arrived.

use crate::Control;
use crate::at_once::AtOnce;
use crate::fail::Fail;
use crate::reconcile::report;
use crate::trail::Actor;
use futures_util::StreamExt;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use metrics::counter;
use offshoot_core::id::WebhookId;
use offshoot_core::port::OutboundRequest;
use offshoot_core::webhook::{Tried, Webhook, WebhookDelivery, plan_after_try};
use offshoot_store::Tx;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use std::fmt::Write;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Webhooks that are sent to at once; one whose receiver does not answer holds up none of the others.
const AT_ONCE: usize = 8;
/// Deliveries to one webhook before others have their turn.
const LINE: usize = 100;
/// Nobody reads what a receiver answers.
const ANSWER: usize = 64 << 10;
/// Deliveries of one webhook that are kept, sent or not: a receiver that is away does not fill the disk.
pub(crate) const KEPT: u64 = 5_000;
/// Old ones are swept so often.
const SWEEP: Duration = Duration::from_secs(600);

const METERS: [&str; 2] = [
    "offshoot_webhooks_delivered_total",
    "offshoot_webhooks_failed_total",
];

impl Control {
    /// One pass: everything that may be sent now.
    pub(crate) async fn keep_webhooks(&self) {
        let due = self.webhooks_due().await;
        futures_util::stream::iter(due)
            .for_each_concurrent(AT_ONCE, |id| self.send_line(id))
            .await;
    }

    /// The same, again and again.
    pub(crate) async fn run_webhooks(&self, stop: &CancellationToken) {
        for meter in METERS {
            counter!(meter).increment(0);
        }
        let mut changes = self.0.signals.changed.subscribe();
        let mut tasks = AtOnce::new(AT_ONCE);
        while !stop.is_cancelled() {
            changes.mark_unchanged();
            for id in self.webhooks_due().await {
                let control = self.clone();
                tasks.begin(id, async move { control.send_line(id).await });
            }
            tokio::select! {
                () = stop.cancelled() => {}
                _ = changes.changed() => {}
                () = tasks.ended() => {}
                () = tokio::time::sleep(self.0.settings.limits.poll) => {}
            }
        }
        // What is on the line goes again with the next process, under its id.
        tasks.stop().await;
    }

    async fn webhooks_due(&self) -> Vec<WebhookId> {
        let due = match self.0.store.read().await {
            Ok(mut session) => session.webhooks_to_send(self.now()).await,
            Err(error) => Err(error),
        };
        due.unwrap_or_else(|error| {
            report("webhooks", &Fail::from(error));
            Vec::new()
        })
    }

    async fn send_line(&self, id: WebhookId) {
        for _ in 0..LINE {
            match self.send_next(id).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(fail) => return report("webhook", &fail),
            }
        }
    }

    /// `false`: there is nothing to send to it now.
    async fn send_next(&self, id: WebhookId) -> Result<bool, Fail> {
        let mut session = self.0.store.read().await?;
        let Some((webhook, delivery)) = session.next_delivery(id, self.now()).await? else {
            return Ok(false);
        };
        let Some(secret) = session.webhook_signing(id).await? else {
            return Ok(false);
        };
        drop(session);
        let body = match &delivery.body {
            Some(body) => body.clone(),
            None => {
                // Whatever is sent under this id from now on is the same.
                let body = self.webhook_body(&webhook, &delivery).await?;
                let mut tx = self.0.store.write().await?;
                tx.set_delivery_body(delivery.id, &body).await?;
                tx.commit().await?;
                body
            }
        };
        let tried = self.post_event(&webhook, &delivery, &secret, body).await;
        let mut tx = self.0.store.write().await?;
        let fresh = tx.delivery_with_webhook(id, delivery.id).await?;
        let Some((webhook, delivery)) = fresh else {
            return Ok(false);
        };
        let after = plan_after_try(&webhook, &delivery, &tried);
        tx.delivery_tried(&webhook, delivery.id, &tried, &after)
            .await?;
        if let Some(reason) = after.disable.as_ref().filter(|_| webhook.enabled) {
            self.switched_off(&mut tx, &webhook, reason).await?;
        }
        tx.commit().await?;
        self.changed();
        Ok(true)
    }

    async fn post_event(
        &self,
        webhook: &Webhook,
        delivery: &WebhookDelivery,
        secret: &SecretString,
        body: String,
    ) -> Tried {
        let began = self.now();
        let header = |name: &str, value: &str| (name.to_owned(), SecretString::from(value));
        let request = OutboundRequest {
            method: "POST",
            url: webhook.url.clone(),
            headers: vec![
                header("content-type", "application/json"),
                header("user-agent", "offshoot"),
                header("x-planetscale-signature", &signature(secret, &body)),
                header("x-offshoot-event", delivery.event.as_str()),
                header("x-offshoot-delivery", delivery.id.as_str()),
            ],
            body: Some(SecretString::from(body)),
            limit: ANSWER,
        };
        let sent = self.0.ports.outbound.send(request).await;
        let (status, failure) = match sent {
            Ok(answer) => match answer.status {
                200..=299 => (Some(answer.status), None),
                300..=399 => (
                    Some(answer.status),
                    Some(format!(
                        "the receiver redirects ({}), which is not followed",
                        answer.status
                    )),
                ),
                status => (
                    Some(status),
                    Some(format!("the receiver answered with status {status}")),
                ),
            },
            Err(error) => (None, Some(error.refusal.to_string())),
        };
        match &failure {
            None => counter!("offshoot_webhooks_delivered_total").increment(1),
            Some(failure) => {
                counter!("offshoot_webhooks_failed_total").increment(1);
                tracing::warn!(webhook.id = %webhook.id, delivery.id = %delivery.id, event = %delivery.event, %failure, "an event did not arrive");
            }
        }
        Tried {
            at: began,
            took: Duration::try_from(self.now().duration_since(began)).unwrap_or_default(),
            status,
            failure,
        }
    }

    async fn switched_off(&self, tx: &mut Tx, webhook: &Webhook, reason: &str) -> Result<(), Fail> {
        tracing::warn!(webhook.id = %webhook.id, reason, "a webhook is switched off");
        let Some(database) = tx.database_by_id(webhook.database_id).await? else {
            return Ok(());
        };
        let event = self.event(
            database.organization_id,
            &Actor::System,
            "webhook.switched_off",
            ("Webhook", webhook.id.as_str(), webhook.id.as_str()),
            &[("database", database.name.as_str()), ("reason", reason)],
        );
        Ok(tx.insert_audit(&event).await?)
    }

    /// Forgets what was sent long ago; `at` is when it was done last.
    pub(crate) async fn sweep_webhooks(&self, at: &mut Option<Timestamp>) -> Result<(), Fail> {
        let now = self.now();
        let pause = at.and_then(|at| at.checked_add(SWEEP).ok());
        if pause.is_some_and(|until| now < until) {
            return Ok(());
        }
        let until = now.checked_sub(self.0.settings.deliveries_kept);
        let mut tx = self.0.store.write().await?;
        tx.sweep_webhook_deliveries(until.unwrap_or(Timestamp::UNIX_EPOCH), KEPT)
            .await?;
        tx.commit().await?;
        *at = Some(now);
        Ok(())
    }
}

/// The HMAC of a body under its webhook's secret, in lower-case hexadecimal, as PlanetScale has it.
fn signature(secret: &SecretString, body: &str) -> String {
    let key = secret.expose_secret().as_bytes();
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any key length fits HMAC");
    mac.update(body.as_bytes());
    let mut text = String::new();
    for byte in mac.finalize().into_bytes() {
        write!(text, "{byte:02x}").expect("writing to a string");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2.
    #[test]
    fn bodies_are_signed_as_planetscale_signs_them() {
        let signed = signature(&SecretString::from("Jefe"), "what do ya want for nothing?");
        assert_eq!(
            signed,
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
