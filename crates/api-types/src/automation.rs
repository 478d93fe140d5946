//! Automations of databases.

use crate::actor::Actor;
use crate::lenient;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use utoipa::ToSchema;

/// What a rule says, as `docs/guide/planning.md` describes it. What can be wrong in it without knowing the
/// database is refused while it is read.
pub use offshoot_core::automation::Rule as AutomationRule;

/// How a rule can deliver a credential.
pub const DELIVERIES: [&str; 7] = offshoot_core::automation::Deliver::KINDS;

/// A rule: which iterations make which branches, and what becomes of those.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Automation {
    pub id: String,
    pub name: String,
    /// Name of its integration.
    pub integration: String,
    pub enabled: bool,
    #[schema(value_type = Object)]
    pub rule: AutomationRule,
    /// Iterations that it made something of, or waits to.
    pub iterations: i64,
    /// What its webhooks are signed with; only in the answer to the request that drew it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_secret: Option<String>,
    /// Credentials that have a token of their own for their receiver. The tokens are never shown.
    #[serde(default)]
    pub tokens: Vec<String>,
    pub actor: Actor,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreateAutomation {
    pub name: String,
    #[schema(value_type = Object)]
    pub rule: AutomationRule,
    /// Absent = `true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Tokens that receivers are reached with, by the name of the credential. Each counts for the address that the
    /// rule names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tokens: BTreeMap<String, String>,
}

/// Absent fields stay.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UpdateAutomation {
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub new_name: Option<String>,
    /// In the place of the whole rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub rule: Option<AutomationRule>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Draw another secret for its webhooks, which is in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draw_webhook_secret: Option<bool>,
    /// Other tokens for receivers, by the name of the credential; `null`: the credential has none of its own any
    /// more. One whose receiver gets another address is forgotten.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tokens: BTreeMap<String, Option<String>>,
}

/// What a change of a rule would do, without doing it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AutomationEffects {
    pub effects: Vec<AutomationEffect>,
}

/// What would happen to one iteration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AutomationEffect {
    pub iteration: String,
    /// The branch that is there.
    pub branch: Option<String>,
    pub effect: String,
    /// A branch would be deleted, now or at a known time.
    pub deletes: bool,
    /// Who would be told, and what, when the branch is ready.
    #[serde(default)]
    pub tells: Option<String>,
}

/// An event as a tool would send it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TestAutomation {
    /// Those that the tool sends with it, such as `X-GitHub-Event`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// JSON.
    #[schema(value_type = Object)]
    pub body: Value,
}

/// What an event would do, without doing it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AutomationTest {
    /// What the event says.
    pub says: String,
    pub effects: Vec<AutomationEffect>,
}

/// Without its secrets.
impl fmt::Debug for Automation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Automation")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("integration", &self.integration)
            .field("enabled", &self.enabled)
            .field("rule", &self.rule)
            .finish_non_exhaustive()
    }
}

/// Without its secrets.
impl fmt::Debug for CreateAutomation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreateAutomation")
            .field("name", &self.name)
            .field("rule", &self.rule)
            .field("enabled", &self.enabled)
            .finish_non_exhaustive()
    }
}

/// Without its secrets.
impl fmt::Debug for UpdateAutomation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpdateAutomation")
            .field("new_name", &self.new_name)
            .field("rule", &self.rule)
            .field("enabled", &self.enabled)
            .field("draw_webhook_secret", &self.draw_webhook_secret)
            .finish_non_exhaustive()
    }
}
