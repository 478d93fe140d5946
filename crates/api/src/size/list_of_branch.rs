//! The sizes that a branch may have.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::ClusterSku;
use offshoot_control::{locate, size};

/// The sizes that a branch may have. A bare list.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/cluster-size-skus", tag = "Branches", operation_id = "list_branch_cluster_size_skus",
    responses((status = 200, description = "The sizes", body = Vec<ClusterSku>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, name)): Segments<(String, String, String)>,
) -> Answer<Vec<ClusterSku>> {
    let control = &state.control;
    let at = locate::branch(
        control,
        &caller,
        &org,
        &database,
        &name,
        access::READ_BRANCH,
    )
    .await?;
    Ok(Json(answer::sizes(size::list(
        &state.control,
        Some(at.branch().production),
    ))))
}
