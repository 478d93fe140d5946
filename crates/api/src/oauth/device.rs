//! The pages on which a user compares a code, logs in, and allows a program or not.
//!
//! Two cookies, neither of which scripts or other sites can use: one that the form of the password is bound to, and in its
//! place, after the right one, what proves that this browser is the one that logged in. Forms carry a digest of it.

use super::{Origin, page};
use crate::answer::Failure;
use crate::limit::Try;
use crate::request::{Fields, Parameters};
use crate::state::ApiState;
use axum::extract::State;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use offshoot_control::login;
use offshoot_core::credential::equal;
use offshoot_core::login::LOGIN_TTL;
use offshoot_core::refusal::code;
use offshoot_core::user::Email;
use offshoot_core::{Kind, Refusal};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use std::time::Instant;

const NAME: &str = "offshoot_login";

/// The page of a code: what is asked, and the form to log in.
#[utoipa::path(
    get, path = "/oauth/device", tag = "Login", operation_id = "show_login",
    params(("user_code" = Option<String>, Query, description = "The code that the program shows")),
    responses((status = 200, description = "A page", body = String, content_type = "text/html"))
)]
pub(crate) async fn show(
    State(state): State<ApiState>,
    from: Origin,
    parameters: Parameters,
) -> Result<Response, Failure> {
    let Some(typed) = parameters.text("user_code") else {
        return Ok(page::ask_code(None));
    };
    from.limits
        .attempt(Try::Code, from.address, None, Instant::now())?;
    match login::look(&state.control, typed).await {
        Ok(asked) => {
            let secret = login::draw_secret(&state.control);
            let shown = page::ask_password(&asked, &proof(&secret), None);
            Ok(with_cookie(shown, &secret, &state.public_url))
        }
        Err(refusal) => not_possible(refusal),
    }
}

/// Logs in. The page that comes then asks whether the program is allowed.
#[utoipa::path(
    post, path = "/oauth/device", tag = "Login", operation_id = "log_in",
    responses((status = 200, description = "A page", body = String, content_type = "text/html"))
)]
pub(crate) async fn log_in(
    State(state): State<ApiState>,
    headers: HeaderMap,
    from: Origin,
    form: Fields,
) -> Result<Response, Failure> {
    let (typed, email) = (form.text("user_code"), form.text("email"));
    if let Err(refusal) = own(&headers, &form) {
        return not_possible(refusal);
    }
    // As it is looked up: spaces around it are no way to more tries.
    let of = Email::parse(email).ok();
    let of = of.as_ref().map(Email::as_str);
    from.limits
        .attempt(Try::Login, from.address, of, Instant::now())?;
    let asked = match login::look(&state.control, typed).await {
        Ok(asked) => asked,
        Err(refusal) => return not_possible(refusal),
    };
    let password = form.secret("password");
    match login::log_in(&state.control, typed, email, &password, from.address).await {
        Ok(done) => {
            let shown = page::ask_consent(&done.asked, &done.email, &proof(&done.browser));
            Ok(with_cookie(shown, &done.browser, &state.public_url))
        }
        Err(refusal) if refusal.code == code::LOGIN => {
            let secret = login::draw_secret(&state.control);
            let again = page::ask_password(&asked, &proof(&secret), Some(&refusal));
            let shown = (StatusCode::UNAUTHORIZED, again).into_response();
            Ok(with_cookie(shown, &secret, &state.public_url))
        }
        Err(refusal) => not_possible(refusal),
    }
}

/// Allows or denies.
#[utoipa::path(
    post, path = "/oauth/device/decision", tag = "Login", operation_id = "decide_login",
    responses((status = 200, description = "A page", body = String, content_type = "text/html"))
)]
pub(crate) async fn decide(
    State(state): State<ApiState>,
    headers: HeaderMap,
    from: Origin,
    form: Fields,
) -> Result<Response, Failure> {
    let secret = match own(&headers, &form) {
        Ok(secret) => secret,
        Err(refusal) => return not_possible(refusal),
    };
    from.limits
        .attempt(Try::Code, from.address, None, Instant::now())?;
    let allow = match form.text("decision") {
        "allow" => true,
        "deny" => false,
        _ => return not_possible(Refusal::invalid("decision", "it is allow or deny")),
    };
    let typed = form.text("user_code");
    let mut response =
        match login::decide(&state.control, typed, &secret, allow, from.address).await {
            Ok(()) => page::done(allow),
            Err(refusal) => return not_possible(refusal),
        };
    let gone = HeaderValue::from_static(
        "offshoot_login=; HttpOnly; SameSite=Strict; Path=/oauth; Max-Age=0",
    );
    response.headers_mut().insert(SET_COOKIE, gone);
    Ok(response)
}

/// The browser's secret, where the form is one that was given to this browser.
fn own(headers: &HeaderMap, form: &Fields) -> Result<SecretString, Refusal> {
    let stale = || {
        Refusal::new(
            Kind::Forbidden,
            "this form was not made for this browser, or is too old",
        )
        .hint("open the link of the login again, and let this site keep cookies")
    };
    let secret = cookie(headers).ok_or_else(stale)?;
    match equal(proof(&secret).as_bytes(), form.text("proof").as_bytes()) {
        true => Ok(secret),
        false => Err(stale()),
    }
}

fn cookie(headers: &HeaderMap) -> Option<SecretString> {
    let all = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|v| v.to_str().ok());
    let mut pairs = all
        .flat_map(|v| v.split(';'))
        .filter_map(|p| p.trim().split_once('='));
    let (_, value) = pairs.find(|(name, value)| *name == NAME && !value.is_empty())?;
    Some(SecretString::from(value))
}

/// What a form carries: who has the cookie can make it, who sees the page alone cannot make the cookie.
fn proof(secret: &SecretString) -> String {
    let digest = Sha256::new()
        .chain_update("offshoot form ")
        .chain_update(secret.expose_secret())
        .finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn with_cookie(mut response: Response, secret: &SecretString, public_url: &str) -> Response {
    let secure = match public_url.starts_with("https://") {
        true => "; Secure",
        false => "",
    };
    let text = format!(
        "{NAME}={}; HttpOnly; SameSite=Strict; Path=/oauth; Max-Age={}{secure}",
        secret.expose_secret(),
        LOGIN_TTL.as_secs()
    );
    if let Ok(mut value) = HeaderValue::from_str(&text) {
        value.set_sensitive(true);
        response.headers_mut().insert(SET_COOKIE, value);
    }
    response
}

/// A fault of ours goes to the log; the rest is a page.
fn not_possible(refusal: Refusal) -> Result<Response, Failure> {
    let status = match refusal.kind {
        Kind::Internal | Kind::Exhausted | Kind::Unavailable => return Err(refusal.into()),
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::Forbidden => StatusCode::FORBIDDEN,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    Ok((status, page::ask_code(Some(&refusal))).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, "a=b; offshoot_login=xyz; c=d".parse().unwrap());
        assert_eq!(cookie(&headers).unwrap().expose_secret(), "xyz");
        headers.insert(COOKIE, "a=b; offshoot_login=".parse().unwrap());
        assert!(cookie(&headers).is_none());
    }

    #[test]
    fn a_proof_is_not_the_secret() {
        let secret = SecretString::from("abc");
        let other = SecretString::from("abd");
        assert_ne!(proof(&secret), proof(&other));
        assert!(!proof(&secret).contains("abc"));
    }
}
