//! Integrations: connections to planning tools.

use crate::id::{IntegrationId, IntegrationSecretId, OrganizationId};
use crate::name::IntegrationName;
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::Value;
use std::time::Duration;

/// Most secrets of one integration: two during a rotation, with room for one that was forgotten.
pub const MAX_SECRETS: usize = 5;

/// How an integration is kept. Its secrets are elsewhere, sealed.
#[derive(Clone, Debug, PartialEq)]
pub struct Integration {
    pub id: IntegrationId,
    pub organization_id: OrganizationId,
    pub name: IntegrationName,
    /// As `planning` names it: `github`, `generic`.
    pub tool: String,
    /// What the tool has to be known by, in the shape that the tool's settings have.
    pub settings: Value,
    /// Off: events are refused, and nothing is asked.
    pub enabled: bool,
    /// How often the tool is asked; `None` = never.
    pub poll_every: Option<Duration>,
    /// There is a token to ask it with.
    pub has_token: bool,
    pub polling: Polling,
    pub last_delivery_at: Option<Timestamp>,
    /// Display name of who made it.
    pub actor: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// How asking the tool goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Polling {
    /// When it is asked next.
    pub next_at: Option<Timestamp>,
    /// When it last answered with all that it has.
    pub last_at: Option<Timestamp>,
    /// Why the last round did not come to an end.
    pub failure: Option<String>,
    /// Rounds in a row that failed.
    pub failures: u32,
}

/// A secret that events are verified with, as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretInfo {
    pub id: IntegrationSecretId,
    pub created_at: Timestamp,
}

/// What lets an integration read and ask: never in an answer, never in a log.
#[derive(Clone, Debug, Default)]
pub struct IntegrationSecrets {
    /// Any one of them verifies an event; the newest first.
    pub signing: Vec<SecretString>,
    pub token: Option<SecretString>,
}
