//! Branches: one file per verb.

use crate::Control;
use crate::locate::{LocatedBranch, LocatedDatabase};
use crate::page::{Listed, Page};
use crate::password::{NewPassword, PasswordView};
use jiff::Timestamp;
use offshoot_core::Refusal;
use offshoot_core::branch::{Branch, BranchState};
use offshoot_core::id::BranchId;
use offshoot_core::name::BranchName;
use std::collections::BTreeMap;
use std::time::Duration;

/// A branch with what lists show, read in one query.
#[derive(Clone, Debug)]
pub struct BranchView {
    /// As stored; its `state` is what clients see now.
    pub branch: Branch,
    pub organization: String,
    pub database: String,
    pub parent: Option<String>,
    /// It is the default branch of its database.
    pub default: bool,
    /// A connection would succeed now, without waking.
    pub ready: bool,
    /// Branches made from it that are still there.
    pub children: u64,
    pub passwords: u64,
    /// Why its engine does not run, where it should.
    pub failure: Option<String>,
}

#[derive(Clone, Debug)]
pub struct NewBranch {
    pub name: BranchName,
    /// Name or id; `None` or empty = the database's default branch.
    pub parent: Option<String>,
    /// A password made along, usable when the branch is ready.
    pub password: Option<NewPassword>,
    /// The branch is deleted then. At most one of `expires_at` and `ttl`.
    pub expires_at: Option<Timestamp>,
    pub ttl: Option<Duration>,
    pub labels: BTreeMap<String, String>,
    pub deletion_protected: bool,
    /// `None` = the server's default, zero = never.
    pub sleep_after: Option<Duration>,
}

#[derive(Clone, Debug)]
pub struct CreatedBranch {
    pub branch: BranchView,
    pub password: Option<PasswordView>,
}

#[derive(Clone, Debug, Default)]
pub struct BranchFilter {
    /// Part of the name.
    pub q: Option<String>,
    pub production: Option<bool>,
    /// Newest first.
    pub newest_first: bool,
    /// Label names with the values they must have.
    pub labels: BTreeMap<String, String>,
}

/// What to change; `None` = leave.
#[derive(Clone, Debug, Default)]
pub struct BranchChange {
    pub new_name: Option<BranchName>,
    pub deletion_protected: Option<bool>,
    /// Replaces all labels.
    pub labels: Option<BTreeMap<String, String>>,
    /// `Some(None)` = never.
    pub expires_at: Option<Option<Timestamp>>,
    /// `Some(None)` = the server's default.
    pub sleep_after: Option<Option<Duration>>,
}

/// Text of one schema object (a table, view, …), or of its difference to the parent's (unified diff).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectText {
    /// `table` in the database's own schema, `schema.table` in another.
    pub name: String,
    pub raw: String,
}

/// Needs `create_branch`. The row is there on return, the branch `pending` until [`wait_ready`].
pub async fn create(
    control: &Control,
    at: &LocatedDatabase,
    new: NewBranch,
) -> Result<CreatedBranch, Refusal> {
    let _ = (control, at, new);
    Err(Refusal::internal("not built yet"))
}

pub async fn list(
    control: &Control,
    at: &LocatedDatabase,
    filter: &BranchFilter,
    page: Page,
) -> Result<Listed<BranchView>, Refusal> {
    let _ = (control, at, filter, page);
    Err(Refusal::internal("not built yet"))
}

pub async fn show(control: &Control, at: &LocatedBranch) -> Result<BranchView, Refusal> {
    let _ = (control, at);
    Err(Refusal::internal("not built yet"))
}

/// Needs `write_database` or `create_branch`.
pub async fn update(
    control: &Control,
    at: &LocatedBranch,
    change: BranchChange,
) -> Result<BranchView, Refusal> {
    let _ = (control, at, change);
    Err(Refusal::internal("not built yet"))
}

/// Needs `delete_branch`, for a production branch `delete_production_branch`. Refused: the default
/// branch, a protected one (`PROTECTED`), one with descendants unless `descendants` (`HAS_DESCENDANTS`).
pub async fn delete(
    control: &Control,
    at: &LocatedBranch,
    descendants: bool,
) -> Result<(), Refusal> {
    let _ = (control, at, descendants);
    Err(Refusal::internal("not built yet"))
}

/// Makes it a production branch: never asleep, binlog, full durability. Needs `promote_branches`.
pub async fn promote(control: &Control, at: &LocatedBranch) -> Result<BranchView, Refusal> {
    let _ = (control, at);
    Err(Refusal::internal("not built yet"))
}

/// Needs `demote_branches`.
pub async fn demote(control: &Control, at: &LocatedBranch) -> Result<BranchView, Refusal> {
    let _ = (control, at);
    Err(Refusal::internal("not built yet"))
}

/// Throws the branch's schema and data away and starts again with the parent's schema as it is
/// now; passwords stay. Needs `delete_branch` and refuses production branches. `pending` until ready.
pub async fn reset(control: &Control, at: &LocatedBranch) -> Result<BranchView, Refusal> {
    let _ = (control, at);
    Err(Refusal::internal("not built yet"))
}

/// The branch's tables and other objects as the engine shows them; wakes the branch.
pub async fn schema(control: &Control, at: &LocatedBranch) -> Result<Vec<ObjectText>, Refusal> {
    let _ = (control, at);
    Err(Refusal::internal("not built yet"))
}

/// Unified diff of every object that differs from the parent's; wakes both.
pub async fn diff(control: &Control, at: &LocatedBranch) -> Result<Vec<ObjectText>, Refusal> {
    let _ = (control, at);
    Err(Refusal::internal("not built yet"))
}

/// The last lines of the engine's log, oldest first.
pub async fn logs(
    control: &Control,
    at: &LocatedBranch,
    lines: usize,
) -> Result<Vec<String>, Refusal> {
    let _ = (control, at, lines);
    Err(Refusal::internal("not built yet"))
}

/// Waits until the branch is ready (or sleeps, having been ready). `BRANCH_FAILED` when it could
/// not be made, `Unavailable` when it takes longer than `timeout`.
pub async fn wait_ready(
    control: &Control,
    branch: BranchId,
    timeout: Duration,
) -> Result<(), Refusal> {
    let _ = (control, branch, timeout);
    Err(Refusal::internal("not built yet"))
}

/// Puts a development branch to sleep now. Refused (`Conflict`) while a command runs. Needs `write_database` or `create_branch`.
pub async fn sleep(control: &Control, at: &LocatedBranch) -> Result<BranchView, Refusal> {
    let _ = (control, at);
    Err(Refusal::internal("not built yet"))
}

/// Wakes the branch and returns when it is awake.
pub async fn wake(control: &Control, at: &LocatedBranch) -> Result<BranchView, Refusal> {
    let _ = (control, at);
    Err(Refusal::internal("not built yet"))
}

/// State for views.
pub fn is_ready(state: BranchState) -> bool {
    state == BranchState::Ready
}
