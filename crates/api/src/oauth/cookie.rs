//! Cookies of logins, which scripts cannot read, and what binds a form to them.

use crate::request::Fields;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use offshoot_core::credential::equal;
use offshoot_core::login::LOGIN_TTL;
use offshoot_core::{Kind, Refusal};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// A cookie's name, and who gets it back.
pub(super) struct Cookie {
    name: &'static str,
    scope: &'static str,
}

/// What the forms are bound to: other sites cause nothing with it.
pub(super) const LOGIN: Cookie = Cookie {
    name: "offshoot_login",
    scope: "SameSite=Strict; Path=/oauth",
};

/// What a browser comes back with from the OIDC provider, which is another site: so it has to be sent along with a link.
pub(super) const ERRAND: Cookie = Cookie {
    name: "offshoot_errand",
    scope: "SameSite=Lax; Path=/oauth/oidc",
};

/// The browser's secret, where the form is one that was given to this browser.
pub(super) fn own(headers: &HeaderMap, form: &Fields) -> Result<SecretString, Refusal> {
    let stale = || {
        Refusal::new(
            Kind::Forbidden,
            "this form was not made for this browser, or is too old",
        )
        .hint("open the link of the login again, and let this site keep cookies")
    };
    let secret = get(headers, &LOGIN).ok_or_else(stale)?;
    match equal(proof(&secret).as_bytes(), form.text("proof").as_bytes()) {
        true => Ok(secret),
        false => Err(stale()),
    }
}

/// What a form carries: who has the cookie can make it, who sees the page alone cannot make the cookie.
pub(super) fn proof(secret: &SecretString) -> String {
    let digest = Sha256::new()
        .chain_update("offshoot form ")
        .chain_update(secret.expose_secret())
        .finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn get(headers: &HeaderMap, cookie: &Cookie) -> Option<SecretString> {
    let all = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|v| v.to_str().ok());
    let mut pairs = all
        .flat_map(|v| v.split(';'))
        .filter_map(|p| p.trim().split_once('='));
    let (_, value) = pairs.find(|(name, value)| *name == cookie.name && !value.is_empty())?;
    Some(SecretString::from(value))
}

/// Gives it to the browser for as long as a login can take.
pub(super) fn set(
    mut response: Response,
    cookie: &Cookie,
    value: &SecretString,
    public_url: &str,
) -> Response {
    let secure = match public_url.starts_with("https://") {
        true => "; Secure",
        false => "",
    };
    let text = format!(
        "{}={}; HttpOnly; {}; Max-Age={}{secure}",
        cookie.name,
        value.expose_secret(),
        cookie.scope,
        LOGIN_TTL.as_secs()
    );
    add(&mut response, &text);
    response
}

/// Takes it away.
pub(super) fn unset(mut response: Response, cookie: &Cookie) -> Response {
    let text = format!("{}=; HttpOnly; {}; Max-Age=0", cookie.name, cookie.scope);
    add(&mut response, &text);
    response
}

fn add(response: &mut Response, text: &str) {
    if let Ok(mut value) = HeaderValue::from_str(text) {
        value.set_sensitive(true);
        response.headers_mut().append(SET_COOKIE, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, "a=b; offshoot_login=xyz; c=d".parse().unwrap());
        assert_eq!(get(&headers, &LOGIN).unwrap().expose_secret(), "xyz");
        assert!(get(&headers, &ERRAND).is_none());
        headers.insert(COOKIE, "a=b; offshoot_login=".parse().unwrap());
        assert!(get(&headers, &LOGIN).is_none());
    }

    #[test]
    fn a_proof_is_not_the_secret() {
        let secret = SecretString::from("abc");
        let other = SecretString::from("abd");
        assert_ne!(proof(&secret), proof(&other));
        assert!(!proof(&secret).contains("abc"));
    }
}
