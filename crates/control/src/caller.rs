//! Who calls, proved by a service token, and what they may do.

use crate::Control;
use offshoot_core::access::Access;
use offshoot_core::credential::equal;
use offshoot_core::id::DatabaseId;
use offshoot_core::token::{Grant, ServiceToken};
use offshoot_core::{Kind, Refusal};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use std::net::IpAddr;
use std::sync::Arc;

/// Someone whose token was verified. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Caller(Arc<Proved>);

#[derive(Debug)]
struct Proved {
    token: ServiceToken,
    grants: Vec<Grant>,
    remote_ip: Option<IpAddr>,
}

impl Caller {
    pub(crate) fn new(token: ServiceToken, grants: Vec<Grant>, remote_ip: Option<IpAddr>) -> Self {
        Self(Arc::new(Proved {
            token,
            grants,
            remote_ip,
        }))
    }

    pub fn token(&self) -> &ServiceToken {
        &self.0.token
    }

    pub fn grants(&self) -> &[Grant] {
        &self.0.grants
    }

    pub fn remote_ip(&self) -> Option<IpAddr> {
        self.0.remote_ip
    }

    /// Name for lists and the audit log: the token's name, else its id.
    pub fn name(&self) -> String {
        let token = self.token();
        token.name.clone().unwrap_or_else(|| token.id.to_string())
    }

    /// Whether the caller has `access` on the database (`None`: on the organization).
    pub fn may(&self, access: Access, database: Option<DatabaseId>) -> bool {
        let token = self.token();
        token.root
            || self.0.grants.iter().any(|grant| {
                grant.access == access
                    && (grant.database_id.is_none() || grant.database_id == database)
            })
    }

    /// Whether the caller has any access at all that touches the database: then it may know of it.
    pub fn knows(&self, database: DatabaseId) -> bool {
        self.token().root
            || self
                .0
                .grants
                .iter()
                .any(|grant| grant.database_id.is_none() || grant.database_id == Some(database))
    }
}

/// Verifies a service token. Unknown id, wrong token and expired token are the same refusal
/// (`Unauthorized`); the time does not tell them apart.
pub async fn authenticate(
    control: &Control,
    token_id: &str,
    token: &SecretString,
    remote_ip: Option<IpAddr>,
) -> Result<Caller, Refusal> {
    let refuse = || {
        Refusal::new(Kind::Unauthorized, "the service token is not valid")
            .hint("check its id and value, or create another one")
    };
    let digest: [u8; 32] = Sha256::digest(token.expose_secret().as_bytes()).into();
    let mut session = control.0.store.read().await?;
    let found = session.token(token_id).await?;
    let stored = found.as_ref().map_or([0; 32], |t| t.digest);
    let right = equal(&digest, &stored);
    let now = control.now();
    let found = found
        .filter(|t| right && t.expires_at.is_none_or(|at| at > now))
        .ok_or_else(refuse)?;
    let grants = session.grants(found.id).await?;
    control.0.usage.token_used(found.id, now);
    Ok(Caller::new(
        found,
        grants.into_iter().map(|(g, _)| g).collect(),
        remote_ip,
    ))
}
