//! Backups.

use super::backup_policy;
use super::off_site::{off_site, progress};
use offshoot_api_types::{Actor, Backup, Reference};
use offshoot_control::backup::{BackupView, Restored};

pub(crate) fn backup(view: BackupView) -> Backup {
    let backup = view.backup;
    let size = signed(backup.size);
    let branch = view.branch.map(|b| Reference {
        id: b.id.to_string(),
        name: b.name.to_string(),
        created_at: b.created_at,
        updated_at: b.updated_at,
        deleted_at: None,
    });
    Backup {
        damaged: backup.damaged(),
        id: backup.id.to_string(),
        name: backup.name,
        state: backup.state.into(),
        size,
        estimated_storage_cost: 0,
        created_at: backup.created_at,
        updated_at: backup.updated_at,
        started_at: backup.started_at,
        expires_at: backup.expires_at,
        completed_at: backup.completed_at,
        deleted_at: None,
        pvc_size: size,
        uncompressed_size: size,
        protected: backup.protected,
        required: backup.required,
        restored_branches: view.restored.into_iter().map(reference).collect(),
        actor: Some(Actor::named(backup.actor)),
        backup_policy: view.policy.map(backup_policy),
        database_branch: branch,
        branch: backup.branch_name,
        production: backup.production,
        engine: backup.engine.to_string(),
        verified: backup.verified_at.is_some(),
        verified_at: backup.verified_at,
        last_drill: backup.drilled.map(Into::into),
        examined: backup.examined.map(Into::into),
        position: backup.position.map(Into::into),
        copied: backup.copied.map(Into::into),
        failure: backup.failure,
        off_site: view.copy.map(off_site),
        progress: view.done.map(progress),
        imported_from: backup.imported_from.map(|id| id.to_string()),
    }
}

pub(super) fn reference(branch: Restored) -> Reference {
    Reference {
        id: branch.id.to_string(),
        name: branch.name,
        created_at: branch.created_at,
        updated_at: branch.updated_at,
        deleted_at: None,
    }
}

fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
