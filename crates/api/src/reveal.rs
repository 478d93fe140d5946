//! Links that reveal a credential once. Looking at one opens nothing, so that previews do no harm; the
//! button on its page does.

mod page;

use crate::answer::{self, Failure};
use crate::request::remote;
use crate::state::ApiState;
use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use offshoot_api_types::RevealedCredential;
use offshoot_control::handover;
use offshoot_core::Refusal;
use secrecy::SecretString;

/// The page of a link, with the button that opens it.
#[utoipa::path(
    get, path = "/v1/reveal/{handover}/{token}", tag = "Reveal links", operation_id = "look_at_link",
    responses((status = 200, description = "The page of a link, with the button that opens it", body = String, content_type = "text/html"))
)]
pub(crate) async fn look(
    State(state): State<ApiState>,
    Path((id, token)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    match handover::peek(&state.control, &id, &SecretString::from(token)).await {
        Ok(sealed) => Ok(page::closed(&sealed)),
        Err(refusal) => refuse(&headers, refusal),
    }
}

/// Opens a link: the credential, this once.
#[utoipa::path(
    post, path = "/v1/reveal/{handover}/{token}", tag = "Reveal links", operation_id = "open_link",
    responses((status = 200, description = "The credential, this once; a page for browsers", body = RevealedCredential))
)]
pub(crate) async fn open(
    State(state): State<ApiState>,
    Path((id, token)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Failure> {
    let (parts, _) = request.into_parts();
    let token = SecretString::from(token);
    match handover::reveal(&state.control, &id, &token, remote(&parts)).await {
        Ok(revealed) => {
            let shown = answer::revealed(&revealed);
            Ok(match browser(&parts.headers) {
                true => page::open(&shown),
                false => Json(shown).into_response(),
            })
        }
        Err(refusal) => refuse(&parts.headers, refusal),
    }
}

fn browser(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|v| v.to_str().ok());
    accept.is_some_and(|text| text.contains("text/html"))
}

fn refuse(headers: &HeaderMap, refusal: Refusal) -> Result<Response, Failure> {
    if !browser(headers) || refusal.kind == offshoot_core::Kind::Internal {
        return Err(refusal.into());
    }
    let status = match refusal.kind {
        offshoot_core::Kind::NotFound => StatusCode::NOT_FOUND,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    Ok((status, page::refused(&refusal)).into_response())
}
