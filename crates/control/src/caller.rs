//! Who calls, proved by a service token, and what they may do.

use crate::Control;
use crate::recent::KnownToken;
use offshoot_core::access::Access;
use offshoot_core::automation::Automation;
use offshoot_core::credential::equal;
use offshoot_core::id::{DatabaseId, OrganizationId, RawId};
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
    token: KnownToken,
    remote_ip: Option<IpAddr>,
}

impl Caller {
    /// An automation, which may do on its database what rules can say. Whether its author might have done
    /// it by hand was checked when the rule was written.
    pub(crate) fn automation(automation: &Automation, organization: OrganizationId) -> Self {
        const MAY: [Access; 7] = [
            Access::CreateBranch,
            Access::WriteDatabase,
            Access::DeleteBranch,
            Access::ConnectBranch,
            Access::RestoreBackup,
            Access::RestoreProductionBranchBackup,
            Access::WriteBackups,
        ];
        let token = ServiceToken {
            id: RawId::from(automation.id).into(),
            organization_id: organization,
            name: Some(format!("automation {}", automation.name)),
            digest: [0; 32],
            root: false,
            expires_at: None,
            last_used_at: None,
            created_at: automation.created_at,
            updated_at: automation.updated_at,
        };
        let grants = MAY.map(|access| Grant {
            access,
            database_id: Some(automation.database_id),
        });
        Self(Arc::new(Proved {
            token: Arc::new((token, grants.into())),
            remote_ip: None,
        }))
    }

    pub fn token(&self) -> &ServiceToken {
        &self.0.token.0
    }

    pub fn grants(&self) -> &[Grant] {
        &self.0.token.1
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
            || self.grants().iter().any(|grant| {
                grant.access == access
                    && (grant.database_id.is_none() || grant.database_id == database)
            })
    }

    /// Whether the caller has any access at all that touches the database: then it may know of it.
    pub fn knows(&self, database: DatabaseId) -> bool {
        self.token().root
            || self
                .grants()
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
    let found = known(control, token_id).await?;
    let stored = found.as_ref().map_or([0; 32], |t| t.0.digest);
    let right = equal(&digest, &stored);
    let now = control.now();
    let token = found
        .filter(|t| right && t.0.expires_at.is_none_or(|at| at > now))
        .ok_or_else(refuse)?;
    control.0.usage.token_used(token.0.id, now);
    Ok(Caller(Arc::new(Proved { token, remote_ip })))
}

/// The token of that id with its grants.
async fn known(control: &Control, id: &str) -> Result<Option<KnownToken>, Refusal> {
    let (recent, version) = (&control.0.recent.tokens, control.version());
    let key = id.to_owned();
    if let Some(token) = recent.get(version, &key) {
        return Ok(Some(token));
    }
    let mut session = control.0.store.read().await?;
    let Some(token) = session.token(id).await? else {
        return Ok(None);
    };
    let grants = session.grants(token.id).await?;
    let token = Arc::new((token, grants.into_iter().map(|(g, _)| g).collect()));
    recent.put(version, key, token.clone());
    Ok(Some(token))
}
