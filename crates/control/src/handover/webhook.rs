//! Signed webhooks with credentials.

use super::base64;
use super::format::Revealed;
use super::receiver::Undelivered;
use crate::Control;
use crate::planning::answered;
use hmac::{Hmac, KeyInit, Mac};
use offshoot_core::automation::{Automation, WebhookDelivery};
use offshoot_core::handover::Handover;
use offshoot_core::port::OutboundRequest;
use offshoot_planning::poll::limited;
use offshoot_store::iteration::KnownIteration;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sha2::Sha256;

/// Nobody reads what a receiver answers.
const ANSWER: usize = 64 << 10;

impl Control {
    /// Signed as standardwebhooks.com has it; the id stays the same when it is sent again.
    pub(super) async fn post(
        &self,
        webhook: &WebhookDelivery,
        handover: &Handover,
        revealed: &Revealed,
        (automation, iteration): (&Automation, &KnownIteration),
        signing: Option<SecretString>,
    ) -> Result<(), Undelivered> {
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
                "generation": handover.generation,
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
            Undelivered::new(
                "the automation has no secret to sign webhooks with; draw one: offshoot automation update --new-webhook-secret",
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
        let response = answered(self.0.ports.outbound.send(request).await?);
        match response.status {
            200..=299 => Ok(()),
            status => Err(Undelivered {
                reason: format!("the receiver answered with status {status}"),
                wait: limited(&response, self.now()).flatten(),
            }),
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
