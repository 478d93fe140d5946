//! The ways in which tools prove that a request is theirs. Compared in constant time, over the raw body.

use crate::inbound::Request;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use sha1::Sha1;
use sha2::Sha256;
use std::borrow::Cow;

/// How old, or how far ahead, a signed time may be. Tools sign each attempt anew, so it bounds how long a
/// request that was listened to can be sent again; within it the delivery's key tells it apart.
pub const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// Why a request is not taken for the tool's. Says nothing of the secrets or of what was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    #[error("the integration has no webhook secret; give it the one that the tool signs with")]
    NoSecret,
    #[error("the request has no {0}; is the webhook in the tool set up with a secret?")]
    Missing(String),
    #[error("{0} is not what this tool sends: {1}")]
    Malformed(String, &'static str),
    #[error("{0} does not match: another secret, or the body was changed on its way")]
    Mismatch(String),
    #[error("the request was signed {0} s ago, {limit} s are allowed", limit = TOLERANCE.as_secs())]
    Stale(i64),
    #[error("the request's token expired {0} s ago")]
    Expired(i64),
    #[error("the request was signed {0} s in the future; is this machine's clock right?")]
    Early(i64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha1,
    Sha256,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Hex,
    Base64,
}

/// Where a plain token stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Header(Cow<'static, str>),
    /// `Authorization: Bearer`, or the password of `Authorization: Basic`.
    Authorization,
    /// `?token=` of the address that the tool was given.
    Query,
}

/// What is signed behind the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    Nothing,
    /// The address as the tool was given it.
    Address,
    Text(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// HMAC of the body in a header, behind a prefix such as `sha256=`.
    Hmac {
        header: Cow<'static, str>,
        hash: Hash,
        encoding: Encoding,
        prefix: Cow<'static, str>,
        /// What is signed behind the body.
        then: Then,
    },
    Token(Place),
    /// `webhook-id`, `webhook-timestamp`, `webhook-signature` (standardwebhooks.com).
    StandardWebhooks,
    /// A JSON web token of HS256 in `Authorization`, with or without `Bearer`.
    Jwt,
    /// The first of them that the request has anything of; the first of all if none.
    FirstOf(Vec<Scheme>),
}

impl Scheme {
    pub(crate) const fn hex_sha256(header: &'static str, prefix: &'static str) -> Self {
        Self::hex(header, prefix, Hash::Sha256)
    }

    pub(crate) const fn hex(header: &'static str, prefix: &'static str, hash: Hash) -> Self {
        Scheme::Hmac {
            header: Cow::Borrowed(header),
            hash,
            encoding: Encoding::Hex,
            prefix: Cow::Borrowed(prefix),
            then: Then::Nothing,
        }
    }

    /// The secret itself, for tools that sign nothing.
    pub(crate) fn token_anywhere() -> Self {
        let header = Place::Header(Cow::Borrowed("x-webhook-token"));
        let places = [Place::Authorization, header, Place::Query];
        Scheme::FirstOf(places.map(Scheme::Token).into())
    }

    /// Whether the request is signed with any of the secrets.
    pub(crate) fn verify(
        &self,
        secrets: &[SecretString],
        request: &Request,
        now: Timestamp,
    ) -> Result<(), Unverified> {
        if secrets.iter().all(|s| s.expose_secret().is_empty()) {
            return Err(Unverified::NoSecret);
        }
        match self {
            Scheme::Hmac { .. } => self.verify_hmac(secrets, request),
            Scheme::Token(place) => verify_token(place, secrets, request),
            Scheme::StandardWebhooks => verify_standard(secrets, request, now),
            Scheme::Jwt => verify_jwt(secrets, request, now),
            Scheme::FirstOf(schemes) => {
                let present = schemes.iter().find(|scheme| scheme.is_in(request));
                match present.or(schemes.first()) {
                    Some(scheme) => scheme.verify(secrets, request, now),
                    None => Err(Unverified::NoSecret),
                }
            }
        }
    }

    fn is_in(&self, request: &Request) -> bool {
        match self {
            Scheme::Hmac { header, .. } => request.header(header).is_some(),
            Scheme::Token(place) => place.read(request).is_some(),
            Scheme::StandardWebhooks => request.header("webhook-signature").is_some(),
            Scheme::Jwt => request.header("authorization").is_some(),
            Scheme::FirstOf(schemes) => schemes.iter().any(|scheme| scheme.is_in(request)),
        }
    }

    fn verify_hmac(&self, secrets: &[SecretString], request: &Request) -> Result<(), Unverified> {
        let Scheme::Hmac {
            header,
            hash,
            encoding,
            prefix,
            then,
        } = self
        else {
            return Err(Unverified::NoSecret);
        };
        let given = request
            .header(header)
            .ok_or_else(|| Unverified::Missing(header.to_string()))?;
        let given = given.strip_prefix(&**prefix).ok_or(Unverified::Malformed(
            header.to_string(),
            "it names another method",
        ))?;
        let tag = match encoding {
            Encoding::Hex => unhex(given),
            Encoding::Base64 => STANDARD.decode(given).ok(),
        };
        let tag = tag.ok_or(Unverified::Malformed(
            header.to_string(),
            "it is no signature",
        ))?;
        let then = match then {
            Then::Nothing => "",
            Then::Address => request.url.as_str(),
            Then::Text(text) => text.as_str(),
        };
        let parts = [request.body.as_slice(), then.as_bytes()];
        let right = keys(secrets).filter(|key| match hash {
            Hash::Sha1 => matches::<Hmac<Sha1>>(key, &parts, &tag),
            Hash::Sha256 => matches::<Hmac<Sha256>>(key, &parts, &tag),
        });
        // All are tried: how long it takes does not say which was right.
        match right.count() {
            0 => Err(Unverified::Mismatch(header.to_string())),
            _ => Ok(()),
        }
    }
}

impl Place {
    fn name(&self) -> String {
        match self {
            Place::Header(name) => name.to_string(),
            Place::Authorization => "authorization".into(),
            Place::Query => "token in its address".into(),
        }
    }

    fn read(&self, request: &Request) -> Option<String> {
        match self {
            Place::Header(name) => request.header(name).map(str::to_owned),
            Place::Authorization => {
                let given = request.header("authorization")?;
                let (kind, rest) = given.split_once(' ').unwrap_or(("", given));
                if !kind.eq_ignore_ascii_case("basic") {
                    return Some(rest.trim().to_owned());
                }
                let pair = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
                Some(pair.split_once(':')?.1.to_owned())
            }
            Place::Query => {
                let (_, query) = request.url.split_once('?')?;
                let query = query.split('#').next().unwrap_or_default();
                url::form_urlencoded::parse(query.as_bytes())
                    .find(|(name, _)| name == "token")
                    .map(|(_, value)| value.into_owned())
            }
        }
    }
}

/// Whether the request carries one of the secrets itself at that place.
pub(crate) fn verify_token(
    place: &Place,
    secrets: &[SecretString],
    request: &Request,
) -> Result<(), Unverified> {
    let given = place
        .read(request)
        .ok_or_else(|| Unverified::Missing(place.name()))?;
    // Both are hashed, so that the time says nothing of how much of it is right.
    let tag = tag::<Hmac<Sha256>>(b"token", &[given.as_bytes()]);
    let right = keys(secrets).filter(|key| matches::<Hmac<Sha256>>(b"token", &[*key], &tag));
    match right.count() {
        0 => Err(Unverified::Mismatch(place.name())),
        _ => Ok(()),
    }
}

fn verify_standard(
    secrets: &[SecretString],
    request: &Request,
    now: Timestamp,
) -> Result<(), Unverified> {
    let header = |name: &str| {
        request
            .header(name)
            .ok_or_else(|| Unverified::Missing(name.to_owned()))
    };
    let id = header("webhook-id")?;
    let time = header("webhook-timestamp")?;
    let given = header("webhook-signature")?;
    let wrong = |name: &str, why| Unverified::Malformed(name.to_owned(), why);
    let at = time
        .parse::<i64>()
        .ok()
        .and_then(|s| Timestamp::from_second(s).ok());
    let at = at.ok_or_else(|| wrong("webhook-timestamp", "it is no time"))?;
    let parts = [
        id.as_bytes(),
        b".",
        time.as_bytes(),
        b".",
        request.body.as_slice(),
    ];
    let tags: Vec<Vec<u8>> = given
        .split(' ')
        .take(16)
        .filter_map(|one| STANDARD.decode(one.strip_prefix("v1,")?).ok())
        .collect();
    if tags.is_empty() {
        return Err(wrong("webhook-signature", "it has none of version v1"));
    }
    let mut right = 0;
    for secret in secrets {
        let key = standard_key(secret.expose_secret());
        for tag in &tags {
            right += usize::from(!key.is_empty() && matches::<Hmac<Sha256>>(&key, &parts, tag));
        }
    }
    if right == 0 {
        return Err(Unverified::Mismatch("webhook-signature".into()));
    }
    fresh(at, now)
}

/// Standard Webhooks writes keys as `whsec_` and base64; others are taken as they stand.
fn standard_key(secret: &str) -> Vec<u8> {
    let coded = secret.strip_prefix("whsec_");
    coded
        .and_then(|coded| STANDARD.decode(coded).ok())
        .unwrap_or_else(|| secret.as_bytes().to_vec())
}

fn verify_jwt(
    secrets: &[SecretString],
    request: &Request,
    now: Timestamp,
) -> Result<(), Unverified> {
    let name = "authorization";
    let wrong = |why| Unverified::Malformed(name.into(), why);
    let given = request
        .header(name)
        .ok_or_else(|| Unverified::Missing(name.into()))?;
    let token = match given.split_once(' ') {
        Some((_, token)) => token.trim(),
        None => given,
    };
    let (signed, signature) = token
        .rsplit_once('.')
        .ok_or(wrong("it is no JSON web token"))?;
    let (head, claims) = signed
        .split_once('.')
        .ok_or(wrong("it is no JSON web token"))?;
    let part = |text: &str| -> Option<Value> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
    };
    let head = part(head).ok_or(wrong("it is no JSON web token"))?;
    // What it says of its own method is compared, never followed.
    if head.get("alg").and_then(Value::as_str) != Some("HS256") {
        return Err(wrong("it is signed with another method than HS256"));
    }
    let tag = URL_SAFE_NO_PAD.decode(signature);
    let tag = tag.map_err(|_| wrong("it is no JSON web token"))?;
    let right =
        keys(secrets).filter(|key| matches::<Hmac<Sha256>>(key, &[signed.as_bytes()], &tag));
    if right.count() == 0 {
        return Err(Unverified::Mismatch(name.into()));
    }
    let claims = part(claims).ok_or(wrong("its claims are not JSON"))?;
    let time = |claim: &str| {
        let seconds = claims.get(claim)?.as_f64()?;
        Timestamp::from_second(seconds as i64).ok()
    };
    match (time("exp"), time("iat")) {
        (None, None) => Err(wrong("it has no time (exp or iat)")),
        (Some(exp), _) if now.duration_since(exp) > TOLERANCE => {
            Err(Unverified::Expired(now.duration_since(exp).as_secs()))
        }
        (Some(_), Some(iat)) if iat > now => fresh(iat, now),
        (Some(_), _) => Ok(()),
        (None, Some(iat)) => fresh(iat, now),
    }
}

fn fresh(at: Timestamp, now: Timestamp) -> Result<(), Unverified> {
    let age = now.duration_since(at);
    if age > TOLERANCE {
        return Err(Unverified::Stale(age.as_secs()));
    }
    if age < -TOLERANCE {
        return Err(Unverified::Early(-age.as_secs()));
    }
    Ok(())
}

/// An empty secret is none.
fn keys(secrets: &[SecretString]) -> impl Iterator<Item = &[u8]> {
    secrets
        .iter()
        .map(|secret| secret.expose_secret().as_bytes())
        .filter(|key| !key.is_empty())
}

fn mac<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> M {
    let mut mac = <M as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac
}

fn matches<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]], tag: &[u8]) -> bool {
    mac::<M>(key, parts).verify_slice(tag).is_ok()
}

fn tag<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    mac::<M>(key, parts).finalize().into_bytes().to_vec()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
        .collect();
    let digits = digits.filter(|d| !d.is_empty() && d.len().is_multiple_of(2))?;
    Some(
        digits
            .chunks(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect(),
    )
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
