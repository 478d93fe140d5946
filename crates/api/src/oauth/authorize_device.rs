//! A program begins a login.

use super::{Origin, refused};
use crate::answer::{Failure, Json};
use crate::limit::Try;
use crate::request::Fields;
use crate::state::ApiState;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use offshoot_api_types::{BeginLogin, DeviceCode, OAuthError};
use offshoot_control::login;
use offshoot_core::Kind;
use offshoot_core::login::{LOGIN_TTL, POLL_INTERVAL};
use secrecy::ExposeSecret;
use std::time::Instant;

/// Begins the login of a program: the answer has the code that its user confirms in a browser.
#[utoipa::path(
    post, path = "/oauth/authorize_device", tag = "Login", operation_id = "begin_login",
    request_body(content = BeginLogin, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The codes", body = DeviceCode),
        (status = 400, description = "Refused, in the shape of RFC 6749, 5.2", body = OAuthError)
    )
)]
pub(crate) async fn authorize_device(
    State(state): State<ApiState>,
    from: Origin,
    form: Fields,
) -> Result<Response, Failure> {
    from.limits
        .attempt(Try::Begin, from.address, None, Instant::now())?;
    let (client, scopes) = (form.text("client_id"), form.text("scope"));
    let begun = match login::begin(&state.control, client, scopes, from.address).await {
        Ok(begun) => begun,
        Err(refusal) if refusal.kind == Kind::Invalid => {
            let error = match refusal.field {
                Some("scope") => "invalid_scope",
                _ => "invalid_request",
            };
            return Ok(refused(error, refusal.public));
        }
        Err(refusal) => return Err(refusal.into()),
    };
    let page = format!("{}/oauth/device", state.public_url);
    let code = DeviceCode {
        device_code: begun.device_code.expose_secret().to_owned(),
        verification_uri_complete: format!("{page}?user_code={}", begun.user_code),
        user_code: begun.user_code,
        verification_uri: page,
        expires_in: LOGIN_TTL.as_secs(),
        interval: POLL_INTERVAL.as_secs(),
    };
    Ok(Json(code).into_response())
}
