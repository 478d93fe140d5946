//! The restore drills of a database.

use super::filter;
use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Parameters, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{Drill, Page};
use offshoot_control::page::Listed;
use offshoot_control::{drill, locate};

/// The restore drills of a database, newest first, those of backups that are gone, too.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/drills", tag = "Backups", operation_id = "list_drills",
    params(
        ("state" = Option<String>, Query, description = "`pending`, `running`, `success`, `failed` or `error`"),
        ("backup" = Option<String>, Query, description = "Id of the backup"),
        ("page" = Option<u32>, Query, description = "Number of the page, from 1"),
        ("per_page" = Option<u32>, Query, description = "Entries of a page, at most 100; default 25"),
    ),
    responses((status = 200, description = "The restore drills of a database, newest first", body = Page<Drill>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database)): Segments<(String, String)>,
    parameters: Parameters,
) -> Answer<Page<Drill>> {
    let control = &state.control;
    let page = parameters.page()?;
    let at = locate::database(control, &caller, &org, &database, access::READ_BACKUP).await?;
    let listed = match filter(&parameters)? {
        None => Listed {
            items: Vec::new(),
            total: 0,
            page,
        },
        Some(filter) => drill::list(control, &at, &filter, page).await?,
    };
    Ok(Json(answer::counted(
        &state,
        &parameters,
        listed,
        Drill::from,
    )))
}
