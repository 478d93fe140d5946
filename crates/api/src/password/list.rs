//! The passwords of a branch, newest first.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Parameters, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{Page, Password};
use offshoot_control::password::{PasswordFilter, PasswordStatus};
use offshoot_control::{locate, password};
use offshoot_core::Refusal;

/// The passwords of a branch, newest first.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/databases/{database}/branches/{branch}/passwords", tag = "Passwords", operation_id = "list_passwords",
    params(
        ("q" = Option<String>, Query, description = "Part of the name or username"),
        ("status" = Option<String>, Query, description = "`active`, `renewable` or `expired`"),
        ("read_only_region_id" = Option<String>, Query, description = "There are no such regions: any id finds none"),
        ("page" = Option<u32>, Query, description = "Number of the page, from 1"),
        ("per_page" = Option<u32>, Query, description = "Entries of a page, at most 100; default 25"),
    ),
    responses((status = 200, description = "The passwords of a branch, newest first", body = Page<Password>))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments((org, database, name)): Segments<(String, String, String)>,
    parameters: Parameters,
) -> Answer<Page<Password>> {
    let control = &state.control;
    let at = locate::branch(
        control,
        &caller,
        &org,
        &database,
        &name,
        access::READ_PASSWORD,
    )
    .await?;
    let filter = filter(&parameters)?;
    let listed = password::list(control, &at, &filter, parameters.page()?).await?;
    let shape = |view| answer::password(&state, &at.database().schema_name, view);
    Ok(Json(answer::counted(&state, &parameters, listed, shape)))
}

pub(crate) fn filter(parameters: &Parameters) -> Result<PasswordFilter, Refusal> {
    let status = match parameters.text("status") {
        None => None,
        Some("active") => Some(PasswordStatus::Active),
        Some("renewable") => Some(PasswordStatus::Renewable),
        Some("expired") => Some(PasswordStatus::Expired),
        Some(_) => {
            let message = "status is active, renewable or expired";
            return Err(Refusal::invalid("status", message));
        }
    };
    Ok(PasswordFilter {
        q: parameters.text("q").map(str::to_owned),
        status,
        none: parameters.text("read_only_region_id").is_some(),
    })
}
