//! Sessions: the tokens that programs have of users. Users see and end their own; those who may change the organization,
//! everybody's.

use crate::Control;
use crate::caller::session_id;
use crate::locate::{LocatedOrganization, quoted};
use crate::trail::Actor;
use offshoot_core::Refusal;
use offshoot_core::access::Access;
use offshoot_core::credential::{digest, equal};
use offshoot_core::id::UserId;
use offshoot_core::token::ServiceToken;
use secrecy::{ExposeSecret, SecretString};

/// A session, and the e-mail address of its user.
#[derive(Clone, Debug)]
pub struct SessionView {
    pub token: ServiceToken,
    pub email: String,
}

/// Newest first; those that are over are left out. Who is no user needs `write_organization`.
pub async fn list(
    control: &Control,
    at: &LocatedOrganization,
) -> Result<Vec<SessionView>, Refusal> {
    let own = whose(at)?;
    let mut session = control.0.store.read().await?;
    let found = session.sessions(at.organization.id, own).await?;
    let now = control.now();
    Ok(found
        .into_iter()
        .filter(|(token, _)| token.expires_at.is_none_or(|t| t > now))
        .map(|(token, email)| SessionView { token, email })
        .collect())
}

/// Ends a session. A session that the caller may not see is not found.
pub async fn delete(control: &Control, at: &LocatedOrganization, id: &str) -> Result<(), Refusal> {
    let own = whose(at)?;
    let mut tx = control.0.store.write().await?;
    let found = tx.sessions(at.organization.id, own).await?;
    let (token, email) = found
        .into_iter()
        .find(|(token, _)| token.id.as_str() == id)
        .ok_or_else(|| {
            Refusal::not_found(format!("session {}", quoted(id)))
                .hint("list them: offshoot auth sessions")
        })?;
    tx.delete_token(token.id).await?;
    let subject = ("Session", token.id.as_str(), email.as_str());
    let actor = Actor::Caller(&at.caller);
    let event = control.event(at.organization.id, &actor, "session.revoked", subject, &[]);
    tx.insert_audit(&event).await?;
    Ok(tx.commit().await?)
}

/// Ends the session of a token, as its holder wishes. Says nothing of whether there was one (RFC 7009).
pub async fn revoke(control: &Control, text: &SecretString) -> Result<(), Refusal> {
    let Some(id) = session_id(text.expose_secret()) else {
        return Ok(());
    };
    let mut tx = control.0.store.write().await?;
    let Some(token) = tx.token(id).await? else {
        return Ok(());
    };
    let Some(of) = token
        .session
        .as_ref()
        .filter(|_| equal(&digest(text), &token.digest))
    else {
        return Ok(());
    };
    let Some(user) = tx.user(of.user).await? else {
        return Ok(());
    };
    tx.delete_token(token.id).await?;
    let subject = ("Session", token.id.as_str(), user.email.as_str());
    let actor = Actor::User(&user, None);
    let event = control.event(token.organization_id, &actor, "session.ended", subject, &[]);
    tx.insert_audit(&event).await?;
    Ok(tx.commit().await?)
}

/// The user whose sessions alone the caller may see; `None`: everybody's.
fn whose(at: &LocatedOrganization) -> Result<Option<UserId>, Refusal> {
    if at.caller.may(Access::WriteOrganization, None) {
        return Ok(None);
    }
    match at.caller.user() {
        Some(user) => Ok(Some(user.id)),
        None => at.require(&[Access::WriteOrganization]).map(|()| None),
    }
}
