//! Who calls, in the shape of a user.

use crate::answer::{self, Answer, Json};
use crate::request::Authenticated;
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::User;
use offshoot_control::organization;

/// The user whose session calls, or the service token in the shape of one.
#[utoipa::path(
    get, path = "/v1/user", tag = "Organizations", operation_id = "get_user",
    responses((status = 200, description = "Who calls", body = User))
)]
pub(crate) async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
) -> Answer<User> {
    let own = organization::of_caller(&state.control, &caller).await?;
    if let Some(user) = caller.user() {
        return Ok(Json(answer::user(own.as_ref(), user)));
    }
    let token = caller.token();
    Ok(Json(User {
        id: token.id.to_string(),
        name: caller.name(),
        display_name: caller.name(),
        email: String::new(),
        avatar_url: String::new(),
        created_at: token.created_at,
        updated_at: token.updated_at,
        two_factor_auth_configured: false,
        default_organization: own.as_ref().map(answer::reference),
        sso: false,
        managed: false,
        directory_managed: false,
        email_verified: false,
    }))
}
