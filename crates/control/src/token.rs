//! Service tokens: create, list, show, delete, grant and revoke accesses.

use crate::Control;
use crate::locate::{LocatedOrganization, LocatedToken, quoted};
use crate::once::{Made, Once, gone};
use crate::page::{Listed, Page};
use crate::revision::{Expected, Revision};
use crate::trail::Actor;
use offshoot_core::access::Access;
use offshoot_core::credential::digest;
use offshoot_core::id::DatabaseId;
use offshoot_core::port::Ids;
use offshoot_core::token::{Grant, ServiceToken, TOKEN_PREFIX};
use offshoot_core::{Kind, Refusal};
use offshoot_store::Tx;
use secrecy::SecretString;
use std::time::Duration;

#[derive(Clone, Debug)]
pub struct TokenView {
    pub token: ServiceToken,
    pub grants: Vec<GrantView>,
    /// The token itself: only in the answer to its creation. Begins with `pscale_tkn_`.
    pub plain_text: Option<SecretString>,
}

impl TokenView {
    pub fn revision(&self) -> Revision {
        Revision::of_token(&self.token)
    }
}

/// A grant with the name of what it is on.
#[derive(Clone, Debug)]
pub struct GrantView {
    pub grant: Grant,
    /// Name of the database, or of the organization.
    pub resource: String,
    pub resource_id: String,
}

/// Random bytes of a token: more than can be guessed.
const RANDOM: usize = 24;

/// A new token's text, and what verifies it.
pub(crate) fn draw(ids: &dyn Ids) -> (SecretString, [u8; 32]) {
    let text = format!("{TOKEN_PREFIX}{}", crate::password::url_safe::<RANDOM>(ids));
    let text = SecretString::from(text);
    let digest = digest(&text);
    (text, digest)
}

/// Needs `write_service_tokens`. A new token has no access until it is granted some.
pub async fn create(
    control: &Control,
    at: &LocatedOrganization,
    name: Option<String>,
    ttl: Option<Duration>,
    once: &Once,
) -> Result<TokenView, Refusal> {
    at.require(&[Access::WriteServiceTokens])?;
    if let Some(made) = once.made() {
        return again(control, at, made).await;
    }
    let now = control.now();
    let expires_at = match ttl {
        None => None,
        Some(ttl) if ttl.is_zero() => {
            return Err(Refusal::invalid("ttl", "the time to live is zero"));
        }
        Some(ttl) => Some(
            now.checked_add(ttl)
                .map_err(|_| Refusal::invalid("ttl", "the time to live is too long"))?,
        ),
    };
    let name = name.filter(|n| !n.is_empty());
    if let Some(name) = &name {
        crate::password::check_name(name)?;
    }
    let (plain, digest) = draw(&*control.0.ports.ids);
    let token = ServiceToken {
        id: control.id(),
        organization_id: at.organization.id,
        name,
        digest,
        root: false,
        session: None,
        expires_at,
        last_used_at: None,
        created_at: now,
        updated_at: now,
    };
    let mut tx = control.0.store.write().await?;
    tx.insert_token(&token).await?;
    note(control, &mut tx, at, &token, "service_token.created", &[]).await?;
    let made = Made {
        subject: token.id.into(),
        password: None,
    };
    once.record(control, &mut tx, &at.caller, made).await?;
    tx.commit().await?;
    Ok(TokenView {
        token,
        grants: Vec::new(),
        plain_text: Some(plain),
    })
}

/// The same token to the same request, with a fresh text in place of the earlier one.
async fn again(
    control: &Control,
    at: &LocatedOrganization,
    made: Made,
) -> Result<TokenView, Refusal> {
    let mut tx = control.0.store.write().await?;
    let Some(mut token) = tx.token(made.subject.as_str()).await? else {
        return Err(gone("service token"));
    };
    let (plain, digest) = draw(&*control.0.ports.ids);
    token.digest = digest;
    token.updated_at = control.now();
    tx.replace_token_text(&token).await?;
    let reason = [("reason", "the request that made it was sent again")];
    note(
        control,
        &mut tx,
        at,
        &token,
        "service_token.renewed",
        &reason,
    )
    .await?;
    tx.commit().await?;
    let mut view = view(control, at, token).await?;
    view.plain_text = Some(plain);
    Ok(view)
}

/// Needs `read_service_tokens`. The root token is not listed.
pub async fn list(
    control: &Control,
    at: &LocatedOrganization,
    page: Page,
) -> Result<Listed<TokenView>, Refusal> {
    at.require(&[Access::ReadServiceTokens, Access::WriteServiceTokens])?;
    let (tokens, total) = control
        .0
        .store
        .read()
        .await?
        .tokens(at.organization.id, page.offset(), page.per_page().into())
        .await?;
    let mut items = Vec::new();
    for token in tokens {
        items.push(view(control, at, token).await?);
    }
    Ok(Listed { items, total, page })
}

/// Needs `read_service_tokens`.
pub async fn show(control: &Control, at: &LocatedToken) -> Result<TokenView, Refusal> {
    at.within
        .require(&[Access::ReadServiceTokens, Access::WriteServiceTokens])?;
    view(control, &at.within, at.token.clone()).await
}

/// Needs `delete_service_tokens`.
pub async fn delete(
    control: &Control,
    at: &LocatedToken,
    expected: &Expected,
) -> Result<(), Refusal> {
    at.within.require(&[Access::DeleteServiceTokens])?;
    let mut tx = control.0.store.write().await?;
    if let Some(token) = tx.token(at.token.id.as_str()).await? {
        let what = format!("service token {}", token.id);
        expected.check(&Revision::of_token(&token), what)?;
    }
    tx.delete_token(at.token.id).await?;
    note(
        control,
        &mut tx,
        &at.within,
        &at.token,
        "service_token.deleted",
        &[],
    )
    .await?;
    Ok(tx.commit().await?)
}

/// Grants accesses on a database (name or id), or with `None` or empty on the organization. Needs
/// `write_service_tokens`; a caller can grant only what it has itself.
pub async fn grant(
    control: &Control,
    at: &LocatedToken,
    database: Option<&str>,
    accesses: &[Access],
) -> Result<TokenView, Refusal> {
    let database = change(control, at, database).await?;
    if let Some(lacking) = accesses.iter().find(|a| !at.caller().may(**a, database)) {
        return Err(Refusal::new(
            Kind::Forbidden,
            format!("a token without {lacking} cannot grant it"),
        )
        .hint("use a token that has the access itself"));
    }
    let mut tx = control.0.store.write().await?;
    for access in accesses {
        tx.grant(at.token.id, *access, database).await?;
    }
    let names: Vec<&str> = accesses.iter().map(|a| a.as_str()).collect();
    note(
        control,
        &mut tx,
        &at.within,
        &at.token,
        "service_token.granted_access",
        &[("accesses", &names.join(" "))],
    )
    .await?;
    tx.commit().await?;
    view(control, &at.within, at.token.clone()).await
}

/// Takes accesses back. Needs `write_service_tokens`.
pub async fn revoke(
    control: &Control,
    at: &LocatedToken,
    database: Option<&str>,
    accesses: &[Access],
) -> Result<TokenView, Refusal> {
    let database = change(control, at, database).await?;
    let mut tx = control.0.store.write().await?;
    for access in accesses {
        tx.revoke(at.token.id, *access, database).await?;
    }
    let names: Vec<&str> = accesses.iter().map(|a| a.as_str()).collect();
    note(
        control,
        &mut tx,
        &at.within,
        &at.token,
        "service_token.revoked_access",
        &[("accesses", &names.join(" "))],
    )
    .await?;
    tx.commit().await?;
    view(control, &at.within, at.token.clone()).await
}

/// The database that accesses are changed on.
async fn change(
    control: &Control,
    at: &LocatedToken,
    database: Option<&str>,
) -> Result<Option<DatabaseId>, Refusal> {
    at.within.require(&[Access::WriteServiceTokens])?;
    let Some(name) = database.filter(|d| !d.is_empty()) else {
        return Ok(None);
    };
    let found = control
        .0
        .store
        .read()
        .await?
        .database(at.organization().id, name)
        .await?
        .ok_or_else(|| Refusal::not_found(format!("database {}", quoted(name))))?;
    Ok(Some(found.id))
}

async fn view(
    control: &Control,
    at: &LocatedOrganization,
    token: ServiceToken,
) -> Result<TokenView, Refusal> {
    let grants = control.0.store.read().await?.grants(token.id).await?;
    Ok(TokenView {
        token,
        grants: grants
            .into_iter()
            .map(|(grant, database)| GrantView {
                resource: database.unwrap_or_else(|| at.organization.name.to_string()),
                resource_id: grant
                    .database_id
                    .map_or_else(|| at.organization.id.to_string(), |d| d.to_string()),
                grant,
            })
            .collect(),
        plain_text: None,
    })
}

async fn note(
    control: &Control,
    tx: &mut Tx,
    at: &LocatedOrganization,
    token: &ServiceToken,
    action: &str,
    metadata: &[(&str, &str)],
) -> Result<(), Refusal> {
    let name = token.name.as_deref().unwrap_or(token.id.as_str());
    let event = control.event(
        at.organization.id,
        &Actor::Caller(&at.caller),
        action,
        ("ServiceToken", token.id.as_str(), name),
        metadata,
    );
    Ok(tx.insert_audit(&event).await?)
}
