//! `[login]`: how users log in.

use crate::data_dir::read_private;
use crate::oidc::{OidcOptions, OidcProvider};
use anyhow::{Context, Result, bail};
use offshoot_core::oidc::Policy;
use offshoot_core::user::Role;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use url::Url;

/// Environment variable with the secret that the OIDC provider knows this server by.
pub(crate) const CLIENT_SECRET: &str = "OFFSHOOT_OIDC_CLIENT_SECRET";
/// Path below the public URL to which the provider sends browsers back.
const CALLBACK: &str = "/oauth/oidc/callback";
/// Characters of a name that fits a button.
const LONGEST_NAME: usize = 40;

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Login {
    /// Users may log in with a password of this server.
    pub(crate) passwords: bool,
    pub(crate) oidc: Oidc,
}

/// Any provider of OpenID Connect; none without an issuer.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Oidc {
    /// The provider's URL, as it calls itself.
    pub(crate) issuer: Option<String>,
    /// What the provider calls this server.
    pub(crate) client_id: Option<String>,
    /// A private file with the secret that goes with it; default: there is none.
    pub(crate) client_secret_file: Option<PathBuf>,
    /// What users call the provider; default: its host.
    pub(crate) name: Option<String>,
    pub(crate) scopes: Vec<String>,
    /// Which claim is the e-mail address.
    pub(crate) email_claim: String,
    /// Addresses count that the provider does not call verified.
    pub(crate) allow_unverified_email: bool,
    /// Domains whose addresses may log in; empty: any.
    pub(crate) email_domains: Vec<String>,
    /// What becomes of who is no user yet: `no` or `member`.
    pub(crate) create_users: String,
    /// PEM: authorities that the provider's certificate may be of, beside those that the machine trusts.
    pub(crate) ca_file: Option<PathBuf>,
}

impl Default for Login {
    fn default() -> Self {
        Self {
            passwords: true,
            oidc: Oidc::default(),
        }
    }
}

impl Default for Oidc {
    fn default() -> Self {
        Self {
            issuer: None,
            client_id: None,
            client_secret_file: None,
            name: None,
            scopes: ["openid", "email", "profile"].map(str::to_owned).to_vec(),
            email_claim: "email".to_owned(),
            allow_unverified_email: false,
            email_domains: Vec::new(),
            create_users: "no".to_owned(),
            ca_file: None,
        }
    }
}

impl Login {
    /// Somebody has to be able to log in. Locked out is nobody: the root token makes users in any case.
    pub(super) fn check_passwords(&self) -> Result<()> {
        if !self.passwords && self.oidc.issuer.is_none() {
            bail!("nobody could log in: set login.oidc.issuer, too");
        }
        Ok(())
    }

    /// As control sees it.
    pub(crate) fn settings(&self) -> Result<offshoot_control::Login> {
        Ok(offshoot_control::Login {
            passwords: self.passwords,
            oidc: self.oidc.policy()?,
        })
    }
}

impl Oidc {
    /// The provider and its client id belong together.
    pub(super) fn check_whole(&self) -> Result<()> {
        match (&self.issuer, &self.client_id) {
            (Some(_), None) => bail!("give client_id, too: what the provider calls this server"),
            (None, Some(_)) => bail!("give issuer, too: the provider's URL"),
            _ => Ok(()),
        }
    }

    pub(super) fn check_issuer(&self) -> Result<()> {
        let Some(text) = &self.issuer else {
            return Ok(());
        };
        let Ok(url) = Url::parse(text) else {
            bail!("write https://host, or https://host/path, as the provider calls itself");
        };
        if !url.username().is_empty() || url.password().is_some() {
            bail!("an address has no credentials in it");
        }
        if url.query().is_some() || url.fragment().is_some() {
            bail!("an issuer has neither a query nor a fragment");
        }
        if !crate::oidc::safe(&url) {
            bail!("it begins with https://; http:// is for addresses of this machine");
        }
        Ok(())
    }

    pub(super) fn check_client_id(&self) -> Result<()> {
        match self.client_id.as_deref().map(str::trim) {
            Some("") => bail!("it is empty"),
            _ => Ok(()),
        }
    }

    pub(super) fn check_name(&self) -> Result<()> {
        let Some(name) = &self.name else {
            return Ok(());
        };
        let length = name.chars().count();
        if name.trim() != name
            || !(1..=LONGEST_NAME).contains(&length)
            || name.chars().any(char::is_control)
        {
            bail!("1 to {LONGEST_NAME} characters, on one line and without spaces around");
        }
        Ok(())
    }

    pub(super) fn check_scopes(&self) -> Result<()> {
        let fits = |s: &String| {
            !s.is_empty()
                && s.bytes()
                    .all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
        };
        if let Some(bad) = self.scopes.iter().find(|s| !fits(s)) {
            bail!("{bad:?} is not a scope: one word each");
        }
        if !self.scopes.iter().any(|s| s == "openid") {
            bail!("openid has to be among them: without it there is no ID token");
        }
        Ok(())
    }

    pub(super) fn check_email_claim(&self) -> Result<()> {
        if self.email_claim.trim().is_empty() {
            bail!("the name of a claim, such as email");
        }
        Ok(())
    }

    pub(super) fn check_email_domains(&self) -> Result<()> {
        let fits = |domain: &String| {
            !domain.is_empty()
                && !domain.starts_with('.')
                && domain
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-')
        };
        match self.email_domains.iter().find(|d| !fits(d)) {
            Some(bad) => bail!("{bad:?} is not a domain; write example.com, without an @"),
            None => Ok(()),
        }
    }

    pub(super) fn create_users(&self) -> Result<Option<Role>> {
        match self.create_users.as_str() {
            "no" => Ok(None),
            "member" => Ok(Some(Role::Member)),
            _ => bail!("no or member; administrators are made by hand: offshoot user update"),
        }
    }

    fn called(&self, issuer: &str) -> String {
        let host = Url::parse(issuer)
            .ok()
            .and_then(|url| url.host_str().map(str::to_owned));
        let named = self.name.clone().or(host);
        named.unwrap_or_else(|| issuer.to_owned())
    }

    fn policy(&self) -> Result<Option<Policy>> {
        let Some(issuer) = &self.issuer else {
            return Ok(None);
        };
        Ok(Some(Policy {
            name: self.called(issuer),
            domains: self
                .email_domains
                .iter()
                .map(|d| d.to_ascii_lowercase())
                .collect(),
            unverified: self.allow_unverified_email,
            create: self.create_users()?,
        }))
    }

    /// `public_url`: where browsers reach this server. Reads files; asks nobody.
    pub(crate) fn provider(&self, public_url: &str) -> Result<Option<OidcProvider>> {
        let (Some(issuer), Some(client_id)) = (&self.issuer, &self.client_id) else {
            return Ok(None);
        };
        let authorities = match &self.ca_file {
            Some(path) => std::fs::read(path)
                .with_context(|| format!("login.oidc.ca_file: cannot read {}", path.display()))
                .and_then(|pem| {
                    reqwest::Certificate::from_pem_bundle(&pem).with_context(|| {
                        format!("login.oidc.ca_file: {} is no PEM", path.display())
                    })
                })?,
            None => Vec::new(),
        };
        let provider = OidcProvider::new(OidcOptions {
            name: self.called(issuer),
            issuer: issuer.clone(),
            client_id: client_id.clone(),
            client_secret: self.secret()?,
            scopes: self.scopes.join(" "),
            email_claim: self.email_claim.clone(),
            redirect_uri: format!("{public_url}{CALLBACK}"),
            authorities,
        })?;
        Ok(Some(provider))
    }

    fn secret(&self) -> Result<Option<SecretString>> {
        if let Ok(text) = std::env::var(CLIENT_SECRET)
            && !text.is_empty()
        {
            return Ok(Some(SecretString::from(text)));
        }
        let Some(path) = &self.client_secret_file else {
            return Ok(None);
        };
        let text = read_private(path).context("login.oidc.client_secret_file")?;
        match text.trim() {
            "" => bail!("login.oidc.client_secret_file: {} is empty", path.display()),
            secret => Ok(Some(SecretString::from(secret))),
        }
    }
}
