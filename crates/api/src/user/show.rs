//! The service token that calls, in the shape of a user.

use crate::answer::{Answer, Json};
use crate::request::Authenticated;
use crate::state::ApiState;
use axum::extract::State;
use offshoot_api_types::{Reference, User};
use offshoot_control::organization;

/// The service token that calls: there are no people here yet.
#[utoipa::path(
    get, path = "/v1/user", tag = "Organizations", operation_id = "get_user",
    responses((status = 200, description = "The service token that calls", body = User))
)]
pub(crate) async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
) -> Answer<User> {
    let own = organization::of_caller(&state.control, &caller).await?;
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
        default_organization: own.map(|o| Reference {
            id: o.id.to_string(),
            name: o.name.to_string(),
            created_at: o.created_at,
            updated_at: o.updated_at,
            deleted_at: None,
        }),
        sso: false,
        managed: false,
        directory_managed: false,
        email_verified: false,
    }))
}
