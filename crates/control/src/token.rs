//! Service tokens: create, list, show, delete, grant and revoke accesses.

use crate::Control;
use crate::locate::{LocatedOrganization, LocatedToken};
use crate::page::{Listed, Page};
use offshoot_core::Refusal;
use offshoot_core::access::Access;
use offshoot_core::token::{Grant, ServiceToken};
use secrecy::SecretString;
use std::time::Duration;

#[derive(Clone, Debug)]
pub struct TokenView {
    pub token: ServiceToken,
    pub grants: Vec<GrantView>,
    /// The token itself: only in the answer to its creation. Begins with `pscale_tkn_`.
    pub plain_text: Option<SecretString>,
}

/// A grant with the name of what it is on.
#[derive(Clone, Debug)]
pub struct GrantView {
    pub grant: Grant,
    /// Name of the database, or of the organization.
    pub resource: String,
    pub resource_id: String,
}

/// Needs `write_service_tokens`. A new token has no access until it is granted some.
pub async fn create(
    control: &Control,
    at: &LocatedOrganization,
    name: Option<String>,
    ttl: Option<Duration>,
) -> Result<TokenView, Refusal> {
    let _ = (control, at, name, ttl);
    Err(Refusal::internal("not built yet"))
}

/// Needs `read_service_tokens`. The root token is not listed.
pub async fn list(
    control: &Control,
    at: &LocatedOrganization,
    page: Page,
) -> Result<Listed<TokenView>, Refusal> {
    let _ = (control, at, page);
    Err(Refusal::internal("not built yet"))
}

pub async fn show(control: &Control, at: &LocatedToken) -> Result<TokenView, Refusal> {
    let _ = (control, at);
    Err(Refusal::internal("not built yet"))
}

/// Needs `delete_service_tokens`.
pub async fn delete(control: &Control, at: &LocatedToken) -> Result<(), Refusal> {
    let _ = (control, at);
    Err(Refusal::internal("not built yet"))
}

/// Grants accesses on a database (name or id), or with `None` or empty on the organization. Needs
/// `write_service_tokens`; a caller can grant only what it has itself.
pub async fn grant(
    control: &Control,
    at: &LocatedToken,
    database: Option<&str>,
    accesses: &[Access],
) -> Result<TokenView, Refusal> {
    let _ = (control, at, database, accesses);
    Err(Refusal::internal("not built yet"))
}

pub async fn revoke(
    control: &Control,
    at: &LocatedToken,
    database: Option<&str>,
    accesses: &[Access],
) -> Result<TokenView, Refusal> {
    let _ = (control, at, database, accesses);
    Err(Refusal::internal("not built yet"))
}
