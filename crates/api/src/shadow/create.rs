//! Gives a production branch a shadow.

use crate::access;
use crate::answer::{self, Failure, Json};
use crate::request::{Authenticated, Creating, Prefer, Segments, seconds};
use crate::state::ApiState;
use axum::extract::State;
use axum::http::StatusCode;
use offshoot_api_types::{CreateShadow, Shadow};
use offshoot_control::{locate, shadow};

/// Gives a production branch a shadow: a replica from which its live branches and backups are taken from
/// then on, so that it is not paused itself.
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/shadow", tag = "Branches", operation_id = "create_shadow",
    params(("Prefer" = Option<String>, Header, description = "`wait=N`: answer when it follows or is broken, at the latest after N seconds (300 at most)")),
    request_body = CreateShadow,
    responses((status = 201, description = "The shadow, in the state it has by then", body = Shadow))
)]
pub(crate) async fn create(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, branch)): Segments<(String, String, String)>,
    prefer: Prefer,
    Creating { body, key }: Creating<CreateShadow>,
) -> Result<(StatusCode, Json<Shadow>), Failure> {
    let control = &state.control;
    let needs = access::WRITE_SHADOW;
    let at = locate::branch(control, &caller, &org, &database, &branch, needs).await?;
    let every = body.every_seconds.map(|s| seconds("every_seconds", s));
    let once = key.once(control, &caller).await?;
    let mut view = shadow::create(control, &at, every.transpose()?, &once).await?;
    if let Some(time) = prefer.wait.filter(|t| !t.is_zero()) {
        shadow::wait(control, &at, time).await?;
        view = shadow::show(control, &at).await?;
    }
    let revision = view.revision();
    Ok((
        StatusCode::CREATED,
        Json::at(revision, answer::shadow(view)),
    ))
}
