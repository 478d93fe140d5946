//! Automations: the rules that say what happens to which database when an iteration is planned,
//! started, renamed, ended or deleted; and what they have made.

mod rule;

pub use rule::{
    BranchRule, ChatName, CredentialRule, Deliver, Ending, FileDelivery, Forks, GithubDelivery,
    GitlabDelivery, KubernetesDelivery, LinkDelivery, OnGone, OnName, OnReopened, OnRule, Rule,
    RuleSeed, SecretFormat, SecretValues, TellRule, VaultDelivery, WebhookDelivery, When,
};

use crate::id::{AutomationId, BindingId, BranchId, DatabaseId, IntegrationId, IterationId};
use crate::name::AutomationName;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Automation {
    pub id: AutomationId,
    pub database_id: DatabaseId,
    pub integration_id: IntegrationId,
    pub name: AutomationName,
    pub enabled: bool,
    pub rule: Rule,
    /// Display name of who made or last changed it: with that one's accesses it was checked.
    pub actor: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// How what an automation made of an iteration stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BindingState {
    /// Its time has not come.
    Waiting,
    /// The branch is being made.
    Making,
    /// The branch is there.
    Made,
    /// What was to be done at the iteration's end is done; the branch is still there.
    Ended,
    /// The branch is to be deleted, and is not, for a reason that is told.
    Held,
    /// The branch was deleted by the rule.
    Deleted,
    /// Somebody else deleted the branch; it is not made again by itself.
    Gone,
    /// It could not be made, for a reason that is told; it is tried again.
    Failed,
}

impl BindingState {
    const ALL: [BindingState; 8] = [
        BindingState::Waiting,
        BindingState::Making,
        BindingState::Made,
        BindingState::Ended,
        BindingState::Held,
        BindingState::Deleted,
        BindingState::Gone,
        BindingState::Failed,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            BindingState::Waiting => "waiting",
            BindingState::Making => "making",
            BindingState::Made => "made",
            BindingState::Ended => "ended",
            BindingState::Held => "held",
            BindingState::Deleted => "deleted",
            BindingState::Gone => "gone",
            BindingState::Failed => "failed",
        }
    }

    /// A branch of this binding should be there.
    pub fn has_branch(self) -> bool {
        matches!(
            self,
            BindingState::Making | BindingState::Made | BindingState::Ended | BindingState::Held
        )
    }
}

impl fmt::Display for BindingState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such state of a binding")]
pub struct InvalidBindingState;

impl FromStr for BindingState {
    type Err = InvalidBindingState;

    fn from_str(text: &str) -> Result<Self, InvalidBindingState> {
        let mut all = Self::ALL.into_iter();
        all.find(|s| s.as_str() == text).ok_or(InvalidBindingState)
    }
}

/// One iteration and one automation: one branch. The row is there before the branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    pub id: BindingId,
    pub automation_id: AutomationId,
    pub iteration_id: IterationId,
    /// Drawn before the branch is made, so that making it twice makes one.
    pub branch_id: BranchId,
    /// The name that the branch was given, or is to be given.
    pub branch_name: Option<String>,
    pub state: BindingState,
    /// Why it is in this state.
    pub reason: Option<String>,
    /// The name of the iteration that branch and labels go by.
    pub followed_name: Option<String>,
    /// The end of the iteration that its rule was carried out for.
    pub ending: Option<Ended>,
    /// Failures in a row.
    pub attempts: u32,
    /// Looked at again then at the latest; `None` = when something changes.
    pub check_at: Option<Timestamp>,
    /// How often it was to be looked at again. What is decided from what was read before that does not put the look off.
    pub asked: u64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Why an iteration is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Over {
    Ended,
    Deleted,
}

/// What was begun, or done, at an iteration's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    pub why: Over,
    /// From when its spans are counted.
    pub at: Timestamp,
    /// Nothing is left to do.
    pub done: bool,
    /// The backup that was asked for is begun, or not asked for.
    pub backed_up: Option<crate::id::BackupId>,
}
