//! What the store has.

use crate::access;
use crate::answer::{self, Answer, Json};
use crate::request::{Authenticated, Segments};
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::OffSiteBackups;
use offshoot_control::{locate, off_site};

/// The off-site copies that the store has under this server's key, whichever server made them, newest first.
#[utoipa::path(
    get, path = "/v1/organizations/{organization}/off-site-backups", tag = "Backups", operation_id = "list_off_site_backups",
    responses((status = 200, description = "The off-site copies that the store has under this server's key", body = OffSiteBackups))
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Segments(org): Segments<String>,
) -> Answer<OffSiteBackups> {
    let control = &state.control;
    let at = locate::organization(control, &caller, &org, access::READ_BACKUP).await?;
    let view = off_site::list(control, &at).await?;
    Ok(Json(answer::off_site_backups(view)))
}
