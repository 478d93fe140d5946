//! Gives a branch another size.

use crate::access;
use crate::answer::Failure;
use crate::request::{Authenticated, Body, Segments};
use crate::state::ApiState;
use axum::extract::State;
use axum::http::StatusCode;
use offshoot_api_types::ChangeCluster;
use offshoot_control::{branch, locate};
use offshoot_core::Refusal;

/// Gives a branch another size: other memory, cores and connections. Its engine is started anew as soon as no command or
/// transaction is under way; a sleeping one has it when it wakes.
#[utoipa::path(
    patch, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/cluster", tag = "Branches", operation_id = "resize_branch",
    request_body = ChangeCluster,
    responses((status = 204, description = "The branch has the size, or is about to"))
)]
pub(crate) async fn set_cluster(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, name)): Segments<(String, String, String)>,
    Body(body): Body<ChangeCluster>,
) -> Result<StatusCode, Failure> {
    let control = &state.control;
    let needs = access::WRITE_DATABASE;
    let at = locate::branch(control, &caller, &org, &database, &name, needs).await?;
    let size = body.cluster_size.as_deref();
    let size = size.ok_or_else(|| Refusal::invalid("cluster_size", "the size is missing"))?;
    branch::resize(control, &at, size).await?;
    Ok(StatusCode::NO_CONTENT)
}
