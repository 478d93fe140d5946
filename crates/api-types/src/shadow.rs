//! Shadows of production branches.

use crate::actor::Actor;
use crate::branch::Position;
use crate::lenient;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How far a shadow is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ShadowState {
    /// Its data is being copied.
    Making,
    /// It has not been given all of its parent's history yet.
    CatchingUp,
    /// It had all of its parent's history when it was given that last.
    Following,
    /// It cannot follow any more, and is made again.
    Broken,
}

impl ShadowState {
    pub fn as_str(self) -> &'static str {
        match self {
            ShadowState::Making => "making",
            ShadowState::CatchingUp => "catching_up",
            ShadowState::Following => "following",
            ShadowState::Broken => "broken",
        }
    }
}

impl From<offshoot_core::shadow::ShadowState> for ShadowState {
    fn from(state: offshoot_core::shadow::ShadowState) -> Self {
        use offshoot_core::shadow::ShadowState as Core;
        match state {
            Core::Making => Self::Making,
            Core::CatchingUp => Self::CatchingUp,
            Core::Following => Self::Following,
            Core::Broken => Self::Broken,
        }
    }
}

/// The shadow of a production branch: a replica from which live branches and backups are taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Shadow {
    pub branch_id: String,
    /// Name of the branch that it follows.
    pub branch: String,
    pub state: ShadowState,
    /// Why it is broken, or was last not given what its parent committed.
    pub failure: Option<String>,
    /// How often it is given what its parent committed; `null` = continuously.
    pub every_seconds: Option<i64>,
    /// Its engine runs. It rests while there is nothing to be given to it.
    pub running: bool,
    /// How old the oldest change is that its parent committed and it does not have, at most; `null` before it
    /// is made.
    pub lag_seconds: Option<i64>,
    /// Bytes of binlog that it was not given yet.
    pub lag_bytes: Option<i64>,
    /// Up to where it has its parent's history.
    pub position: Option<Position>,
    /// What it was made of: `backup`, or the way in which its parent was copied: `frozen`, `hot_copy` or
    /// `asleep`; `null` before it is made.
    pub made_of: Option<String>,
    pub backup_id: Option<String>,
    pub made_at: Option<Timestamp>,
    /// When a broken one is made again, or one that failed is tried again.
    pub retry_at: Option<Timestamp>,
    /// Copies that were taken of it.
    pub copies: i64,
    pub last_copied_at: Option<Timestamp>,
    /// When a copy was last taken of its parent instead, and why.
    pub passed_over_at: Option<Timestamp>,
    pub passed_over_reason: Option<String>,
    pub actor: Option<Actor>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What makes a shadow.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct CreateShadow {
    /// Seconds after which it is given what its parent committed, 60 to 43200; absent or `null` =
    /// continuously.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every_seconds: Option<i64>,
}

/// What changes at a shadow; absent fields stay.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct UpdateShadow {
    /// `null` = continuously.
    #[serde(
        default,
        deserialize_with = "lenient::null_is_some",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<i64>)]
    pub every_seconds: Option<Option<i64>>,
}
