//! References to other things: who did it, what it belongs to.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who made a thing: a service token, or Offshoot itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Actor {
    pub id: String,
    /// Always `ServiceToken` for now.
    #[serde(rename = "type", default)]
    pub kind: String,
    pub display_name: String,
    /// Always empty: there are no pictures.
    #[serde(default)]
    pub avatar_url: String,
}

impl Actor {
    pub fn named(display_name: impl Into<String>) -> Self {
        Self {
            id: String::new(),
            kind: "ServiceToken".into(),
            display_name: display_name.into(),
            avatar_url: String::new(),
        }
    }
}

/// A named thing of any kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reference {
    pub id: String,
    pub name: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub deleted_at: Option<Timestamp>,
}
