//! Users: who calls, and members of organizations.

use crate::actor::Reference;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A user: a member of an organization, or (`/v1/user`) who calls, which may be a service token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct User {
    pub id: String,
    pub name: String,
    pub display_name: String,
    /// Empty for service tokens.
    pub email: String,
    /// Always empty.
    pub avatar_url: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub two_factor_auth_configured: bool,
    pub default_organization: Option<Reference>,
    pub sso: bool,
    pub managed: bool,
    pub directory_managed: bool,
    pub email_verified: bool,
}
