//! The sizes of branches.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::ClusterSku;
use offshoot_control::{locate, size};

/// The sizes that branches of an organization are named by. A bare list.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/cluster-size-skus", tag = "Organizations", operation_id = "list_cluster_size_skus",
    responses((status = 200, description = "The sizes", body = Vec<ClusterSku>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments(name): Segments<String>,
) -> Answer<Vec<ClusterSku>> {
    locate::organization(&state.control, &caller, &name, access::READ_ORGANIZATION).await?;
    Ok(Json(answer::sizes(size::list(&state.control, None))))
}
