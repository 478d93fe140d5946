//! The device flow: a program asks, its user confirms in a browser, the program fetches a session (RFC 8628).
//!
//! What each side holds is random and stored as a digest: the program a device code, the user a code to compare, the
//! browser a secret that it got with the right password. A login is one row that goes with its first end: fetched, denied
//! or too old.

pub mod provider;

use crate::trail::Actor;
use crate::{Control, hashing};
use offshoot_core::credential::{digest, equal};
use offshoot_core::login::{
    DeviceLogin, LOGIN_TTL, LoginState, SESSION_TTL, client_name, parse_code, user_code,
};
use offshoot_core::refusal::code;
use offshoot_core::token::{SESSION_PREFIX, ServiceToken, UserSession};
use offshoot_core::user::{Email, User};
use offshoot_core::{Kind, Refusal, scope};
use offshoot_store::{StoreError, Tx};
use secrecy::{ExposeSecret, SecretString};
use std::net::IpAddr;

/// Logins under way: far more than people confirm within ten minutes.
const LOGINS: u64 = 500;
/// Longest id of a program, in bytes.
const MAX_CLIENT: usize = 200;

/// What a program is told.
#[derive(Debug)]
pub struct Begun {
    pub device_code: SecretString,
    pub user_code: String,
}

/// What a user is asked to allow.
#[derive(Clone, Debug)]
pub struct Asked {
    pub code: String,
    /// What the program calls itself.
    pub client: String,
    pub scopes: Vec<String>,
    /// Where the program is.
    pub remote_ip: Option<String>,
}

/// A user who logged in, and the secret that their browser proves it with.
#[derive(Debug)]
pub struct LoggedIn {
    pub asked: Asked,
    pub email: String,
    pub browser: SecretString,
}

/// A session's token, which nobody else has.
#[derive(Debug)]
pub struct Issued {
    pub access_token: SecretString,
    pub scopes: String,
}

/// Why there is no session. Names and meaning: RFC 8628, 3.5.
#[derive(Debug)]
pub enum NotYet {
    /// Nobody has confirmed it yet.
    Pending,
    Denied,
    /// Too old, fetched already, never there, or another program's.
    Expired,
    Refused(Refusal),
}

impl From<Refusal> for NotYet {
    fn from(refusal: Refusal) -> Self {
        NotYet::Refused(refusal)
    }
}

impl From<StoreError> for NotYet {
    fn from(error: StoreError) -> Self {
        NotYet::Refused(error.into())
    }
}

/// How users of this server log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ways {
    pub passwords: bool,
    /// What people call the OIDC provider, where there is one.
    pub provider: Option<String>,
}

pub fn ways(control: &Control) -> Ways {
    let login = &control.0.settings.login;
    Ways {
        passwords: login.passwords,
        provider: login.oidc.as_ref().map(|policy| policy.name.clone()),
    }
}

/// What a browser is remembered by.
pub fn draw_secret(control: &Control) -> SecretString {
    SecretString::from(crate::password::url_safe::<32>(&*control.0.ports.ids))
}

/// A program asks for `scopes`, which have spaces between them.
pub async fn begin(
    control: &Control,
    client: &str,
    scopes: &str,
    remote_ip: Option<IpAddr>,
) -> Result<Begun, Refusal> {
    if client.len() > MAX_CLIENT {
        return Err(Refusal::invalid("client_id", "the client id is too long"));
    }
    let names: Vec<&str> = scopes.split_ascii_whitespace().collect();
    if let Some(unknown) = names.iter().find(|s| scope::accesses(s).is_none()) {
        let shown: String = unknown.chars().take(80).collect();
        return Err(Refusal::invalid(
            "scope",
            format!("there is no scope {shown:?}"),
        ));
    }
    let mut bytes = [0; 8];
    control.0.ports.ids.fill(&mut bytes);
    let (device_code, code) = (draw_secret(control), user_code(bytes));
    let now = control.now();
    let login = DeviceLogin {
        id: control.id(),
        device: digest(&device_code),
        client: client.to_owned(),
        scopes: names.join(" "),
        remote_ip: remote_ip.map(|ip| ip.to_string()),
        state: LoginState::Pending,
        user: None,
        browser: None,
        errand: None,
        created_at: now,
        expires_at: now.checked_add(LOGIN_TTL).map_err(Refusal::internal)?,
    };
    let mut tx = control.0.store.write().await?;
    tx.delete_expired_logins(now).await?;
    if tx.login_count().await? >= LOGINS {
        return Err(
            Refusal::new(Kind::Exhausted, "too many logins are under way")
                .hint("try again in some minutes"),
        );
    }
    tx.insert_login(&login, &code).await?;
    tx.commit().await?;
    Ok(Begun {
        device_code,
        user_code: code,
    })
}

/// What a code stands for, as it was typed. Refused (`NotFound`) when it is none, was used, or is too old.
pub async fn look(control: &Control, typed: &str) -> Result<Asked, Refusal> {
    let code = parse_code(typed).ok_or_else(no_code)?;
    let found = control.0.store.read().await?.login_of_code(&code).await?;
    Ok(asked(&waiting(control, found)?, code))
}

/// Verifies e-mail address and password; the login is then this browser's to decide. An unknown address and a wrong
/// password are the same refusal (`Unauthorized`), in the same time.
pub async fn log_in(
    control: &Control,
    typed: &str,
    email: &str,
    password: &SecretString,
    remote_ip: Option<IpAddr>,
) -> Result<LoggedIn, Refusal> {
    let code = parse_code(typed).ok_or_else(no_code)?;
    if let Ways {
        passwords: false,
        provider,
    } = ways(control)
    {
        let provider = provider.unwrap_or_default();
        let text = format!("users of this server log in with {provider}, not with a password");
        let hint = format!("open the link of the login again, and log in with {provider}");
        return Err(Refusal::new(Kind::Forbidden, text).hint(hint));
    }
    let email = Email::parse(email).ok();
    let known = match &email {
        Some(email) => control.0.store.read().await?.user_of_email(email).await?,
        None => None,
    };
    // Who has no password is answered as who is not there, in the same time.
    let known = known.filter(|(user, _)| user.password);
    let phc = known.as_ref().map(|(_, phc)| phc.clone());
    let right = hashing::verify(control, password, phc).await?;
    let (Some(email), Some((_, verified))) = (email, known.filter(|_| right)) else {
        return Err(wrong_password());
    };
    let mut tx = control.0.store.write().await?;
    // Verifying takes its time: a password that was changed meanwhile is wrong.
    let now = tx.user_of_email(&email).await?;
    let (user, _) = now
        .filter(|(_, phc)| *phc == verified)
        .ok_or_else(wrong_password)?;
    let login = waiting(control, tx.login_of_code(&code).await?)?;
    let done = enter(control, &mut tx, login, code, &user, "password", remote_ip).await?;
    tx.commit().await?;
    Ok(done)
}

/// The login is from now on that user's to decide, in the browser that gets the secret.
async fn enter(
    control: &Control,
    tx: &mut Tx,
    mut login: DeviceLogin,
    code: String,
    user: &User,
    with: &str,
    remote_ip: Option<IpAddr>,
) -> Result<LoggedIn, Refusal> {
    let browser = draw_secret(control);
    login.user = Some(user.id);
    login.browser = Some(digest(&browser));
    tx.update_login(&login).await?;
    tx.touch_user(user.id, control.now()).await?;
    let with = [("with", with)];
    note(
        control,
        tx,
        user,
        "user.logged_in",
        &login,
        &with,
        remote_ip,
    )
    .await?;
    Ok(LoggedIn {
        asked: asked(&login, code),
        email: user.email.to_string(),
        browser,
    })
}

/// Allows or denies, with the secret of the browser in which the user logged in.
pub async fn decide(
    control: &Control,
    typed: &str,
    browser: &SecretString,
    allow: bool,
    remote_ip: Option<IpAddr>,
) -> Result<(), Refusal> {
    let code = parse_code(typed).ok_or_else(no_code)?;
    let mut tx = control.0.store.write().await?;
    let mut login = waiting(control, tx.login_of_code(&code).await?)?;
    let own = login.browser.is_some_and(|b| equal(&b, &digest(browser)));
    let (true, Some(id)) = (own, login.user) else {
        return Err(no_code());
    };
    let user = tx.user(id).await?.ok_or_else(no_code)?;
    login.state = match allow {
        true => LoginState::Approved,
        false => LoginState::Denied,
    };
    tx.update_login(&login).await?;
    let action = match allow {
        true => "user.login_allowed",
        false => "user.login_denied",
    };
    note(control, &mut tx, &user, action, &login, &[], remote_ip).await?;
    Ok(tx.commit().await?)
}

/// The program asks for its session: once it is there, the login is over.
pub async fn fetch(
    control: &Control,
    client: &str,
    device_code: &SecretString,
) -> Result<Issued, NotYet> {
    let device = digest(device_code);
    let now = control.now();
    // Programs ask every few seconds: that writes nothing.
    let found = control
        .0
        .store
        .read()
        .await?
        .login_of_device(&device)
        .await?;
    let login = found
        .filter(|l| l.expires_at > now && l.client == client)
        .ok_or(NotYet::Expired)?;
    if login.state == LoginState::Pending {
        return Err(NotYet::Pending);
    }
    let mut tx = control.0.store.write().await?;
    // Somebody else may have been faster.
    let login = tx.login_of_device(&device).await?.ok_or(NotYet::Expired)?;
    tx.delete_login(login.id).await?;
    let user = match login.user {
        Some(id) if login.state == LoginState::Approved => tx.user(id).await?,
        _ => None,
    };
    let Some(user) = user else {
        tx.commit().await?;
        return Err(NotYet::Denied);
    };
    let id = control.id();
    let token = format!(
        "{SESSION_PREFIX}{id}{}",
        draw_secret(control).expose_secret()
    );
    let text = SecretString::from(token);
    let expires_at = now.checked_add(SESSION_TTL).map_err(Refusal::internal)?;
    let client = client_name(&login.client);
    let token = ServiceToken {
        id,
        organization_id: user.organization_id,
        name: Some(client.clone()),
        digest: digest(&text),
        root: false,
        session: Some(UserSession {
            user: user.id,
            client,
            scopes: login.scopes.clone(),
        }),
        expires_at: Some(expires_at),
        last_used_at: None,
        created_at: now,
        updated_at: now,
    };
    tx.insert_token(&token).await?;
    let remote = login.remote_ip.as_deref().and_then(|ip| ip.parse().ok());
    note(
        control,
        &mut tx,
        &user,
        "session.created",
        &login,
        &[],
        remote,
    )
    .await?;
    tx.commit().await?;
    Ok(Issued {
        access_token: text,
        scopes: login.scopes,
    })
}

fn asked(login: &DeviceLogin, code: String) -> Asked {
    Asked {
        code,
        client: client_name(&login.client),
        scopes: login
            .scopes
            .split(' ')
            .filter(|s| !s.is_empty())
            .map(str::to_owned)
            .collect(),
        remote_ip: login.remote_ip.clone(),
    }
}

fn waiting(control: &Control, login: Option<DeviceLogin>) -> Result<DeviceLogin, Refusal> {
    let now = control.now();
    login
        .filter(|l| l.state == LoginState::Pending && l.expires_at > now)
        .ok_or_else(no_code)
}

fn wrong_password() -> Refusal {
    Refusal::new(
        Kind::Unauthorized,
        "the e-mail address or the password is wrong",
    )
    .code(code::LOGIN)
    .hint("an administrator can give you another one: offshoot user set-password")
}

fn no_code() -> Refusal {
    Refusal::new(Kind::NotFound, "this code is not waiting to be confirmed")
        .code(code::LOGIN_CODE)
        .hint("it may be mistyped, used, or older than ten minutes: start the login again")
}

/// What the user did themselves, with no session yet.
async fn note(
    control: &Control,
    tx: &mut Tx,
    user: &User,
    action: &str,
    login: &DeviceLogin,
    more: &[(&str, &str)],
    remote_ip: Option<IpAddr>,
) -> Result<(), Refusal> {
    let subject = ("User", user.id.as_str(), user.email.as_str());
    let client = client_name(&login.client);
    let mut metadata = vec![
        ("client", client.as_str()),
        ("scopes", login.scopes.as_str()),
    ];
    metadata.extend(more);
    let actor = Actor::User(user, remote_ip);
    let event = control.event(user.organization_id, &actor, action, subject, &metadata);
    Ok(tx.insert_audit(&event).await?)
}
