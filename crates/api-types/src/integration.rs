//! Integrations with planning tools, and the events that they sent.

use crate::actor::Actor;
use crate::lenient;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;
use utoipa::ToSchema;

/// A connection to a planning tool. Its secrets are in no answer but the one to the request that drew them.
#[derive(Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Integration {
    pub id: String,
    pub name: String,
    /// `github`, `generic`, …
    pub tool: String,
    /// What the tool has to be known by.
    #[schema(value_type = Object)]
    pub settings: Map<String, Value>,
    /// `false`: events are refused, and nothing is asked.
    pub enabled: bool,
    /// Where the tool sends its events to.
    pub url: String,
    /// Any one of them verifies an event; the newest first.
    pub secrets: Vec<IntegrationSecret>,
    /// A secret that was drawn just now: give it to the tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plain_text: Option<String>,
    /// There is a token to ask the tool with.
    pub has_token: bool,
    /// How often the tool is asked; `null` = never.
    pub poll_seconds: Option<i64>,
    pub next_poll_at: Option<Timestamp>,
    /// When the tool last answered with all that it has.
    pub last_poll_at: Option<Timestamp>,
    /// Why it could not be asked the last time.
    pub poll_failure: Option<String>,
    pub last_delivery_at: Option<Timestamp>,
    /// Automations that go by it.
    pub automations: i64,
    pub actor: Actor,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IntegrationSecret {
    pub id: String,
    pub created_at: Timestamp,
}

#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct CreateIntegration {
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub name: Option<String>,
    /// `github`, `generic`, …
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub tool: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub settings: Option<Map<String, Value>>,
    /// What the tool signs its events with; absent = one is drawn, and is in the answer.
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub secret: Option<String>,
    /// What the tool's API is asked with.
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub token: Option<String>,
    /// 30 to 86400; absent = the tool is not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll_seconds: Option<i64>,
}

/// Absent fields stay.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct UpdateIntegration {
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub new_name: Option<String>,
    /// In the place of all settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub settings: Option<Map<String, Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// One more secret, which counts beside the others until they are removed.
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub secret: Option<String>,
    /// Draw one more, which is in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draw_secret: Option<bool>,
    /// Ids of secrets that do not count any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remove_secrets: Option<Vec<String>>,
    /// `null` = there is none any more.
    #[serde(
        default,
        deserialize_with = "lenient::null_is_some",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>)]
    pub token: Option<Option<String>>,
    /// `null` = the tool is not asked any more.
    #[serde(
        default,
        deserialize_with = "lenient::null_is_some",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<i64>)]
    pub poll_seconds: Option<Option<i64>>,
}

/// How far a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    Received,
    Applied,
    Ignored,
    Failed,
}

impl DeliveryState {
    pub fn as_str(self) -> &'static str {
        match self {
            DeliveryState::Received => "received",
            DeliveryState::Applied => "applied",
            DeliveryState::Ignored => "ignored",
            DeliveryState::Failed => "failed",
        }
    }
}

impl From<offshoot_core::delivery::DeliveryState> for DeliveryState {
    fn from(state: offshoot_core::delivery::DeliveryState) -> Self {
        use offshoot_core::delivery::DeliveryState as Core;
        match state {
            Core::Received => Self::Received,
            Core::Applied => Self::Applied,
            Core::Ignored => Self::Ignored,
            Core::Failed => Self::Failed,
        }
    }
}

/// An event that came in, with what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Delivery {
    pub id: String,
    /// `webhook`: the tool sent it; `poll`: the tool was asked, and something had changed.
    pub origin: String,
    /// The tool's name of the event.
    pub event: Option<String>,
    pub state: DeliveryState,
    /// Why it is ignored or failed.
    pub reason: Option<String>,
    pub iterations: Vec<DeliveryIteration>,
    /// How often it came.
    pub seen: i64,
    pub size_bytes: i64,
    pub received_at: Timestamp,
    pub processed_at: Option<Timestamp>,
}

/// What a delivery said of an iteration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryIteration {
    pub id: String,
    pub name: String,
    /// `planned`, `started`, `renamed`, `rescheduled`, `ended`, `reopened`, `deleted`; empty: nothing new.
    pub changes: Vec<String>,
}

/// What a tool is answered whose event is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Accepted {
    /// `null`: it was there already.
    pub delivery: Option<String>,
}

/// Without its secrets.
impl fmt::Debug for Integration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Integration")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("tool", &self.tool)
            .field("enabled", &self.enabled)
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// Without its secrets.
impl fmt::Debug for CreateIntegration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreateIntegration")
            .field("name", &self.name)
            .field("tool", &self.tool)
            .field("settings", &self.settings)
            .field("poll_seconds", &self.poll_seconds)
            .finish_non_exhaustive()
    }
}

/// Without its secrets.
impl fmt::Debug for UpdateIntegration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpdateIntegration")
            .field("new_name", &self.new_name)
            .field("settings", &self.settings)
            .field("enabled", &self.enabled)
            .field("poll_seconds", &self.poll_seconds)
            .finish_non_exhaustive()
    }
}
