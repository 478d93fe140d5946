//! Makes a keyspace.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Creating, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{CreateKeyspace, Keyspace};
use offshoot_control::{keyspace, locate};
use offshoot_core::Refusal;
use offshoot_core::name::SchemaName;

/// Makes a keyspace: an empty MySQL schema in the branch, which wakes. What it is not to be is refused: sharded, with
/// replicas, of another size than the branch, whose keyspaces share one engine.
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/keyspaces", tag = "Keyspaces", operation_id = "create_keyspace",
    request_body = CreateKeyspace,
    responses((status = 200, description = "The keyspace", body = Keyspace))
)]
pub(crate) async fn create(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, branch)): Segments<(String, String, String)>,
    Creating { body, key }: Creating<CreateKeyspace>,
) -> Answer<Keyspace> {
    let control = &state.control;
    let needs = access::CREATE_KEYSPACE;
    let at = locate::branch(control, &caller, &org, &database, &branch, needs).await?;
    refuse(&body)?;
    let name = body.name.as_deref();
    let name = name.ok_or_else(|| Refusal::invalid("name", "a keyspace needs a name"))?;
    let name = SchemaName::parse(name)?;
    let size = body.cluster_size.as_deref();
    let once = key.once(control, &caller).await?;
    let made = keyspace::create(control, &at, &name, size, &once).await?;
    Ok(Json(answer::keyspace(made)))
}

fn refuse(body: &CreateKeyspace) -> Result<(), Refusal> {
    if body.shards.is_some_and(|n| n > 1) {
        return Err(Refusal::unprocessable(
            "shards belong to Vitess; a branch here is one MySQL server",
        )
        .hint("leave shards out"));
    }
    if body.extra_replicas.is_some_and(|n| n > 0) {
        return Err(Refusal::unprocessable(
            "there are no replicas here: a branch is one MySQL server",
        )
        .hint("leave extra_replicas out"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_keyspace_cannot_be_is_refused() {
        let body = |text: &str| serde_json::from_str::<CreateKeyspace>(text).unwrap();
        for good in [
            r#"{"name":"a"}"#,
            r#"{"shards":1,"extra_replicas":0}"#,
            r#"{"shards":0}"#,
        ] {
            assert!(refuse(&body(good)).is_ok(), "{good}");
        }
        for bad in [r#"{"shards":2}"#, r#"{"extra_replicas":1}"#] {
            assert!(refuse(&body(bad)).is_err(), "{bad}");
        }
    }
}
