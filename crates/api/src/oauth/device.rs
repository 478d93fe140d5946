//! The pages on which a user compares a code, logs in, and allows a program or not.
//!
//! One cookie, which neither scripts nor other sites can use: what the forms are bound to, and in its place, once the user
//! is in, what proves that this browser is the one that logged in. Forms carry a digest of it.

use super::cookie::{self, own};
use super::{Origin, page};
use crate::answer::Failure;
use crate::limit::Try;
use crate::request::{Fields, Parameters};
use crate::state::ApiState;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use offshoot_control::login::{self, Asked, LoggedIn};
use offshoot_core::refusal::code;
use offshoot_core::user::Email;
use offshoot_core::{Kind, Refusal};
use std::time::Instant;

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
        Ok(asked) => Ok(ask(&state, &asked, None)),
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
        Ok(done) => Ok(consent(&state, &done)),
        Err(refusal) if refusal.code == code::LOGIN => {
            let again = ask(&state, &asked, Some(&refusal));
            Ok((StatusCode::UNAUTHORIZED, again).into_response())
        }
        Err(refusal) => not_possible(refusal),
    }
}

/// The form to log in with, bound to this browser.
pub(super) fn ask(state: &ApiState, asked: &Asked, wrong: Option<&Refusal>) -> Response {
    let secret = login::draw_secret(&state.control);
    let ways = login::ways(&state.control);
    let shown = page::ask_login(asked, &ways, &cookie::proof(&secret), wrong);
    cookie::set(shown, &cookie::LOGIN, &secret, &state.public_url)
}

/// What a user is asked who is in, in this browser.
pub(super) fn consent(state: &ApiState, done: &LoggedIn) -> Response {
    let shown = page::ask_consent(&done.asked, &done.email, &cookie::proof(&done.browser));
    cookie::set(shown, &cookie::LOGIN, &done.browser, &state.public_url)
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
    match login::decide(&state.control, typed, &secret, allow, from.address).await {
        Ok(()) => Ok(cookie::unset(page::done(allow), &cookie::LOGIN)),
        Err(refusal) => not_possible(refusal),
    }
}

/// A fault of ours goes to the log; the rest is a page.
pub(super) fn not_possible(refusal: Refusal) -> Result<Response, Failure> {
    let status = match refusal.kind {
        Kind::Internal | Kind::Exhausted | Kind::Unavailable => return Err(refusal.into()),
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::Forbidden => StatusCode::FORBIDDEN,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    Ok((status, page::ask_code(Some(&refusal))).into_response())
}
