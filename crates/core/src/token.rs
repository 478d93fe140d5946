//! Service tokens: how programs and the CLI prove who they are to the API.

use crate::access::Access;
use crate::id::{DatabaseId, OrganizationId, ServiceTokenId, UserId};
use jiff::Timestamp;

/// Every token begins with it (PlanetScale's clients warn about swapped id and token by this prefix).
pub const TOKEN_PREFIX: &str = "pscale_tkn_";
/// Every token of a session begins with it; the id follows, then what is secret.
pub const SESSION_PREFIX: &str = "pscale_oauth_";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceToken {
    pub id: ServiceTokenId,
    pub organization_id: OrganizationId,
    pub name: Option<String>,
    /// SHA-256 of the token; the token is random, so nothing slower is needed.
    pub digest: [u8; 32],
    /// The token of the first start: every access, everywhere.
    pub root: bool,
    /// A user's session: then it was not granted accesses, but has those of the user within its scopes.
    pub session: Option<UserSession>,
    pub expires_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What makes a token a session: whom it acts for, which program it was given to, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserSession {
    pub user: UserId,
    /// What the program calls itself.
    pub client: String,
    /// Names of scopes, with spaces between them.
    pub scopes: String,
}

/// One access granted to a token: on one database, or (`None`) on the whole organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub access: Access,
    pub database_id: Option<DatabaseId>,
}
