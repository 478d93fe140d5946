//! Whether a branch's safe migrations may be switched, and to what.

use super::none_open;
use crate::branch::{Branch, BranchState, SafeMigrations};
use crate::import::Import;
use crate::name::DatabaseName;
use crate::refusal::{Refusal, code};

/// What its row says next; `None`: they are what is wanted already. They can be switched off always, on for a
/// production branch without an open import.
pub fn plan_safe_migrations(
    branch: &Branch,
    database: &DatabaseName,
    on: bool,
    live: Option<&Import>,
) -> Result<Option<SafeMigrations>, Refusal> {
    if on == branch.safe_migrations.on() {
        return Ok(None);
    }
    if !on {
        return Ok(Some(SafeMigrations::Lifting));
    }
    if !branch.production {
        return Err(Refusal::unprocessable(format!(
            "branch \"{}\" is a development branch: safe migrations are for production branches",
            branch.name
        ))
        .code(code::SAFE_MIGRATIONS)
        .hint(format!(
            "make it one first, if that is what you mean: offshoot branch promote {database} {}",
            branch.name
        )));
    }
    if branch.state == BranchState::Pending {
        return Err(
            Refusal::conflict(format!("branch \"{}\" is being made", branch.name))
                .hint("wait until it is ready"),
        );
    }
    none_open(branch, live)?;
    Ok(Some(SafeMigrations::Raising))
}
