//! Databases: create, list, show, update, delete.

use crate::Control;
use crate::branch::BranchView;
use crate::locate::{LocatedDatabase, LocatedOrganization};
use crate::page::{Listed, Page};
use crate::password::{NewPassword, PasswordView};
use offshoot_core::Refusal;
use offshoot_core::branch::BranchState;
use offshoot_core::database::Database;
use offshoot_core::engine::EngineRef;
use offshoot_core::name::{BranchName, DatabaseName};

/// A database with what lists show, read in one query.
#[derive(Clone, Debug)]
pub struct DatabaseView {
    pub database: Database,
    pub organization: String,
    pub default_branch: String,
    /// State of the default branch.
    pub state: BranchState,
    pub ready: bool,
    pub branches: u64,
    pub production_branches: u64,
    pub development_branches: u64,
}

#[derive(Clone, Debug)]
pub struct NewDatabase {
    pub name: DatabaseName,
    /// `None` = the default engine.
    pub engine: Option<EngineRef>,
    /// Name of the first, production branch; `None` = `main`.
    pub default_branch: Option<BranchName>,
    pub deletion_protected: bool,
    /// A password of the first branch, made along.
    pub password: Option<NewPassword>,
}

#[derive(Clone, Debug)]
pub struct CreatedDatabase {
    pub database: DatabaseView,
    pub branch: BranchView,
    pub password: Option<PasswordView>,
}

/// What to change; `None` = leave.
#[derive(Clone, Debug, Default)]
pub struct DatabaseChange {
    pub new_name: Option<DatabaseName>,
    pub deletion_protected: Option<bool>,
    /// Name of another branch of the database.
    pub default_branch: Option<String>,
}

/// Needs `create_databases`. The row is there on return; the default branch may still be `pending`.
pub async fn create(
    control: &Control,
    at: &LocatedOrganization,
    new: NewDatabase,
) -> Result<CreatedDatabase, Refusal> {
    let _ = (control, at, new);
    Err(Refusal::internal("not built yet"))
}

/// Those databases of the organization that the caller may know of. `q`: part of the name.
pub async fn list(
    control: &Control,
    at: &LocatedOrganization,
    q: Option<&str>,
    page: Page,
) -> Result<Listed<DatabaseView>, Refusal> {
    let _ = (control, at, q, page);
    Err(Refusal::internal("not built yet"))
}

pub async fn show(control: &Control, at: &LocatedDatabase) -> Result<DatabaseView, Refusal> {
    let _ = (control, at);
    Err(Refusal::internal("not built yet"))
}

/// Needs `write_database`.
pub async fn update(
    control: &Control,
    at: &LocatedDatabase,
    change: DatabaseChange,
) -> Result<DatabaseView, Refusal> {
    let _ = (control, at, change);
    Err(Refusal::internal("not built yet"))
}

/// Deletes the database with all its branches. Needs `delete_database`; refused where it or a
/// branch of it is protected. Clients no longer see it on return; the rest happens in the background.
pub async fn delete(control: &Control, at: &LocatedDatabase) -> Result<(), Refusal> {
    let _ = (control, at);
    Err(Refusal::internal("not built yet"))
}
