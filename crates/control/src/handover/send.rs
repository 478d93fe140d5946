//! Files are written and webhooks sent, as soon as their branch is ready, until they have arrived.

use super::base64;
use super::format::{Revealed, place};
use crate::Control;
use crate::automation::name::file_name;
use crate::fail::Fail;
use crate::reconcile::report;
use futures_util::StreamExt;
use hmac::{Hmac, KeyInit, Mac};
use metrics::counter;
use offshoot_core::automation::{Automation, Deliver, FileDelivery, WebhookDelivery};
use offshoot_core::handover::Handover;
use offshoot_core::port::{OutboundRequest, PortError};
use offshoot_core::refusal::Refusal;
use offshoot_store::iteration::KnownIteration;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sha2::Sha256;
use std::time::Duration;

/// Sent at once; a receiver that does not answer holds up no more than one of them.
const AT_ONCE: usize = 8;
/// After a try that failed: doubles up to an hour. It is tried as long as the branch is there.
const PAUSE: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(3_600);
/// Nobody reads what a receiver answers.
const ANSWER: usize = 64 << 10;

impl Control {
    /// Sends what may be sent, and forgets what nobody may have any more.
    pub(crate) async fn keep_handovers(&self) {
        if let Err(fail) = self.expire_handovers().await {
            report("handovers", &fail);
        }
        let due = match self.0.store.read().await {
            Ok(mut session) => session.handovers_to_send(self.now()).await,
            Err(error) => Err(error),
        };
        let due = match due {
            Ok(due) => due,
            Err(error) => return report("handovers", &Fail::from(error)),
        };
        futures_util::stream::iter(due)
            .for_each_concurrent(AT_ONCE, |handover| async move {
                if let Err(fail) = self.hand_over(&handover).await {
                    report("handover", &fail);
                }
            })
            .await;
    }

    async fn expire_handovers(&self) -> Result<(), Fail> {
        let due = self
            .0
            .store
            .read()
            .await?
            .handovers_to_expire(self.now())
            .await?;
        if due.is_empty() {
            return Ok(());
        }
        let mut tx = self.0.store.write().await?;
        for handover in due {
            tx.handover_expired(handover.id).await?;
            self.tell_handover(&mut tx, &handover, "credential.expired")
                .await?;
            tracing::info!(handover.id = %handover.id, "a credential did not arrive in its time");
        }
        Ok(tx.commit().await?)
    }

    async fn hand_over(&self, handover: &Handover) -> Result<(), Fail> {
        let mut session = self.0.store.read().await?;
        let secret = session.handover_secret(handover.id).await?;
        let place = place(&mut session, handover).await?;
        let binding = session.binding(handover.binding_id).await?;
        let (Some(secret), Some((password, branch, database)), Some(binding)) =
            (secret, place, binding)
        else {
            return Ok(());
        };
        let automation = session.automation(binding.automation_id).await?;
        let iteration = session.iteration(binding.iteration_id).await?;
        let (Some(automation), Some(iteration)) = (automation, iteration) else {
            return Ok(());
        };
        let signing = session.webhook_secret(automation.id).await?;
        drop(session);
        let revealed = self.revealed(password, &branch, &database, secret);
        let sent = match &handover.deliver {
            Deliver::Link(_) => return Ok(()),
            Deliver::File(file) => self.write_file(file, handover, &revealed).await,
            Deliver::Webhook(webhook) => {
                let about = (&automation, &iteration);
                self.post(webhook, handover, &revealed, about, signing)
                    .await
            }
        };
        if sent.is_err() {
            counter!("offshoot_handovers_failed_total").increment(1);
        }
        let now = self.now();
        let mut tx = self.0.store.write().await?;
        match sent {
            Ok(()) => {
                tx.handover_delivered(handover.id, now).await?;
                self.tell_handover(&mut tx, handover, "credential.delivered")
                    .await?;
            }
            Err(error) => {
                let pause = PAUSE.saturating_mul(1 << handover.attempts.min(16));
                let at = now.checked_add(pause.min(LONGEST)).unwrap_or(now);
                tracing::warn!(handover.id = %handover.id, error = %error, "a credential did not arrive; it is sent again");
                tx.handover_failed(handover.id, &error.to_string(), at)
                    .await?;
                if handover.attempts == 0 {
                    self.tell_handover(&mut tx, handover, "credential.failed")
                        .await?;
                }
            }
        }
        tx.commit().await?;
        self.changed();
        Ok(())
    }

    async fn write_file(
        &self,
        file: &FileDelivery,
        handover: &Handover,
        revealed: &Revealed,
    ) -> Result<(), PortError> {
        let variables = json!({
            "database": revealed.database,
            "branch": revealed.branch,
            "credential": handover.credential,
        });
        let name = file_name(&file.name, &variables)
            .map_err(|why| PortError::fatal(Refusal::unprocessable(why)))?;
        let content = revealed.written(file.format, &file.prefix);
        self.0.ports.credential_files.write(&name, &content).await
    }

    /// Signed as standardwebhooks.com has it; the id stays the same when it is sent again.
    async fn post(
        &self,
        webhook: &WebhookDelivery,
        handover: &Handover,
        revealed: &Revealed,
        (automation, iteration): (&Automation, &KnownIteration),
        signing: Option<SecretString>,
    ) -> Result<(), PortError> {
        let known = &iteration.record.iteration;
        let body = json!({
            "type": "credential.created",
            "id": handover.id,
            "timestamp": handover.created_at,
            "data": {
                "automation": automation.name,
                "database": revealed.database,
                "branch": revealed.branch,
                "credential": handover.credential,
                "role": revealed.password.role,
                "host": revealed.host,
                "port": revealed.port,
                "username": revealed.password.username,
                "password": revealed.secret.expose_secret(),
                "schema": revealed.schema,
                "url": revealed.url().expose_secret(),
                "expires_at": revealed.password.expires_at,
                "iteration": {
                    "id": iteration.id,
                    "name": known.name,
                    "number": known.number,
                    "url": known.url,
                },
            },
        })
        .to_string();
        let signing = signing.ok_or_else(|| {
            PortError::fatal(
                Refusal::unprocessable("the automation has no secret to sign webhooks with")
                    .hint("draw one: offshoot automation update --new-webhook-secret"),
            )
        })?;
        let time = self.now().as_second().to_string();
        let signature = sign(&signing, handover.id.as_str(), &time, &body);
        let header = |name: &str, value: String| (name.to_owned(), SecretString::from(value));
        let request = OutboundRequest {
            method: "POST",
            url: webhook.url.clone(),
            headers: vec![
                header("content-type", "application/json".to_owned()),
                header("user-agent", "offshoot".to_owned()),
                header("webhook-id", handover.id.to_string()),
                header("webhook-timestamp", time),
                header("webhook-signature", signature),
            ],
            body: Some(SecretString::from(body)),
            limit: ANSWER,
        };
        let response = self.0.ports.outbound.send(request).await?;
        match response.status {
            200..=299 => Ok(()),
            status => Err(PortError::retry(Refusal::unavailable(format!(
                "the receiver answered with status {status}"
            )))),
        }
    }
}

/// `v1,` and the HMAC of id, time and body under the bytes of the secret.
fn sign(secret: &SecretString, id: &str, time: &str, body: &str) -> String {
    use ::base64::Engine;
    use ::base64::engine::general_purpose::STANDARD;
    let text = secret.expose_secret();
    let text = text.strip_prefix("whsec_").unwrap_or(text);
    let key = STANDARD
        .decode(text)
        .unwrap_or_else(|_| text.as_bytes().to_vec());
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("any key length fits HMAC");
    for part in [id, ".", time, ".", body] {
        mac.update(part.as_bytes());
    }
    format!("v1,{}", base64(&mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification (standardwebhooks.com).
    #[test]
    fn a_webhook_is_signed_as_receivers_expect() {
        let secret = SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signature = sign(
            &secret,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "1614265330",
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
