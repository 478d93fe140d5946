//! Passwords of branches: create, list, show, update, renew, delete.

use crate::Control;
use crate::locate::{LocatedBranch, LocatedDatabase, LocatedPassword};
use crate::page::{Listed, Page};
use ipnet::IpNet;
use offshoot_core::Refusal;
use offshoot_core::id::BranchId;
use offshoot_core::password::{Password, Role};
use secrecy::SecretString;
use std::time::Duration;

/// A password with what lists show.
#[derive(Clone, Debug)]
pub struct PasswordView {
    pub password: Password,
    pub expired: bool,
    pub branch_id: BranchId,
    pub branch: String,
    pub branch_production: bool,
    /// The secret: only in the answer to the call that drew it.
    pub plain_text: Option<SecretString>,
    /// Gateway for connection strings.
    pub access_host: String,
    pub access_port: u16,
}

#[derive(Clone, Debug)]
pub struct NewPassword {
    /// Empty = a name made of the branch's.
    pub name: String,
    pub role: Role,
    pub ttl: Option<Duration>,
    pub cidrs: Vec<IpNet>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordStatus {
    Active,
    Renewable,
    Expired,
}

#[derive(Clone, Debug, Default)]
pub struct PasswordFilter {
    /// Part of the name or username.
    pub q: Option<String>,
    pub status: Option<PasswordStatus>,
}

/// What to change; `None` = leave.
#[derive(Clone, Debug, Default)]
pub struct PasswordChange {
    pub name: Option<String>,
    pub cidrs: Option<Vec<IpNet>>,
}

/// Needs `connect_branch`; for a production branch `connect_production_branch`, or for the role
/// `reader` `connect_production_read_only_branch`. The secret is in the answer, and nowhere else.
pub async fn create(
    control: &Control,
    at: &LocatedBranch,
    new: NewPassword,
) -> Result<PasswordView, Refusal> {
    let _ = (control, at, new);
    Err(Refusal::internal("not built yet"))
}

/// Passwords of one branch, newest first.
pub async fn list(
    control: &Control,
    at: &LocatedBranch,
    filter: &PasswordFilter,
    page: Page,
) -> Result<Listed<PasswordView>, Refusal> {
    let _ = (control, at, filter, page);
    Err(Refusal::internal("not built yet"))
}

/// Passwords of all branches of a database, newest first.
pub async fn list_of_database(
    control: &Control,
    at: &LocatedDatabase,
    filter: &PasswordFilter,
    page: Page,
) -> Result<Listed<PasswordView>, Refusal> {
    let _ = (control, at, filter, page);
    Err(Refusal::internal("not built yet"))
}

pub async fn show(control: &Control, at: &LocatedPassword) -> Result<PasswordView, Refusal> {
    let _ = (control, at);
    Err(Refusal::internal("not built yet"))
}

/// Same accesses as [`create`].
pub async fn update(
    control: &Control,
    at: &LocatedPassword,
    change: PasswordChange,
) -> Result<PasswordView, Refusal> {
    let _ = (control, at, change);
    Err(Refusal::internal("not built yet"))
}

/// A new secret for the same username, and the time to live from now on again; sessions of the old
/// secret go on. Refused (`Unprocessable`) for a password without ttl. Same accesses as [`create`].
pub async fn renew(control: &Control, at: &LocatedPassword) -> Result<PasswordView, Refusal> {
    let _ = (control, at);
    Err(Refusal::internal("not built yet"))
}

/// Ends its sessions within a second. Needs `delete_branch_password`, for a production branch
/// `delete_production_branch_password`. The username is never used again.
pub async fn delete(control: &Control, at: &LocatedPassword) -> Result<(), Refusal> {
    let _ = (control, at);
    Err(Refusal::internal("not built yet"))
}
