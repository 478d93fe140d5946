//! Service tokens and their accesses.

use crate::actor::Reference;
use crate::lenient;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// A service token. `token` is there once: in the answer that made it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServiceToken {
    pub id: String,
    /// Always `ServiceToken`.
    #[serde(rename = "type", default)]
    pub kind: String,
    pub name: Option<String>,
    pub display_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    #[serde(default)]
    pub avatar_url: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
    pub actor_id: Option<String>,
    pub actor_display_name: Option<String>,
    pub actor_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_token_accesses: Option<Vec<TokenAccess>>,
}

impl fmt::Debug for ServiceToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceToken")
            .field("id", &self.id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// One access inside a service token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenAccess {
    pub id: String,
    pub access: String,
    pub description: String,
    pub resource_name: String,
    pub resource_id: String,
    /// `Organization` or `Database`.
    pub resource_type: String,
    pub resource: Reference,
}

/// What makes a service token.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct CreateServiceToken {
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub name: Option<String>,
    /// Seconds; 0 or absent = never expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<i64>,
}

/// Accesses to grant or to take away.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct ChangeAccess {
    /// Name or id of a database; absent or blank = the whole organization.
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub database: Option<String>,
    #[serde(default)]
    pub access: Vec<String>,
}

/// One granted access.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccessGrant {
    pub id: String,
    pub access: String,
    /// Always `ServiceTokenAccess`.
    #[serde(rename = "type")]
    pub kind: String,
    pub resource: GrantResource,
}

/// What an access is granted on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GrantResource {
    pub id: String,
    pub name: String,
    /// `Organization` or `Database`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// All accesses on one resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ResourceGrants {
    pub id: String,
    pub resource_name: String,
    /// `Organization` or `Database`.
    pub resource_type: String,
    pub resource_id: String,
    pub accesses: Vec<GrantedAccess>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GrantedAccess {
    pub access: String,
    pub description: String,
}
