//! Iterations, as the planning tools announced them, with what was made of them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// A sprint, milestone, cycle, or pull request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Iteration {
    pub id: String,
    /// Name of the integration that knows it.
    pub integration: String,
    /// How the tool identifies it.
    pub source_id: String,
    /// `sprint` or `pull_request`.
    pub kind: String,
    pub name: String,
    pub number: Option<i64>,
    /// `planned`, `started`, `ended` or `deleted`, by the tool's word and by its dates.
    pub state: String,
    pub starts_at: Option<Timestamp>,
    pub ends_at: Option<Timestamp>,
    /// Its page in the tool.
    pub url: Option<String>,
    /// Where in the tool it lives: `repository acme/shop`.
    pub scope: Option<String>,
    pub branches: Vec<IterationBranch>,
    /// The note of ours in the planning tool; `null`: there is none.
    #[serde(default)]
    pub note: Option<IterationTold>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What an automation made of an iteration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IterationBranch {
    pub automation: String,
    pub database: String,
    /// `null`: it is not there.
    pub branch: Option<String>,
    /// `waiting`, `making`, `made`, `ended`, `held`, `deleted`, `gone` or `failed`.
    pub state: String,
    /// Why.
    pub reason: Option<String>,
    /// When something happens by itself the next time.
    pub next_at: Option<Timestamp>,
    pub credentials: Vec<IterationCredential>,
    /// What chats were told of it.
    #[serde(default)]
    pub told: Vec<IterationTold>,
}

/// What people were told in one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IterationTold {
    /// `note`, or the name of an integration with a chat.
    pub place: String,
    /// When that went well the last time.
    pub told_at: Option<Timestamp>,
    /// Tries that failed since, and why the last one did.
    pub attempts: i64,
    pub failure: Option<String>,
    /// When it is tried again.
    pub retry_at: Option<Timestamp>,
}

/// A credential on its way to those who are to have it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IterationCredential {
    /// Receivers know it, too.
    pub id: String,
    pub name: String,
    pub password_id: String,
    /// Counted from 1: each one that takes the place of an earlier one is one more. The earlier one stays good until
    /// its own end.
    pub generation: i64,
    /// `link`, `file`, `webhook`, `github_actions`, `gitlab_ci`, `vault` or `kubernetes`.
    pub deliver: String,
    /// Where to, for people.
    pub destination: String,
    /// `pending`, `delivered` or `expired`.
    pub state: String,
    /// Opens once. Only for those who may have the credential, and until it was opened.
    pub link: Option<String>,
    /// Tries that failed, and why the last one did.
    pub attempts: i64,
    pub failure: Option<String>,
    /// When it is sent again.
    pub retry_at: Option<Timestamp>,
    /// Of a link.
    pub expires_at: Option<Timestamp>,
    pub delivered_at: Option<Timestamp>,
}

/// A credential as a link reveals it, once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RevealedCredential {
    pub database: String,
    pub branch: String,
    pub name: String,
    pub role: String,
    pub username: String,
    pub plain_text: String,
    pub host: String,
    pub port: i64,
    pub schema: String,
    /// `mysql://…`
    pub url: String,
    pub dotenv: String,
    pub my_cnf: String,
    pub expires_at: Option<Timestamp>,
}

/// Without its secrets.
impl fmt::Debug for IterationCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IterationCredential")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("generation", &self.generation)
            .field("deliver", &self.deliver)
            .field("destination", &self.destination)
            .field("state", &self.state)
            .field("attempts", &self.attempts)
            .field("failure", &self.failure)
            .finish_non_exhaustive()
    }
}

/// Without its secrets.
impl fmt::Debug for RevealedCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevealedCredential")
            .field("database", &self.database)
            .field("branch", &self.branch)
            .field("name", &self.name)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}
