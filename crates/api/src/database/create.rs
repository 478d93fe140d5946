//! Makes a database with its production branch.

use crate::access;
use crate::answer::{self, Failure, Json};
use crate::branch::create::new_password;
use crate::request::{Authenticated, Creating, Prefer, Segments};
use crate::state::ApiState;
use axum::extract::State;
use axum::http::StatusCode;
use offshoot_api_types::{CreateDatabase, Database};
use offshoot_control::database::NewDatabase;
use offshoot_control::{Control, database, engine, locate};
use offshoot_core::name::{BranchName, DatabaseName};
use offshoot_core::{Refusal, size};

/// Makes a database with its production branch.
#[utoipa::path(
    post, path = "/v1/organizations/{organization}/databases", tag = "Databases", operation_id = "create_database",
    params(("Prefer" = Option<String>, Header, description = "`wait=N`: answer when its branch is ready, at the latest after N seconds (300 at most)")),
    request_body = CreateDatabase,
    responses((status = 201, description = "The database; `state` is `ready` when its branch is", body = Database))
)]
pub(crate) async fn create(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments(org): Segments<String>,
    prefer: Prefer,
    Creating { body, key }: Creating<CreateDatabase>,
) -> Result<(StatusCode, Json<Database>), Failure> {
    let control = &state.control;
    let at = locate::organization(control, &caller, &org, access::CREATE_DATABASE).await?;
    let new = parse(control, body).await?;
    let once = key.once(control, &caller).await?;
    let created = database::create(control, &at, new, &once).await?;
    let schema = created.database.database.schema_name.clone();
    let branch = created.branch.branch.id;
    let mut view = created.database;
    if prefer.until_ready(control, branch).await? {
        let id = view.database.id.to_string();
        let at = locate::database(control, &caller, &org, &id, access::CREATE_DATABASE).await?;
        view = database::show(control, &at).await?;
    }
    let mut shape = answer::database(&state, view);
    shape.password = created
        .password
        .map(|p| answer::password(&state, &schema, p));
    Ok((StatusCode::CREATED, Json(shape)))
}

async fn parse(control: &Control, body: CreateDatabase) -> Result<NewDatabase, Refusal> {
    if body.kind.as_deref().is_some_and(|kind| kind != "mysql") {
        return Err(
            Refusal::invalid("kind", "only databases of the kind mysql can be made")
                .hint("leave kind out; `engine` chooses between mysql and mariadb"),
        );
    }
    let name = body
        .name
        .ok_or_else(|| Refusal::invalid("name", "a database needs a name"))?;
    let size = body.cluster_size.as_deref();
    let size = size.map(|text| size::parse(text, true)).transpose()?;
    let default_branch = body.default_branch.as_deref().map(|name| {
        BranchName::parse(name).map_err(|mut refusal| {
            refusal.field = Some("default_branch");
            refusal
        })
    });
    Ok(NewDatabase {
        name: DatabaseName::parse_new(&name)?,
        engine: match body.engine {
            None => None,
            Some(text) => Some(engine::named(control, &text).await?),
        },
        default_branch: default_branch.transpose()?,
        deletion_protected: body.deletion_protected.unwrap_or(false),
        size: size.flatten(),
        password: body.password.map(new_password).transpose()?,
    })
}
