//! One iteration, with what automations made of it.

use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::Iteration;
use offshoot_control::{iteration, locate};

/// One iteration, with what automations made of it.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/iterations/{iteration}", tag = "Iterations", operation_id = "get_iteration",
    responses((status = 200, description = "One iteration, with what automations made of it", body = Iteration))
)]
pub(crate) async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, id)): Segments<(String, String)>,
) -> Answer<Iteration> {
    let control = &state.control;
    let at = locate::organization(control, &caller, &org, &[]).await?;
    let view = iteration::show(control, &at, &id).await?;
    Ok(Json(answer::iteration(&state, view)))
}
