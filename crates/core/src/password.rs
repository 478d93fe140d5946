//! Passwords: the credentials of one branch.

use crate::credential::Verifier;
use crate::id::{BranchId, PasswordId};
use ipnet::IpNet;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// What a credential may do; enforced by the engine's own grants on one stable account per role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// SELECT.
    Reader,
    /// INSERT, UPDATE, DELETE.
    Writer,
    /// Both.
    Readwriter,
    /// Everything on user schemas, and what `mysqldump` needs.
    Admin,
}

impl Role {
    pub const ALL: [Role; 4] = [Role::Reader, Role::Writer, Role::Readwriter, Role::Admin];

    pub fn as_str(self) -> &'static str {
        match self {
            Role::Reader => "reader",
            Role::Writer => "writer",
            Role::Readwriter => "readwriter",
            Role::Admin => "admin",
        }
    }

    /// The engine account that connections with this role use: the same in every branch, so that
    /// definers of triggers and views stay valid in every copy. Host is always `localhost`.
    pub fn account(self) -> &'static str {
        match self {
            Role::Reader => "offshoot_reader",
            Role::Writer => "offshoot_writer",
            Role::Readwriter => "offshoot_readwriter",
            Role::Admin => "offshoot_admin",
        }
    }
}

/// The account of [`Role::Admin`] on a branch with safe migrations. [`Role::account`] stays the definer of what is
/// there, and keeps what triggers and events need of their definer; this one has nothing of that.
pub const SAFE_ADMIN: &str = "offshoot_safe_admin";

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a role is reader, writer, readwriter or admin")]
pub struct InvalidRole;

impl FromStr for Role {
    type Err = InvalidRole;

    fn from_str(text: &str) -> Result<Self, InvalidRole> {
        Role::ALL
            .into_iter()
            .find(|r| r.as_str() == text)
            .ok_or(InvalidRole)
    }
}

/// A password as it is kept: what verifies the secret, never the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Password {
    pub id: PasswordId,
    pub branch_id: BranchId,
    pub name: String,
    /// Unique among all branches, for ever.
    pub username: String,
    pub verifier: Verifier,
    pub role: Role,
    /// Addresses that may use it; empty = all.
    pub cidrs: Vec<IpNet>,
    pub ttl: Option<Duration>,
    pub expires_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
    /// Why and when its last use was refused, for `password show`.
    pub last_refused: Option<(Timestamp, String)>,
    pub actor: String,
    pub created_at: Timestamp,
}

impl Password {
    pub fn expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    pub fn renewable(&self) -> bool {
        self.ttl.is_some()
    }

    pub fn allows(&self, address: std::net::IpAddr) -> bool {
        self.cidrs.is_empty()
            || self
                .cidrs
                .iter()
                .any(|net| net.contains(&address.to_canonical()))
    }
}
