//! A program fetches its session.

use super::{Origin, refused};
use crate::answer::{Failure, Json};
use crate::limit::Try;
use crate::request::Fields;
use crate::state::ApiState;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use offshoot_api_types::{AccessToken, FetchToken, OAuthError};
use offshoot_control::login::{self, NotYet};
use offshoot_core::login::SESSION_TTL;
use secrecy::ExposeSecret;
use std::time::Instant;

/// The only grant there is.
const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// Fetches the token of a session, once its user has allowed it. It is in this answer and nowhere else.
#[utoipa::path(
    post, path = "/oauth/token", tag = "Login", operation_id = "fetch_token",
    request_body(content = FetchToken, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The token", body = AccessToken),
        (status = 400, description = "Refused, in the shape of RFC 6749, 5.2", body = OAuthError)
    )
)]
pub(crate) async fn token(
    State(state): State<ApiState>,
    from: Origin,
    form: Fields,
) -> Result<Response, Failure> {
    if form.text("grant_type") != GRANT {
        return Ok(refused(
            "unsupported_grant_type",
            format!("the grant type is {GRANT}"),
        ));
    }
    if from
        .limits
        .attempt(Try::Poll, from.address, None, Instant::now())
        .is_err()
    {
        return Ok(refused("slow_down", "ask less often"));
    }
    let code = form.secret("device_code");
    let issued = match login::fetch(&state.control, form.text("client_id"), &code).await {
        Ok(issued) => issued,
        Err(NotYet::Pending) => {
            return Ok(refused(
                "authorization_pending",
                "the login was not confirmed yet",
            ));
        }
        Err(NotYet::Denied) => return Ok(refused("access_denied", "the login was denied")),
        Err(NotYet::Expired) => {
            return Ok(refused(
                "expired_token",
                "the login is over: begin it again",
            ));
        }
        Err(NotYet::Refused(refusal)) => return Err(refusal.into()),
    };
    let token = AccessToken {
        access_token: issued.access_token.expose_secret().to_owned(),
        token_type: "Bearer".to_owned(),
        expires_in: SESSION_TTL.as_secs(),
        scope: issued.scopes,
    };
    Ok(Json(token).into_response())
}
