//! Handovers: credentials on their way to those who are to have them. Until one has arrived its
//! secret is kept sealed; then it is gone.

use crate::automation::Deliver;
use crate::id::{BindingId, HandoverId, PasswordId};
use jiff::Timestamp;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// How far a handover is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandoverState {
    /// The secret is here, sealed. A link waits to be opened, anything else to be sent.
    Pending,
    /// It has arrived; the secret is gone.
    Delivered,
    /// Nobody opened the link in its time, the branch is gone, or a newer credential has taken its place; the
    /// secret is gone.
    Expired,
}

impl HandoverState {
    pub const ALL: [HandoverState; 3] = [
        HandoverState::Pending,
        HandoverState::Delivered,
        HandoverState::Expired,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            HandoverState::Pending => "pending",
            HandoverState::Delivered => "delivered",
            HandoverState::Expired => "expired",
        }
    }
}

impl fmt::Display for HandoverState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a handover is pending, delivered or expired")]
pub struct InvalidHandoverState;

impl FromStr for HandoverState {
    type Err = InvalidHandoverState;

    fn from_str(text: &str) -> Result<Self, InvalidHandoverState> {
        let mut all = Self::ALL.into_iter();
        all.find(|s| s.as_str() == text).ok_or(InvalidHandoverState)
    }
}

/// The newest credential of a name that a branch was given by its rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    pub credential: String,
    pub generation: u32,
    /// `None`: it does not expire, or somebody deleted its password.
    pub life: Option<Life>,
}

/// How long a password is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    pub ttl: Duration,
    pub expires_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handover {
    /// Receivers know it, too: the same one comes twice under the same id.
    pub id: HandoverId,
    pub binding_id: BindingId,
    pub password_id: PasswordId,
    /// The name of the credential in the rule.
    pub credential: String,
    /// Counted from 1: each credential that takes the place of an earlier one of the name is one more.
    pub generation: u32,
    pub deliver: Deliver,
    pub state: HandoverState,
    /// Tries that failed.
    pub attempts: u32,
    pub retry_at: Option<Timestamp>,
    /// Why the last try failed.
    pub failure: Option<String>,
    /// Of a link.
    pub expires_at: Option<Timestamp>,
    pub delivered_at: Option<Timestamp>,
    pub created_at: Timestamp,
}
