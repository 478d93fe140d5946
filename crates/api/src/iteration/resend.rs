//! Makes a credential of an iteration's branch anew and delivers it.

use crate::access;
use crate::answer::{self, Failure, Json};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use axum::http::StatusCode;
use offshoot_api_types::IterationCredential;
use offshoot_control::{handover, locate};

/// Makes a credential anew and delivers it as its rule says; the earlier one stays good until its own end, and a
/// link to it does not open any more. `{credential}` is the id of one that the iteration shows.
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/iterations/{iteration}/credentials/{credential}/resend", tag = "Iterations", operation_id = "resend_credential",
    responses((status = 201, description = "The credential that takes its place", body = IterationCredential))
)]
pub(crate) async fn resend(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, iteration, credential)): Segments<(String, String, String)>,
) -> Result<(StatusCode, Json<IterationCredential>), Failure> {
    let control = &state.control;
    let at = locate::organization(control, &caller, &org, access::WRITE_PASSWORD).await?;
    let made = handover::resend(control, &at, &iteration, &credential).await?;
    Ok((
        StatusCode::CREATED,
        Json(answer::iteration_credential(&state.public_url, made)),
    ))
}
