//! Webhooks, what was sent to them, and the shapes in which they are told.

use super::{automation, backup, branch_at, database_at, iteration_at};
use offshoot_api_types::{Drill, Region, Webhook, WebhookDelivery};
use offshoot_control::automation::AutomationView;
use offshoot_control::backup::BackupView;
use offshoot_control::branch::BranchView;
use offshoot_control::database::DatabaseView;
use offshoot_control::iteration::IterationView;
use offshoot_control::webhook::{Shapes, WebhookView};
use offshoot_core::webhook::WebhookDelivery as Delivery;
use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;

pub(crate) fn webhook(view: WebhookView) -> Webhook {
    let webhook = view.webhook;
    let last = webhook.last;
    Webhook {
        id: webhook.id.to_string(),
        url: webhook.url,
        secret: view.secret.map(|s| s.expose_secret().to_owned()),
        enabled: webhook.enabled,
        last_sent_result: last.as_ref().map(|l| l.result.clone()),
        last_sent_success: last.as_ref().map(|l| l.success),
        last_sent_at: last.map(|l| l.at),
        created_at: webhook.created_at,
        updated_at: webhook.updated_at,
        events: webhook.events.iter().map(ToString::to_string).collect(),
        disabled_reason: webhook.disabled_reason,
        failures: webhook.failures.into(),
        retry_at: webhook.retry_at,
    }
}

/// `whole`: with the body.
pub(crate) fn webhook_delivery(delivery: Delivery, whole: bool) -> WebhookDelivery {
    let body = delivery.body.filter(|_| whole);
    WebhookDelivery {
        id: delivery.id.to_string(),
        event: delivery.event.to_string(),
        state: delivery.state.to_string(),
        subject_type: delivery.subject_type,
        subject_id: delivery.subject_id,
        subject: delivery.subject,
        attempts: delivery.attempts.into(),
        status_code: delivery.status.map(i64::from),
        duration_ms: delivery
            .took
            .map(|d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX)),
        failure: delivery.failure,
        created_at: delivery.happened_at,
        sent_at: delivery.tried_at,
        retry_at: delivery.retry_at,
        payload: body.and_then(|b| serde_json::from_str(&b).ok()),
    }
}

/// The API's shapes, for webhooks.
#[derive(Debug)]
pub struct ApiShapes {
    /// As in [`crate::ApiState`].
    pub public_url: Arc<str>,
    /// The only region.
    pub region: Arc<Region>,
}

impl Shapes for ApiShapes {
    fn branch(&self, view: BranchView) -> Value {
        value(branch_at(&self.public_url, &self.region, view))
    }

    fn database(&self, view: DatabaseView) -> Value {
        value(database_at(&self.public_url, &self.region, view))
    }

    fn backup(&self, view: BackupView) -> Value {
        value(backup(view))
    }

    fn drill(&self, drill: offshoot_core::drill::Drill) -> Value {
        value(Drill::from(drill))
    }

    fn iteration(&self, view: IterationView) -> Value {
        value(iteration_at(&self.public_url, view))
    }

    fn automation(&self, view: AutomationView) -> Value {
        value(automation(view))
    }
}

fn value(shape: impl Serialize) -> Value {
    serde_json::to_value(shape).unwrap_or_default()
}
