//! What may be done to an import, and to a branch while one is open.

use crate::branch::{Branch, BranchState};
use crate::import::{Import, ImportState};
use crate::refusal::{Refusal, code};

/// How an import that is to be taken back ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revert {
    /// Nothing can have been loaded: it just ends.
    Drop,
    /// A volume from the snapshot takes the place of the branch's.
    Swap,
    /// It is reverted, or is being.
    Done,
}

/// Whether an import of the branch may begin.
pub fn plan_import(branch: &Branch, live: Option<&Import>) -> Result<(), Refusal> {
    none_open(branch, live)?;
    if branch.state == BranchState::Pending {
        return Err(
            Refusal::conflict(format!("branch \"{}\" is being made", branch.name))
                .hint("wait until it is ready"),
        );
    }
    if branch.safe_migrations.on() {
        return Err(Refusal::unprocessable(format!(
            "branch \"{}\" has safe migrations on, and an import changes its schema",
            branch.name
        ))
        .code(code::SAFE_MIGRATIONS)
        .hint("switch them off until it is done, or import into a branch of it"));
    }
    Ok(())
}

/// What throws the branch's data away or restarts its engine has to wait for the import's end.
pub fn none_open(branch: &Branch, live: Option<&Import>) -> Result<(), Refusal> {
    let Some(import) = live else { return Ok(()) };
    Err(Refusal::conflict(format!(
        "import {} of branch \"{}\" is {}",
        import.id, branch.name, import.state
    ))
    .code(code::IMPORT)
    .hint(format!(
        "complete or revert it first; left alone, it is reverted at {}",
        import.expires_at
    )))
}

/// Whether the import may be renewed.
pub fn plan_renew(import: &Import) -> Result<(), Refusal> {
    match import.state {
        ImportState::Pending | ImportState::Open => Ok(()),
        _ => Err(over(import)),
    }
}

/// `true`: it becomes completed now; `false`: it is already.
pub fn plan_complete(import: &Import) -> Result<bool, Refusal> {
    match import.state {
        ImportState::Open => Ok(true),
        ImportState::Completed => Ok(false),
        ImportState::Pending => Err(Refusal::conflict(format!(
            "import {} is not open yet",
            import.id
        ))
        .code(code::IMPORT)
        .hint("wait until its state is open")),
        ImportState::Reverting | ImportState::Reverted => Err(over(import)),
    }
}

pub fn plan_revert(import: &Import) -> Result<Revert, Refusal> {
    match import.state {
        ImportState::Pending => Ok(Revert::Drop),
        ImportState::Open => Ok(Revert::Swap),
        ImportState::Reverting | ImportState::Reverted => Ok(Revert::Done),
        ImportState::Completed => Err(over(import)),
    }
}

fn over(import: &Import) -> Refusal {
    let reason = match import.state {
        ImportState::Completed => "completed: what it loaded stays",
        _ => "reverted: it expired, or somebody ended it",
    };
    Refusal::conflict(format!("import {} was {reason}", import.id))
        .code(code::IMPORT)
        .hint("begin another one")
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use std::time::Duration;

    fn import(state: ImportState) -> Import {
        Import {
            id: "mmmmmmmmmmmm".parse().unwrap(),
            branch_id: "bbbbbbbbbbbb".parse().unwrap(),
            snapshot: "ssssssssssss".parse().unwrap(),
            state,
            ttl: Duration::from_secs(60),
            expires_at: Timestamp::UNIX_EPOCH,
            actor: "a".to_owned(),
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn an_import_ends_once() {
        use ImportState::*;
        for (state, renew, complete, revert) in [
            (Pending, true, None, Some(Revert::Drop)),
            (Open, true, Some(true), Some(Revert::Swap)),
            (Completed, false, Some(false), None),
            (Reverting, false, None, Some(Revert::Done)),
            (Reverted, false, None, Some(Revert::Done)),
        ] {
            let import = import(state);
            assert_eq!(plan_renew(&import).is_ok(), renew, "{state}");
            assert_eq!(plan_complete(&import).ok(), complete, "{state}");
            assert_eq!(plan_revert(&import).ok(), revert, "{state}");
            for refusal in [
                plan_renew(&import).err(),
                plan_complete(&import).err(),
                plan_revert(&import).err(),
            ] {
                assert!(refusal.is_none_or(|r| r.code == code::IMPORT && r.hint.is_some()));
            }
        }
    }
}
