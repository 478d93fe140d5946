//! Changes a keyspace's settings: they are Vitess's, so there is nothing to change.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Body, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{Keyspace, UpdateKeyspace};
use offshoot_control::{keyspace, locate};
use offshoot_core::Refusal;

/// Changes a keyspace's settings. They say how Vitess copies and replicates: what they are is taken, anything else refused.
#[utoipa::path(
    patch, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/keyspaces/{keyspace}", tag = "Keyspaces", operation_id = "change_keyspace",
    request_body = UpdateKeyspace,
    responses((status = 200, description = "The keyspace, as it was", body = Keyspace))
)]
pub(crate) async fn update(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, branch, name)): Segments<(String, String, String, String)>,
    Body(body): Body<UpdateKeyspace>,
) -> Answer<Keyspace> {
    let control = &state.control;
    let needs = access::CREATE_KEYSPACE;
    let at = locate::branch(control, &caller, &org, &database, &branch, needs).await?;
    let shape = answer::keyspace(keyspace::show(control, &at, &name).await?);
    refuse(&body, &shape)?;
    Ok(Json(shape))
}

fn refuse(body: &UpdateKeyspace, shape: &Keyspace) -> Result<(), Refusal> {
    let durability = body.replication_durability_constraints.as_ref();
    let own = &shape.replication_durability_constraints;
    if durability.is_some_and(|wanted| wanted.strategy.is_some() && wanted != own) {
        return Err(Refusal::unprocessable(
            "there are no replicas that a commit could wait for: a branch is one MySQL server",
        )
        .hint("leave replication_durability_constraints out"));
    }
    let flags = body.vreplication_flags.as_ref();
    if flags.is_some_and(|wanted| *wanted != shape.vreplication_flags) {
        return Err(Refusal::unprocessable(
            "vreplication_flags belong to Vitess, which is not here",
        )
        .hint("leave vreplication_flags out"));
    }
    Ok(())
}
