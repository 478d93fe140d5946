//! A program ends its session.

use crate::answer::Failure;
use crate::request::Fields;
use crate::state::ApiState;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use offshoot_api_types::RevokeToken;
use offshoot_control::session;

/// Ends the session of a token. The answer is the same whether there was one (RFC 7009).
#[utoipa::path(
    post, path = "/oauth/revoke", tag = "Login", operation_id = "revoke_token",
    request_body(content = RevokeToken, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "The token is worth nothing"))
)]
pub(crate) async fn revoke(
    State(state): State<ApiState>,
    form: Fields,
) -> Result<impl IntoResponse, Failure> {
    session::revoke(&state.control, &form.secret("token")).await?;
    Ok(([(CONTENT_TYPE, "application/json")], "{}"))
}
