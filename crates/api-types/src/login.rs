//! Logins of programs, in the shapes of OAuth (RFC 6749, RFC 8628). No secret here prints itself.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What begins a login.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct BeginLogin {
    /// What the program calls itself; any is taken.
    pub client_id: String,
    /// Names of scopes, with spaces between them: `read_user`, `read_organization`, `read_databases`, `write_databases`,
    /// or accesses of service tokens.
    pub scope: String,
}

/// What a program shows, and what it asks with.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct DeviceCode {
    pub device_code: String,
    /// For the user to compare, such as `BCDF-GHJK`.
    pub user_code: String,
    pub verification_uri: String,
    pub verification_uri_complete: String,
    /// Seconds.
    pub expires_in: u64,
    /// Seconds between two questions.
    pub interval: u64,
}

/// What fetches a token.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct FetchToken {
    /// `urn:ietf:params:oauth:grant-type:device_code`
    pub grant_type: String,
    pub device_code: String,
    /// As it was given when the login began.
    pub client_id: String,
}

/// A token for `Authorization: Bearer`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct AccessToken {
    /// Begins with `pscale_oauth_`.
    pub access_token: String,
    /// Always `Bearer`.
    pub token_type: String,
    /// Seconds.
    pub expires_in: u64,
    pub scope: String,
}

/// What ends a session.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct RevokeToken {
    pub token: String,
}

/// A refusal in the shape of OAuth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OAuthError {
    pub error: String,
    pub error_description: String,
}
