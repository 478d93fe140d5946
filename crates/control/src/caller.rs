//! Who calls, proved by a service token or the token of a session, and what they may do.

use crate::Control;
use crate::recent::{Known, KnownToken};
use offshoot_core::access::Access;
use offshoot_core::automation::Automation;
use offshoot_core::credential::{digest, equal};
use offshoot_core::id::{DatabaseId, LENGTH, OrganizationId, RawId};
use offshoot_core::refusal::code;
use offshoot_core::scope;
use offshoot_core::token::{Grant, SESSION_PREFIX, ServiceToken};
use offshoot_core::user::User;
use offshoot_core::{Kind, Refusal};
use secrecy::{ExposeSecret, SecretString};
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
            session: None,
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
            token: Arc::new(Known {
                token,
                grants: grants.into(),
                user: None,
            }),
            remote_ip: None,
        }))
    }

    pub fn token(&self) -> &ServiceToken {
        &self.0.token.token
    }

    pub fn grants(&self) -> &[Grant] {
        &self.0.token.grants
    }

    pub fn remote_ip(&self) -> Option<IpAddr> {
        self.0.remote_ip
    }

    /// The user whose session the token is.
    pub fn user(&self) -> Option<&User> {
        self.0.token.user.as_ref()
    }

    /// Who it is, for the audit log: the user's id, else the token's.
    pub fn actor_id(&self) -> String {
        match self.user() {
            Some(user) => user.id.to_string(),
            None => self.token().id.to_string(),
        }
    }

    /// Name for lists and the audit log: the user's e-mail address, else the token's name, else its id.
    pub fn name(&self) -> String {
        if let Some(user) = self.user() {
            return user.email.to_string();
        }
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
    let found = verified(control, token_id, token, false).await?;
    let token = found.ok_or_else(|| {
        Refusal::new(Kind::Unauthorized, "the service token is not valid")
            .hint("check its id and value, or create another one")
    })?;
    Ok(Caller(Arc::new(Proved { token, remote_ip })))
}

/// Verifies the token of a session. Refused (`Unauthorized`, with a code of its own) when it is none, is over or was
/// revoked; the time does not tell them apart.
pub async fn authenticate_session(
    control: &Control,
    token: &SecretString,
    remote_ip: Option<IpAddr>,
) -> Result<Caller, Refusal> {
    let id = session_id(token.expose_secret()).unwrap_or_default();
    let found = verified(control, id, token, true).await?;
    let token = found.ok_or_else(|| {
        Refusal::new(Kind::Unauthorized, "the login has expired or was revoked")
            .code(code::SESSION)
            .hint("log in again")
    })?;
    Ok(Caller(Arc::new(Proved { token, remote_ip })))
}

/// The id in the token of a session.
pub(crate) fn session_id(text: &str) -> Option<&str> {
    text.strip_prefix(SESSION_PREFIX)?.get(..LENGTH)
}

/// The token of that id, where `text` is its text, it is not over, and is the session of a user or not, as asked.
async fn verified(
    control: &Control,
    id: &str,
    text: &SecretString,
    session: bool,
) -> Result<Option<KnownToken>, Refusal> {
    let found = known(control, id).await?;
    let stored = found.as_ref().map_or([0; 32], |t| t.token.digest);
    let right = equal(&digest(text), &stored);
    let now = control.now();
    let found = found.filter(|t| {
        right
            && t.token.expires_at.is_none_or(|at| at > now)
            && t.token.session.is_some() == session
            && t.user.is_some() == session
    });
    if let Some(known) = &found {
        control.0.usage.token_used(known.token.id, now);
    }
    Ok(found)
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
    let user = match &token.session {
        Some(of) => session.user(of.user).await?,
        None => None,
    };
    let grants = match (&token.session, &user) {
        (Some(of), Some(user)) => session_grants(&of.scopes, user),
        _ => {
            let grants = session.grants(token.id).await?;
            grants.into_iter().map(|(g, _)| g).collect()
        }
    };
    let token = Arc::new(Known {
        token,
        grants,
        user,
    });
    recent.put(version, key, token.clone());
    Ok(Some(token))
}

/// What a session may do: what its scopes say, as far as its user may.
fn session_grants(scopes: &str, user: &User) -> Vec<Grant> {
    let asked: Vec<Access> = scopes
        .split(' ')
        .filter_map(scope::accesses)
        .flatten()
        .collect();
    let both = user.role.accesses().iter().filter(|a| asked.contains(a));
    both.map(|access| Grant {
        access: *access,
        database_id: None,
    })
    .collect()
}
