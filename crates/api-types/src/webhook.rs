//! Webhooks of databases, and what was sent to them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use utoipa::ToSchema;

/// Who is told what happens to a database. Source: PlanetScale's webhook.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Webhook {
    pub id: String,
    pub url: String,
    /// What bodies are signed with; `null` for those who may not change the webhook.
    pub secret: Option<String>,
    pub enabled: bool,
    /// Status of the last try, or why there was no answer.
    pub last_sent_result: Option<String>,
    pub last_sent_success: Option<bool>,
    pub last_sent_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub events: Vec<String>,
    /// Why it was switched off by itself.
    pub disabled_reason: Option<String>,
    /// Failures in a row.
    pub failures: i64,
    /// Nothing is sent before.
    pub retry_at: Option<Timestamp>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreateWebhook {
    /// `https://…`
    #[serde(default)]
    pub url: Option<String>,
    /// Absent = `true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Absent or empty = all that happen here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<String>>,
}

/// Absent fields stay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UpdateWebhook {
    #[serde(
        default,
        deserialize_with = "crate::lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// In the place of all; empty = all that happen here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<String>>,
}

/// One event on its way to one webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookDelivery {
    /// In the body and in `X-Offshoot-Delivery`; the same when it is sent again.
    pub id: String,
    pub event: String,
    /// `pending`, `delivered` or `failed`.
    pub state: String,
    /// Type, id and name of what it is about.
    pub subject_type: String,
    pub subject_id: String,
    pub subject: String,
    /// Tries.
    pub attempts: i64,
    /// Of the last try: HTTP status, and how long it took.
    pub status_code: Option<i64>,
    pub duration_ms: Option<i64>,
    /// Why the last try failed.
    pub failure: Option<String>,
    pub created_at: Timestamp,
    pub sent_at: Option<Timestamp>,
    /// When it is sent again.
    pub retry_at: Option<Timestamp>,
    /// The body; only where one delivery is shown, and from the first try on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub payload: Option<Value>,
}

/// Without its secret.
impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("id", &self.id)
            .field("enabled", &self.enabled)
            .field("events", &self.events)
            .field("last_sent_result", &self.last_sent_result)
            .field("disabled_reason", &self.disabled_reason)
            .field("failures", &self.failures)
            .finish_non_exhaustive()
    }
}
