//! The pool and the memory that engines share.

use crate::answer::{self, Answer, Json};
use crate::request::Authenticated;
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::Pool;
use offshoot_control::pool;

/// The pool and the memory that engines share.
#[utoipa::path(
    get, path = "/v1/pool", tag = "Machine", operation_id = "get_pool",
    responses((status = 200, description = "The pool and the memory that engines share", body = Pool))
)]
pub(crate) async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
) -> Answer<Pool> {
    let view = pool::show(&state.control, &caller).await?;
    Ok(Json(answer::pool(view)))
}
