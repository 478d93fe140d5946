//! Integrations and their deliveries.

use crate::state::ApiState;
use offshoot_api_types::{Actor, Delivery, DeliveryIteration, Integration, IntegrationSecret};
use offshoot_control::integration::IntegrationView;
use offshoot_core::delivery::Delivery as CoreDelivery;
use secrecy::ExposeSecret;
use serde_json::Value;

pub(crate) fn integration(state: &ApiState, view: IntegrationView) -> Integration {
    let known = view.integration;
    let secrets = view.secrets.into_iter().map(|s| IntegrationSecret {
        id: s.id.to_string(),
        created_at: s.created_at,
    });
    Integration {
        url: format!("{}/v1/inbound/{}", state.public_url, known.id),
        id: known.id.to_string(),
        name: known.name.to_string(),
        tool: known.tool,
        settings: match known.settings {
            Value::Object(settings) => settings,
            _ => serde_json::Map::new(),
        },
        enabled: known.enabled,
        secrets: secrets.collect(),
        plain_text: view.drawn.map(|s| s.expose_secret().to_owned()),
        has_token: known.has_token,
        poll_seconds: known.poll_every.map(|d| signed(d.as_secs())),
        next_poll_at: known.polling.next_at,
        last_poll_at: known.polling.last_at,
        poll_failure: known.polling.failure,
        last_delivery_at: known.last_delivery_at,
        automations: signed(view.automations),
        actor: Actor::named(known.actor),
        created_at: known.created_at,
        updated_at: known.updated_at,
    }
}

pub(crate) fn delivery(delivery: CoreDelivery) -> Delivery {
    let told = delivery.told.into_iter().map(|told| DeliveryIteration {
        id: told.iteration.to_string(),
        name: told.name,
        changes: told.changes,
    });
    Delivery {
        id: delivery.id.to_string(),
        origin: delivery.origin.as_str().to_owned(),
        event: delivery.event,
        state: delivery.state.into(),
        reason: delivery.reason,
        iterations: told.collect(),
        seen: signed(delivery.seen),
        size_bytes: signed(delivery.size),
        received_at: delivery.received_at,
        processed_at: delivery.processed_at,
    }
}

fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
