//! Deliveries: events that came in, with what became of each.

use crate::id::{DeliveryId, IntegrationId, IterationId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// How far a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// Stored, and answered; nothing else yet.
    Received,
    /// What it says was taken over.
    Applied,
    /// It says nothing that is of interest here.
    Ignored,
    /// It cannot be read; replaying it may help once the integration is corrected.
    Failed,
}

impl DeliveryState {
    pub const ALL: [DeliveryState; 4] = [
        DeliveryState::Received,
        DeliveryState::Applied,
        DeliveryState::Ignored,
        DeliveryState::Failed,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            DeliveryState::Received => "received",
            DeliveryState::Applied => "applied",
            DeliveryState::Ignored => "ignored",
            DeliveryState::Failed => "failed",
        }
    }
}

impl fmt::Display for DeliveryState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a delivery is received, applied, ignored or failed")]
pub struct InvalidDeliveryState;

impl FromStr for DeliveryState {
    type Err = InvalidDeliveryState;

    fn from_str(text: &str) -> Result<Self, InvalidDeliveryState> {
        let mut all = Self::ALL.into_iter();
        all.find(|s| s.as_str() == text).ok_or(InvalidDeliveryState)
    }
}

/// How an event came to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryOrigin {
    /// The tool sent it.
    Webhook,
    /// The tool was asked, and something had changed.
    Poll,
}

impl DeliveryOrigin {
    pub fn as_str(self) -> &'static str {
        match self {
            DeliveryOrigin::Webhook => "webhook",
            DeliveryOrigin::Poll => "poll",
        }
    }
}

impl FromStr for DeliveryOrigin {
    type Err = InvalidDeliveryState;

    fn from_str(text: &str) -> Result<Self, InvalidDeliveryState> {
        match text {
            "webhook" => Ok(Self::Webhook),
            "poll" => Ok(Self::Poll),
            _ => Err(InvalidDeliveryState),
        }
    }
}

/// What a delivery changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    pub iteration: IterationId,
    pub name: String,
    /// `planned`, `renamed`, …; empty: it told nothing new.
    pub changes: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub id: DeliveryId,
    pub integration_id: IntegrationId,
    /// The same event has the same key, however often it is sent.
    pub key: String,
    pub origin: DeliveryOrigin,
    /// The tool's name of the event, where it has one.
    pub event: Option<String>,
    pub state: DeliveryState,
    /// Why it is ignored or failed.
    pub reason: Option<String>,
    pub told: Vec<Told>,
    /// How often it came.
    pub seen: u64,
    /// Bytes of its body.
    pub size: u64,
    pub received_at: Timestamp,
    pub processed_at: Option<Timestamp>,
}

/// What is kept of a request to read it, now and when it is replayed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawRequest {
    /// Without a query.
    pub url: String,
    /// Those that reading it needs; none of them proves who sends.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}
