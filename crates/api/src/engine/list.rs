//! The engines that branches can run on.

use crate::answer::{Answer, Json};
use crate::request::Authenticated;
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{DataList, Engine};
use offshoot_control::engine;

/// The engines that branches can run on.
#[utoipa::path(
    get, path = "/v1/engines", tag = "Machine", operation_id = "list_engines",
    responses((status = 200, description = "The engines that branches can run on", body = DataList<Engine>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
) -> Answer<DataList<Engine>> {
    let engines = engine::list(&state.control, &caller).await?;
    let data = engines.iter().map(|(e, n)| Engine::new(e, *n)).collect();
    Ok(Json(DataList { data }))
}
