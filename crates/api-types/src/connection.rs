//! Where MySQL clients connect to, and as whom.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Address {
    pub host: String,
    pub port: u16,
}

/// The pieces of a connection string, without the secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Connection {
    pub host: String,
    pub port: u16,
    pub username: String,
    /// The MySQL schema of the database.
    pub database: String,
}
