//! Whether a backup may be made, and whether one may go.

use crate::backup::{Backup, BackupState};
use crate::branch::{Branch, BranchState};
use crate::refusal::{Refusal, code};

/// Whether the branch may be copied for a backup.
pub fn plan_backup(branch: &Branch) -> Result<(), Refusal> {
    if branch.deleting {
        return Err(
            Refusal::conflict(format!("branch \"{}\" is being deleted", branch.name))
                .code(code::DELETING),
        );
    }
    if branch.state == BranchState::Pending {
        return Err(
            Refusal::conflict(format!("branch \"{}\" is being made", branch.name))
                .hint("wait until it is ready"),
        );
    }
    Ok(())
}

/// Whether a backup may be deleted by hand. `last_good`: it is the only one of its branch that could
/// be restored, and that is a production branch that is still there. `drilled`: a drill of it is under way.
pub fn plan_delete_backup(backup: &Backup, last_good: bool, drilled: bool) -> Result<(), Refusal> {
    if drilled {
        return Err(Refusal::conflict(format!(
            "backup {} is being restored by a drill",
            backup.id
        ))
        .code(code::BACKUP_KEPT)
        .hint("wait until the drill is over: offshoot backup drills"));
    }
    if backup.protected {
        return Err(
            Refusal::unprocessable(format!("backup {} is protected", backup.id))
                .code(code::BACKUP_KEPT)
                .hint("take its protection away first: protected = false"),
        );
    }
    if last_good && backup.state == BackupState::Success {
        return Err(Refusal::unprocessable(format!(
            "backup {} is the last good one of production branch \"{}\"",
            backup.id, backup.branch_name
        ))
        .code(code::BACKUP_KEPT)
        .hint("make another backup first"));
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use jiff::Timestamp;

    pub(crate) fn backup(state: BackupState) -> Backup {
        let id = "kkkkkkkkkkkk";
        Backup {
            id: id.parse().unwrap(),
            database_id: id.parse().unwrap(),
            branch_id: id.parse().unwrap(),
            branch_name: "main".to_owned(),
            production: true,
            name: "nightly".to_owned(),
            state,
            engine: "mysql-9.7.4".parse().unwrap(),
            snapshot: id.parse().unwrap(),
            copied: None,
            position: None,
            examined: None,
            verified_at: None,
            drilled: None,
            failure: (state == BackupState::Failed).then(|| "table t is damaged".to_owned()),
            size: 0,
            protected: false,
            required: false,
            policy: None,
            imported_from: None,
            actor: String::new(),
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            started_at: None,
            completed_at: None,
            expires_at: None,
        }
    }

    #[test]
    fn what_is_needed_stays() {
        let good = backup(BackupState::Success);
        assert!(plan_delete_backup(&good, false, false).is_ok());
        assert!(plan_delete_backup(&backup(BackupState::Failed), true, false).is_ok());
        let protected = Backup {
            protected: true,
            ..good.clone()
        };
        for refused in [
            plan_delete_backup(&good, true, false),
            plan_delete_backup(&protected, false, false),
            plan_delete_backup(&good, false, true),
        ] {
            assert_eq!(refused.unwrap_err().code, code::BACKUP_KEPT);
        }
    }
}
