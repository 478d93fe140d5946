//! Events as planning tools send them: verified, stored, answered. What they say is worked on
//! afterwards.

use crate::Control;
use crate::integration::{add_secret, settings_of};
use jiff::Timestamp;
use metrics::counter;
use offshoot_core::delivery::{Delivery, DeliveryOrigin, DeliveryState, RawRequest};
use offshoot_core::refusal::{Kind, Refusal, code};
use offshoot_planning::inbound::{
    self, Answer, BODY_LIMIT, Request, Unverified, delivery_key, handshake, verify,
};
use secrecy::ExposeSecret;

/// Longest body that is taken, in bytes.
pub const MAX_BODY: usize = BODY_LIMIT;

/// A request to an integration's address. Everything in it may be forged.
#[derive(Clone)]
pub struct Arrived {
    pub method: String,
    /// As the tool was given it.
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// What is answered.
#[derive(Debug)]
pub enum Received {
    /// The tool looked whether somebody is there.
    Shaken(Answer),
    /// Durable; worked on soon.
    Stored(Delivery),
    /// The same event was there already.
    Known,
}

/// Verifies and stores. Refused: an address of no integration, one that is switched off, and what is not
/// signed with one of its secrets (`SIGNATURE`).
pub async fn receive(
    control: &Control,
    integration: &str,
    arrived: Arrived,
) -> Result<Received, Refusal> {
    let missing = || {
        Refusal::not_found("this address of an integration")
            .hint("see the integration's address: offshoot integration show")
    };
    let id = integration.parse().map_err(|_| missing())?;
    let mut session = control.0.store.read().await?;
    let integration = session.integration(id).await?.ok_or_else(missing)?;
    let secrets = session.integration_secrets(id).await?.signing;
    drop(session);
    let settings = settings_of(&integration)?;
    let request = Request {
        method: arrived.method,
        url: arrived.url,
        headers: arrived.headers,
        body: arrived.body,
    };
    let now = control.now();
    if let Some(shaken) = handshake(&settings, &secrets, &request) {
        let answer = shaken.map_err(|why| unverified(&why))?;
        if let Some(secret) = &answer.keep {
            let known = |s: &&secrecy::SecretString| s.expose_secret() == secret.expose_secret();
            // The tool's protocol says whom to believe; `planning` has looked.
            if !secrets.iter().any(|s| known(&s)) {
                let mut tx = control.0.store.write().await?;
                add_secret(control, &mut tx, id, secret).await?;
                tx.commit().await?;
            }
        }
        return Ok(Received::Shaken(answer));
    }
    if request.method != "POST" {
        return Err(missing());
    }
    verify(&settings, &secrets, &request, now).map_err(|why| unverified(&why))?;
    if !integration.enabled {
        return Err(Refusal::unprocessable(format!(
            "integration \"{}\" is switched off",
            integration.name
        ))
        .hint("switch it on: offshoot integration update NAME --enabled"));
    }
    let kept = request.kept(&settings);
    let delivery = Delivery {
        id: control.id(),
        integration_id: id,
        key: delivery_key(&settings, &request),
        origin: DeliveryOrigin::Webhook,
        event: event_name(&request),
        state: DeliveryState::Received,
        reason: None,
        told: Vec::new(),
        seen: 1,
        size: u64::try_from(kept.body.len()).unwrap_or(u64::MAX),
        received_at: now,
        processed_at: None,
    };
    let raw = RawRequest {
        url: kept.url,
        headers: kept.headers,
        body: kept.body,
    };
    let mut tx = control.0.store.write().await?;
    let new = tx.insert_delivery(&delivery, Some(&raw)).await?;
    tx.commit().await?;
    if !new {
        return Ok(Received::Known);
    }
    counter!("offshoot_deliveries_received_total").increment(1);
    control.0.signals.planning.notify_one();
    Ok(Received::Stored(delivery))
}

/// Why a request is not believed is told: it says nothing of secrets, and whoever sets a tool up needs it.
fn unverified(why: &Unverified) -> Refusal {
    counter!("offshoot_deliveries_refused_total").increment(1);
    Refusal::new(Kind::Unauthorized, why.to_string())
        .code(code::SIGNATURE)
        .hint("give tool and integration the same secret: offshoot integration update NAME --secret-file FILE")
}

/// The tool's own name of the event, for lists; cut to what people read.
fn event_name(request: &Request) -> Option<String> {
    const HEADERS: [&str; 3] = ["x-github-event", "x-gitlab-event", "linear-event"];
    let name = HEADERS.iter().find_map(|name| request.header(name))?;
    let name: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
    (!name.is_empty()).then_some(name)
}

/// What a stored delivery says.
pub(crate) fn read(
    settings: &offshoot_planning::Settings,
    raw: &RawRequest,
    received_at: Timestamp,
) -> inbound::Parsed {
    let request = Request {
        method: "POST".to_owned(),
        url: raw.url.clone(),
        headers: raw.headers.clone(),
        body: raw.body.clone(),
    };
    inbound::parse(settings, &request, received_at)
}
