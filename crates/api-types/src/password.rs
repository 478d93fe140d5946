//! Passwords: the credentials of a branch.

use crate::actor::Actor;
use crate::connection::Connection;
use crate::lenient;
use crate::region::Region;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// A credential. `plain_text` is there once: in the answer that made it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Password {
    pub id: String,
    pub name: String,
    /// `reader`, `writer`, `readwriter` or `admin`.
    pub role: String,
    /// Addresses that may use it; `null` = all.
    pub cidrs: Option<Vec<String>>,
    pub created_at: Timestamp,
    pub deleted_at: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
    pub expired: bool,
    pub direct_vtgate: bool,
    pub direct_vtgate_addresses: Vec<String>,
    pub ttl_seconds: Option<i64>,
    /// Host and port of the HTTP data API, which is reached with `https://`; `connection` has the gateway's.
    pub access_host_url: String,
    pub access_host_regional_url: String,
    pub access_host_regional_urls: Vec<String>,
    pub actor: Option<Actor>,
    pub region: Option<Region>,
    pub username: String,
    pub plain_text: Option<String>,
    pub replica: bool,
    /// It has a TTL, so that it can be renewed.
    pub renewable: bool,
    pub database_branch: PasswordBranch,

    // Additions of Offshoot.
    pub connection: Connection,
    /// When and why its last use was refused; the MySQL client itself is not told.
    pub last_refused_at: Option<Timestamp>,
    pub last_refused_reason: Option<String>,
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Password")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("role", &self.role)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// The branch that a password belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PasswordBranch {
    pub name: String,
    pub id: String,
    pub production: bool,
    pub mysql_edge_address: String,
    pub private_edge_connectivity: bool,
}

/// What makes a password. `replica`, `direct_vtgate` and regions are accepted and ignored.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct CreatePassword {
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub name: Option<String>,
    /// `reader`, `writer`, `readwriter` or `admin` (default; `reader` with `replica`).
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub role: Option<String>,
    /// Seconds; 0 or absent = never expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<i64>,
    /// Addresses or networks that may use it; absent or empty = all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cidrs: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replica: Option<bool>,
}

/// What changes at a password; absent fields stay.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct UpdatePassword {
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cidrs: Option<Vec<String>>,
}
