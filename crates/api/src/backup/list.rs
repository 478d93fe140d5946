//! The backups of a branch.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Parameters, Segments, moment};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{Backup, Page};
use offshoot_control::backup::BackupFilter;
use offshoot_control::page::Listed;
use offshoot_control::{backup, locate};
use offshoot_core::Refusal;
use offshoot_core::backup::BackupState;

/// The backups of a branch, newest first.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/backups", tag = "Backups", operation_id = "list_backups",
    params(
        ("all" = Option<bool>, Query, description = "Those of all branches of the database, of branches that are gone, too"),
        ("state" = Option<String>, Query, description = "`pending`, `running`, `success` or `failed`; `canceled` and `ignored` find none"),
        ("policy" = Option<String>, Query, description = "Id of the policy that made them"),
        ("from" = Option<String>, Query, description = "Made at this time or later"),
        ("to" = Option<String>, Query, description = "Made before this time"),
        ("running_at" = Option<String>, Query, description = "Being made at this time"),
        ("production" = Option<bool>, Query, description = "Of branches that were production branches then, or development branches"),
        ("page" = Option<u32>, Query, description = "Number of the page, from 1"),
        ("per_page" = Option<u32>, Query, description = "Entries of a page, at most 100; default 25"),
    ),
    responses((status = 200, description = "The backups of a branch, newest first", body = Page<Backup>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, branch)): Segments<(String, String, String)>,
    parameters: Parameters,
) -> Answer<Page<Backup>> {
    let control = &state.control;
    let needs = access::READ_BACKUP;
    let (all, page) = (parameters.flag("all")?, parameters.page()?);
    let listed = match filter(&parameters, parameters.flag("production")?)? {
        None => Listed {
            items: Vec::new(),
            total: 0,
            page,
        },
        Some(filter) if all == Some(true) => {
            let at = locate::database(control, &caller, &org, &database, needs).await?;
            backup::list_of_database(control, &at, &filter, page).await?
        }
        Some(filter) => {
            let at = locate::branch(control, &caller, &org, &database, &branch, needs).await?;
            backup::list(control, &at, &filter, page).await?
        }
    };
    let shape = answer::backup;
    Ok(Json(answer::counted(&state, &parameters, listed, shape)))
}

/// `None`: nothing can fit.
fn filter(
    parameters: &Parameters,
    production: Option<bool>,
) -> Result<Option<BackupFilter>, Refusal> {
    let state = match parameters.text("state") {
        // No backup is in one of these.
        Some("canceled" | "ignored") => return Ok(None),
        Some(text) => {
            let known = BackupState::ALL.into_iter().find(|s| s.as_str() == text);
            Some(known.ok_or_else(|| {
                Refusal::invalid("state", "there is no such state")
                    .hint("use pending, running, success or failed")
            })?)
        }
        None => None,
    };
    let policy = match parameters.text("policy").map(str::parse) {
        Some(Err(_)) => return Ok(None),
        policy => policy.and_then(Result::ok),
    };
    let time = |name| parameters.text(name).map(|t| moment(name, t)).transpose();
    Ok(Some(BackupFilter {
        state,
        policy,
        production,
        from: time("from")?,
        to: time("to")?,
        running_at: time("running_at")?,
        q: None,
    }))
}
