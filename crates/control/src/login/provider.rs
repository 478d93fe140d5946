//! Logins with the OIDC provider: a browser is sent there, comes back, and is let in or not.

use super::{Asked, LoggedIn, asked, draw_secret, enter, no_code, waiting};
use crate::Control;
use crate::bootstrap::ORGANIZATION;
use crate::trail::Actor;
use offshoot_core::credential::{digest, equal};
use offshoot_core::login::{DeviceLogin, client_name, parse_code};
use offshoot_core::oidc::{Errand, Identity, Policy, Returned};
use offshoot_core::plan::{Entry, plan_entry};
use offshoot_core::port::IdentityProvider;
use offshoot_core::refusal::code;
use offshoot_core::user::{Email, User, check_name};
use offshoot_core::{Kind, Refusal};
use offshoot_store::{StoreError, Tx};
use secrecy::SecretString;
use std::net::IpAddr;

/// Characters of a name that is taken over.
const NAME: usize = 80;

/// Where a browser goes, and the secret that it comes back with.
#[derive(Debug)]
pub struct Sent {
    /// What people call the provider.
    pub provider: String,
    pub address: String,
    /// The login's code, as it is written.
    pub code: String,
    pub browser: SecretString,
}

/// What a browser says when it is back.
#[derive(Debug)]
pub struct Back<'a> {
    /// Whom it was sent for: the code of the login.
    pub typed: &'a str,
    pub browser: &'a SecretString,
    pub state: &'a str,
    /// `None`: the provider refused, or was left.
    pub code: Option<SecretString>,
    /// Why (RFC 6749, 4.1.2.1).
    pub error: Option<&'a str>,
    /// Who says that it answered (RFC 9207).
    pub issuer: Option<&'a str>,
}

/// Nobody is in. `asked`: the login that still waits, for another try.
#[derive(Debug)]
pub struct Turned {
    pub asked: Option<Asked>,
    pub refusal: Refusal,
}

impl From<Refusal> for Turned {
    fn from(refusal: Refusal) -> Self {
        Self {
            asked: None,
            refusal,
        }
    }
}

impl From<StoreError> for Turned {
    fn from(error: StoreError) -> Self {
        Refusal::from(error).into()
    }
}

/// Sends a browser to the provider for that login. What it was sent with before is worth nothing then.
pub async fn send(control: &Control, typed: &str) -> Result<Sent, Turned> {
    let code = parse_code(typed).ok_or_else(no_code)?;
    let (provider, policy) = configured(control)?;
    let found = control.0.store.read().await?.login_of_code(&code).await?;
    let asked = asked(&waiting(control, found)?, code.clone());
    let browser = draw_secret(control);
    // Before anything is written: a provider that does not answer changes nothing.
    let address = match provider.address(&Errand::of(&browser)).await {
        Ok(address) => address,
        Err(failed) => return Err(turned(asked, told(policy, failed.refusal))),
    };
    let mut tx = control.0.store.write().await?;
    let mut login = waiting(control, tx.login_of_code(&code).await?)?;
    login.errand = Some(digest(&browser));
    tx.update_login(&login).await?;
    tx.commit().await?;
    Ok(Sent {
        provider: policy.name.clone(),
        address,
        code,
        browser,
    })
}

/// Lets in whom the provider names, if the policy does. What a browser brings back counts once, in that browser alone.
pub async fn finish(
    control: &Control,
    back: Back<'_>,
    remote_ip: Option<IpAddr>,
) -> Result<LoggedIn, Turned> {
    let code = parse_code(back.typed).ok_or_else(no_errand)?;
    let (provider, policy) = configured(control)?;
    let errand = Errand::of(back.browser);
    let mut tx = control.0.store.write().await?;
    let mut login = waiting(control, tx.login_of_code(&code).await?)?;
    let own = login
        .errand
        .is_some_and(|kept| equal(&kept, &digest(back.browser)));
    if !own || !errand.is(back.state) {
        return Err(no_errand().into());
    }
    login.errand = None;
    tx.update_login(&login).await?;
    tx.commit().await?;
    let asked = asked(&login, code.clone());
    let Some(answer) = back.code else {
        return Err(turned(
            asked,
            declined(policy, back.error.unwrap_or_default()),
        ));
    };
    let returned = Returned {
        code: answer,
        issuer: back.issuer.map(str::to_owned),
    };
    let identity = match provider.identify(&returned, &errand).await {
        Ok(identity) => identity,
        Err(failed) => return Err(turned(asked, told(policy, failed.refusal))),
    };
    let admitted = admit(control, policy, &identity, code, remote_ip).await;
    admitted.map_err(|refusal| turned(asked, refusal))
}

async fn admit(
    control: &Control,
    policy: &Policy,
    identity: &Identity,
    code: String,
    remote_ip: Option<IpAddr>,
) -> Result<LoggedIn, Refusal> {
    let mut tx = control.0.store.write().await?;
    // The provider took its time.
    let login = waiting(control, tx.login_of_code(&code).await?)?;
    let linked = tx.user_of_link(&identity.link).await?;
    let named = match (&linked, email(identity)) {
        (None, Some(email)) => tx.user_of_email(&email).await?.map(|(user, _)| user),
        _ => None,
    };
    let user = match plan_entry(identity, policy, linked, |_| named) {
        Ok(Entry::Known(user)) => user,
        Ok(Entry::Link(mut user)) => {
            user.updated_at = control.now();
            user.link = Some(identity.link.clone());
            tx.link_user(user.id, &identity.link, user.updated_at)
                .await?;
            note(control, &mut tx, &user, "user.linked", identity, remote_ip).await?;
            user
        }
        Ok(Entry::Create { email, role }) => {
            let organization = tx.organization(ORGANIZATION).await?.ok_or_else(no_code)?;
            let name = called(identity).unwrap_or_else(|| email.local().to_owned());
            let (id, now) = (control.id(), control.now());
            let mut user = User::new(id, organization.id, email, name, role, now);
            user.link = Some(identity.link.clone());
            tx.insert_user(&user, None).await?;
            note(control, &mut tx, &user, "user.created", identity, remote_ip).await?;
            user
        }
        Err(refusal) => {
            let reason = refusal.public.as_str();
            note_refused(control, &mut tx, identity, &login, reason, remote_ip).await?;
            tx.commit().await?;
            return Err(refusal);
        }
    };
    let done = enter(control, &mut tx, login, code, &user, "oidc", remote_ip).await?;
    tx.commit().await?;
    Ok(done)
}

fn configured(control: &Control) -> Result<(&dyn IdentityProvider, &Policy), Refusal> {
    let provider = control.0.ports.identities.as_deref();
    let policy = control.0.settings.login.oidc.as_ref();
    provider.zip(policy).ok_or_else(|| {
        Refusal::new(Kind::NotFound, "this server has no OIDC provider")
            .hint("log in with a password")
    })
}

fn email(identity: &Identity) -> Option<Email> {
    Email::parse(identity.email.as_deref()?).ok()
}

/// The name that the provider has, where it can stand in a list.
fn called(identity: &Identity) -> Option<String> {
    let name: String = identity.name.as_ref()?.trim().chars().take(NAME).collect();
    check_name(&name).is_ok().then_some(name)
}

fn turned(asked: Asked, refusal: Refusal) -> Turned {
    Turned {
        asked: Some(asked),
        refusal,
    }
}

/// What the port says is for the user; its cause is for the log, and is handled here.
fn told(policy: &Policy, refusal: Refusal) -> Refusal {
    let cause = refusal.cause.as_ref().map(tracing::field::debug);
    tracing::warn!(
        provider = policy.name,
        code = refusal.code,
        reason = refusal.public,
        cause,
        "a login with the OIDC provider did not come about"
    );
    refusal
}

fn no_errand() -> Refusal {
    Refusal::new(
        Kind::Forbidden,
        "this answer is not one that this browser waits for, or it came before",
    )
    .code(code::PROVIDER)
    .hint("open the link of the login again, in one tab, and let this site keep cookies")
}

/// `error` comes by way of the browser.
fn declined(policy: &Policy, error: &str) -> Refusal {
    let known = |c: char| c.is_ascii_lowercase() || c == '_';
    let why = match error {
        error if (1..=60).contains(&error.len()) && error.chars().all(known) => error,
        _ => "without a reason",
    };
    Refusal::new(
        Kind::Unauthorized,
        format!("{} let nobody in ({why})", policy.name),
    )
    .code(code::PROVIDER)
    .hint("try it again, or ask its administrator")
}

/// What was done to a user because of whom the provider named.
async fn note(
    control: &Control,
    tx: &mut Tx,
    user: &User,
    action: &str,
    identity: &Identity,
    remote_ip: Option<IpAddr>,
) -> Result<(), Refusal> {
    let subject = ("User", user.id.as_str(), user.email.as_str());
    let metadata = [
        ("issuer", identity.link.issuer.as_str()),
        ("subject", identity.link.subject.as_str()),
        ("role", user.role.as_str()),
    ];
    let actor = Actor::User(user, remote_ip);
    let event = control.event(user.organization_id, &actor, action, subject, &metadata);
    Ok(tx.insert_audit(&event).await?)
}

async fn note_refused(
    control: &Control,
    tx: &mut Tx,
    identity: &Identity,
    login: &DeviceLogin,
    reason: &str,
    remote_ip: Option<IpAddr>,
) -> Result<(), Refusal> {
    let organization = tx.organization(ORGANIZATION).await?.ok_or_else(no_code)?;
    let email = email(identity);
    let name = email
        .as_ref()
        .map_or(identity.link.subject.as_str(), Email::as_str);
    let client = client_name(&login.client);
    let metadata = [
        ("issuer", identity.link.issuer.as_str()),
        ("subject", identity.link.subject.as_str()),
        ("client", client.as_str()),
        ("reason", reason),
    ];
    let (id, called) = (organization.id.as_str(), organization.name.as_str());
    let subject = ("Organization", id, called);
    let actor = Actor::Stranger(name, remote_ip);
    let action = "user.login_refused";
    let event = control.event(organization.id, &actor, action, subject, &metadata);
    Ok(tx.insert_audit(&event).await?)
}
