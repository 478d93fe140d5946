//! The OIDC provider that users may log in with: OpenID Connect Core 1.0 with Discovery 1.0, by the authorization code
//! flow with PKCE.
//!
//! Its URL is the operator's own, so it may be a private address, unlike those of [`crate::outbound`]. What it publishes is
//! fetched when it is first needed and kept for a while: a provider that is away keeps nobody from starting this server.
//! Redirects are not followed, proxies of the environment not used. Neither codes nor tokens nor secrets get into errors.

mod id_token;
mod published;

use anyhow::Context;
use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use id_token::{Expected, Fault};
use offshoot_core::oidc::{Errand, Identity, Returned};
use offshoot_core::port::{IdentityProvider, PortError, PortResult};
use offshoot_core::refusal::code;
use offshoot_core::user::Link;
use offshoot_core::{Kind, Refusal};
use published::{ClientAuth, Published};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, RequestBuilder};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use url::{Host, Url, form_urlencoded};

/// A connection, and a whole answer: somebody waits in a browser.
const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(15);
/// Longest answer, in bytes: a provider's keys with their certificates stay far below.
const MAX_ANSWER: usize = 1 << 20;
/// How long what was published is taken for true. Keys that are not among it are looked for at once.
const FRESH: Duration = Duration::from_secs(3600);
/// Longest name of an account, in bytes. Source: OpenID Connect Core, 2, `sub`.
const MAX_SUBJECT: usize = 255;

/// What is known of the provider before it is asked.
pub(crate) struct OidcOptions {
    /// What people call it.
    pub(crate) name: String,
    pub(crate) issuer: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: Option<SecretString>,
    /// With spaces between them.
    pub(crate) scopes: String,
    pub(crate) email_claim: String,
    /// Where it sends browsers back to.
    pub(crate) redirect_uri: String,
    /// Of its certificate, beside those that the machine trusts.
    pub(crate) authorities: Vec<reqwest::Certificate>,
}

pub(crate) struct OidcProvider {
    options: OidcOptions,
    http: Client,
    published: Mutex<Option<Arc<Published>>>,
}

/// What travels there is protected, or stays on this machine.
pub(crate) fn safe(url: &Url) -> bool {
    let near = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => return false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && near)
}

#[derive(Deserialize)]
struct Tokens {
    id_token: Option<String>,
    access_token: Option<String>,
}

impl OidcProvider {
    pub(crate) fn new(options: OidcOptions) -> anyhow::Result<Self> {
        let http = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            .tls_certs_merge(options.authorities.iter().cloned())
            .build()
            .context("cannot set up requests to the OIDC provider")?;
        Ok(Self {
            options,
            http,
            published: Mutex::new(None),
        })
    }

    /// What the provider publishes, fetched anew when it is `stale`. One that is away for a moment is what it was.
    async fn published(&self, stale: bool) -> PortResult<Arc<Published>> {
        let kept = {
            let kept = self.published.lock();
            kept.unwrap_or_else(PoisonError::into_inner).clone()
        };
        if let Some(kept) = &kept
            && !stale
            && kept.at.elapsed() < FRESH
        {
            return Ok(kept.clone());
        }
        match (self.fetch().await, kept) {
            (Ok(new), _) => {
                let new = Arc::new(new);
                let kept = self.published.lock();
                *kept.unwrap_or_else(PoisonError::into_inner) = Some(new.clone());
                Ok(new)
            }
            (Err(error), Some(kept)) => {
                tracing::warn!(error = ?error.refusal, "what the OIDC provider publishes is not to be had anew");
                Ok(kept)
            }
            (Err(error), None) => Err(error),
        }
    }

    async fn fetch(&self) -> PortResult<Published> {
        let issuer = &self.options.issuer;
        let at = Instant::now();
        let well_known = "/.well-known/openid-configuration";
        let address = format!("{}{well_known}", issuer.trim_end_matches('/'));
        let document = self.json(self.http.get(&address), well_known).await?;
        let metadata = published::read(document, issuer).map_err(|why| self.unfit(why))?;
        let keys = self.http.get(metadata.jwks_uri.clone());
        let keys = self.json(keys, "its keys").await?;
        let keys = published::keys(keys).map_err(|why| self.unfit(why))?;
        Ok(Published { metadata, keys, at })
    }

    /// What redeems a code: with the client's secret, as the provider takes it, and what only the browser had.
    fn redemption(
        &self,
        published: &Published,
        code: &SecretString,
        errand: &Errand,
    ) -> RequestBuilder {
        let options = &self.options;
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code.expose_secret())
            .append_pair("redirect_uri", &options.redirect_uri)
            .append_pair("code_verifier", errand.verifier.expose_secret());
        let mut request = self.http.post(published.metadata.token_endpoint.clone());
        match (&options.client_secret, published.metadata.client_auth) {
            (Some(secret), ClientAuth::Basic) => {
                request = request.header(AUTHORIZATION, basic(&options.client_id, secret));
            }
            (Some(secret), ClientAuth::Post) => {
                form.append_pair("client_id", &options.client_id)
                    .append_pair("client_secret", secret.expose_secret());
            }
            (None, _) => {
                form.append_pair("client_id", &options.client_id);
            }
        }
        request
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .body(form.finish())
    }

    /// Redeems the code, over a connection of this server's own.
    async fn tokens(
        &self,
        published: &Published,
        code: &SecretString,
        errand: &Errand,
    ) -> PortResult<Tokens> {
        let request = self.redemption(published, code, errand);
        let (status, body) = self.call(request).await?;
        if status == 200 {
            return serde_json::from_slice(&body).map_err(|_| {
                self.unfit("what its token endpoint answers is no JSON of tokens".into())
            });
        }
        let error = serde_json::from_slice::<Value>(&body).ok();
        let error = error.as_ref().and_then(|e| e["error"].as_str());
        // Theirs, but shown and logged: a code of RFC 6749 and nothing else.
        let error = error
            .filter(|e| e.len() < 60 && e.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
        let name = &self.options.name;
        Err(match error {
            Some("invalid_grant") => PortError::fatal(self.refusal(
                Kind::Unprocessable,
                format!("{name} takes this answer of its own no more (invalid_grant)"),
                "try it again",
            )),
            Some(error @ ("invalid_client" | "unauthorized_client")) => {
                PortError::fatal(self.refusal(
                    Kind::Unprocessable,
                    format!("{name} does not know this server ({error})"),
                    "an administrator has to set the client id and secret right: login.oidc in the configuration",
                ))
            }
            _ => self.unfit(format!(
                "its token endpoint answers {status} ({})",
                error.unwrap_or("no error code")
            )),
        })
    }

    async fn claims(
        &self,
        mut published: Arc<Published>,
        token: &str,
        errand: &Errand,
    ) -> PortResult<Map<String, Value>> {
        let verify = |published: &Published| {
            let expected = Expected {
                issuer: &self.options.issuer,
                client_id: &self.options.client_id,
                nonce: &errand.nonce,
                algorithms: &published.metadata.algorithms,
            };
            id_token::verify(token, &published.keys, &expected)
        };
        let mut verified = verify(&published);
        if verified == Err(Fault::UnknownKey) {
            // It may be a new one.
            published = self.published(true).await?;
            verified = verify(&published);
        }
        verified.map_err(|fault| {
            let name = &self.options.name;
            PortError::fatal(self.refusal(
                Kind::Unprocessable,
                format!("the ID token of {name} {fault}"),
                "try it again; if it stays so, tell an administrator",
            ))
        })
    }

    /// What the provider tells to who has the access token, if it is of the same account.
    async fn user_info(
        &self,
        published: &Published,
        tokens: &Tokens,
        subject: &str,
    ) -> PortResult<Option<Map<String, Value>>> {
        let (Some(endpoint), Some(token)) =
            (&published.metadata.userinfo_endpoint, &tokens.access_token)
        else {
            return Ok(None);
        };
        let mut bearer = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| {
            self.unfit("its access token has characters that no header takes".into())
        })?;
        bearer.set_sensitive(true);
        let request = self
            .http
            .get(endpoint.clone())
            .header(AUTHORIZATION, bearer);
        match self.json(request, "its userinfo endpoint").await? {
            Value::Object(claims) if claims.get("sub").and_then(Value::as_str) == Some(subject) => {
                Ok(Some(claims))
            }
            _ => Err(self.unfit("its userinfo endpoint tells of another account".into())),
        }
    }

    async fn json(&self, request: RequestBuilder, what: &str) -> PortResult<Value> {
        let (status, body) = self
            .call(request.header(ACCEPT, "application/json"))
            .await?;
        if status != 200 {
            return Err(self.unfit(format!("{what} answers {status}")));
        }
        serde_json::from_slice(&body).map_err(|_| self.unfit(format!("{what} is no JSON")))
    }

    async fn call(&self, request: RequestBuilder) -> PortResult<(u16, Vec<u8>)> {
        let away = |error: reqwest::Error| {
            let name = &self.options.name;
            let refusal = self.refusal(
                Kind::Unavailable,
                format!("{name} does not answer this server"),
                "try again in a moment",
            );
            PortError::retry(refusal.cause(error.without_url()))
        };
        let mut response = request.send().await.map_err(away)?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(away)? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(self.unfit(format!("an answer is longer than {MAX_ANSWER} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        if status >= 500 {
            let name = &self.options.name;
            let refusal = self.refusal(
                Kind::Unavailable,
                format!("{name} has a fault of its own ({status})"),
                "try again in a moment",
            );
            return Err(PortError::retry(refusal));
        }
        Ok((status, body))
    }

    /// It is not what the standard and the configuration say. Why is for the administrator.
    fn unfit(&self, why: String) -> PortError {
        let name = &self.options.name;
        let refusal = self.refusal(
            Kind::Unprocessable,
            format!("logging in with {name} is not set up right"),
            "an administrator finds the reason in the server's log",
        );
        PortError::fatal(refusal.cause(why))
    }

    fn refusal(&self, kind: Kind, text: String, hint: &str) -> Refusal {
        Refusal::new(kind, text).code(code::PROVIDER).hint(hint)
    }
}

/// RFC 6749, 2.3.1: both are form-encoded first.
fn basic(id: &str, secret: &SecretString) -> HeaderValue {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encoded(id), encoded(secret.expose_secret()));
    // Base64 fits any header.
    let text = format!("Basic {}", STANDARD.encode(pair));
    let mut value = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("Basic"));
    value.set_sensitive(true);
    value
}

/// RFC 7636, 4.2, S256.
fn challenge(errand: &Errand) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(errand.verifier.expose_secret().as_bytes()))
}

fn text(claims: &Map<String, Value>, name: &str) -> Option<String> {
    let text = claims.get(name)?.as_str()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[async_trait]
impl IdentityProvider for OidcProvider {
    async fn address(&self, errand: &Errand) -> PortResult<String> {
        let published = self.published(false).await?;
        let mut url = published.metadata.authorization_endpoint.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.options.client_id)
            .append_pair("redirect_uri", &self.options.redirect_uri)
            .append_pair("scope", &self.options.scopes)
            .append_pair("state", &errand.state)
            .append_pair("nonce", &errand.nonce)
            .append_pair("code_challenge", &challenge(errand))
            .append_pair("code_challenge_method", "S256");
        Ok(url.into())
    }

    async fn identify(&self, returned: &Returned, errand: &Errand) -> PortResult<Identity> {
        let published = self.published(false).await?;
        let claimed = returned.issuer.as_ref();
        let mixed = match claimed {
            Some(issuer) => *issuer != self.options.issuer,
            None => published.metadata.names_itself,
        };
        if mixed {
            return Err(PortError::fatal(self.refusal(
                Kind::Forbidden,
                format!("this answer is not {}'s", self.options.name),
                "open the link of the login again",
            )));
        }
        let tokens = self.tokens(&published, &returned.code, errand).await?;
        let Some(id_token) = &tokens.id_token else {
            return Err(self.unfit("there is no ID token in its answer".into()));
        };
        let claims = self.claims(published.clone(), id_token, errand).await?;
        let subject = text(&claims, "sub").filter(|s| s.len() <= MAX_SUBJECT);
        let subject =
            subject.ok_or_else(|| self.unfit("its name of the account is none".into()))?;
        let claim = self.options.email_claim.as_str();
        let mut about = claims;
        if text(&about, claim).is_none()
            && let Some(more) = self.user_info(&published, &tokens, &subject).await?
        {
            about = more;
        }
        // It says so of that claim alone; some write it as a string.
        let verified = claim == "email"
            && about
                .get("email_verified")
                .is_some_and(|v| v == &Value::Bool(true) || v == "true");
        Ok(Identity {
            link: Link {
                issuer: self.options.issuer.clone(),
                subject,
            },
            email: text(&about, claim),
            verified,
            name: text(&about, "name"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_protected_or_stays_here() {
        for (url, good) in [
            ("https://id.example.com", true),
            ("https://10.0.0.1/x", true),
            ("http://127.0.0.1:9000", true),
            ("http://[::1]:9000", true),
            ("http://localhost:9000", true),
            ("http://id.example.com", false),
            ("http://10.0.0.1", false),
            ("http://localhost.example.com", false),
            ("ftp://127.0.0.1", false),
            ("data:text/plain,x", false),
        ] {
            assert_eq!(safe(&Url::parse(url).unwrap()), good, "{url}");
        }
    }

    #[test]
    fn a_challenge_is_that_of_the_standard_and_a_secret_is_encoded_twice() {
        let mut errand = Errand::of(&SecretString::from("x"));
        // The example of RFC 7636, appendix B.
        errand.verifier = SecretString::from("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(
            challenge(&errand),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
        let header = basic("a b", &SecretString::from("c:d"));
        assert!(header.is_sensitive());
        let expected = STANDARD.encode("a+b:c%3Ad");
        assert_eq!(header.to_str().unwrap(), format!("Basic {expected}"));
    }
}
