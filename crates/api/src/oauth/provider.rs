//! The way to the OIDC provider and back, in place of a password.
//!
//! A cookie of its own goes along: the code of the login, and what proves that the browser that comes back is the one
//! that was sent. It is gone with the first answer.

use super::cookie::{self, ERRAND, own};
use super::device::{ask, consent, not_possible};
use super::{Origin, page};
use crate::answer::Failure;
use crate::limit::Try;
use crate::request::{Fields, Parameters};
use crate::state::ApiState;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use offshoot_control::login::provider::{self, Back, Turned};
use offshoot_core::Kind;
use secrecy::{ExposeSecret, SecretString};
use std::time::Instant;

/// Sends the browser to the OIDC provider.
#[utoipa::path(
    post, path = "/oauth/oidc", tag = "Login", operation_id = "log_in_with_provider",
    responses((status = 200, description = "A page that leads there", body = String, content_type = "text/html"))
)]
pub(crate) async fn send(
    State(state): State<ApiState>,
    headers: HeaderMap,
    from: Origin,
    form: Fields,
) -> Result<Response, Failure> {
    if let Err(refusal) = own(&headers, &form) {
        return not_possible(refusal);
    }
    from.limits
        .attempt(Try::Code, from.address, None, Instant::now())?;
    match provider::send(&state.control, form.text("user_code")).await {
        Ok(sent) => {
            let shown = page::go_on(&sent.provider, &sent.address);
            let value = format!("{}.{}", sent.browser.expose_secret(), sent.code);
            let value = SecretString::from(value);
            Ok(cookie::set(shown, &ERRAND, &value, &state.public_url))
        }
        Err(turned) => again(&state, turned),
    }
}

/// Where the OIDC provider sends the browser back to. The page that comes asks whether the program is allowed.
#[utoipa::path(
    get, path = "/oauth/oidc/callback", tag = "Login", operation_id = "return_from_provider",
    params(
        ("state" = Option<String>, Query, description = "What the browser was sent with"),
        ("code" = Option<String>, Query, description = "What the provider's answer is fetched with"),
        ("iss" = Option<String>, Query, description = "The provider's name of itself"),
        ("error" = Option<String>, Query, description = "Why there is no code"),
    ),
    responses((status = 200, description = "A page", body = String, content_type = "text/html"))
)]
pub(crate) async fn callback(
    State(state): State<ApiState>,
    headers: HeaderMap,
    from: Origin,
    parameters: Parameters,
) -> Result<Response, Failure> {
    from.limits
        .attempt(Try::Login, from.address, None, Instant::now())?;
    let kept = cookie::get(&headers, &ERRAND).unwrap_or_default();
    let (browser, typed) = kept.expose_secret().split_once('.').unwrap_or_default();
    let browser = SecretString::from(browser);
    let back = Back {
        typed,
        browser: &browser,
        state: parameters.text("state").unwrap_or_default(),
        code: parameters.text("code").map(SecretString::from),
        error: parameters.text("error"),
        issuer: parameters.text("iss"),
    };
    let shown = match provider::finish(&state.control, back, from.address).await {
        Ok(done) => consent(&state, &done),
        // Another site can cause such an answer, which must not end what the browser is sent for.
        Err(turned) if turned.asked.is_none() => return not_possible(turned.refusal),
        Err(turned) => again(&state, turned)?,
    };
    Ok(cookie::unset(shown, &ERRAND))
}

/// The page to log in, with what was wrong; a login that waits no more has none. A fault of ours goes to the log.
fn again(state: &ApiState, turned: Turned) -> Result<Response, Failure> {
    let Turned { asked, refusal } = turned;
    let status = match (&asked, refusal.kind) {
        (None, _) | (_, Kind::Internal) => return not_possible(refusal),
        (_, Kind::Unauthorized) => StatusCode::UNAUTHORIZED,
        (_, Kind::Forbidden) => StatusCode::FORBIDDEN,
        (_, Kind::Unavailable | Kind::Exhausted) => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    Ok(match asked {
        Some(asked) => (status, ask(state, &asked, Some(&refusal))).into_response(),
        None => return not_possible(refusal),
    })
}
