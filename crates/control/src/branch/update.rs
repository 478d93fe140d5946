//! Update: name, protection, labels, expiry, idle time, event scheduler, limits.

use super::create::{check_labels, check_limits};
use super::{BranchChange, BranchView, current};
use crate::Control;
use crate::locate::LocatedBranch;
use crate::revision::Revision;
use offshoot_core::access::Access;
use offshoot_core::branch::Branch;
use offshoot_core::refusal::Refusal;
use offshoot_store::{StoreError, Tx};

/// Needs `write_database` or `create_branch`.
pub async fn update(
    control: &Control,
    at: &LocatedBranch,
    change: BranchChange,
) -> Result<BranchView, Refusal> {
    let quota = change.disk_quota.is_some();
    let mut tx = control.0.store.write().await?;
    let branch = update_within(control, &mut tx, at, change).await?;
    tx.commit().await?;
    if let Some(mut awake) = control.0.fleet.awake(branch.id) {
        awake.sleep_after = branch.sleep_after;
        control.0.fleet.replace_awake(branch.id, awake);
    }
    if quota {
        control.quota_set(branch.id).await;
    }
    control.branch_view(branch.id).await
}

/// As [`update`], of what no running engine has to hear: together with what else the caller writes.
pub(crate) async fn update_within(
    control: &Control,
    tx: &mut Tx,
    at: &LocatedBranch,
    change: BranchChange,
) -> Result<Branch, Refusal> {
    at.within
        .require(&[Access::WriteDatabase, Access::CreateBranch])?;
    let now = control.now();
    let mut branch = current(tx, at).await?;
    let what = format!("branch \"{}\"", branch.name);
    change.expected.check(&Revision::of_branch(&branch), what)?;
    if let Some(name) = change.new_name {
        branch.name = name;
    }
    if let Some(protected) = change.deletion_protected {
        branch.deletion_protected = protected;
    }
    if let Some(labels) = change.labels {
        check_labels(&labels)?;
        branch.labels = labels;
    }
    if let Some(expires_at) = change.expires_at {
        let default = tx
            .database_by_id(branch.database_id)
            .await?
            .is_some_and(|d| d.default_branch == branch.id);
        if expires_at.is_some() && (default || branch.production) {
            return Err(Refusal::unprocessable(format!(
                "branch \"{}\" is the default or a production branch, which do not expire",
                branch.name
            )));
        }
        if expires_at.is_some_and(|at| at <= now) {
            return Err(Refusal::invalid(
                "expires_at",
                "the expiry time is in the past",
            ));
        }
        branch.expires_at = expires_at;
    }
    if let Some(sleep_after) = change.sleep_after {
        branch.sleep_after = sleep_after;
    }
    if let Some(on) = change.event_scheduler {
        branch.event_scheduler = on;
    }
    let (max_connections, disk_quota) = (change.max_connections, change.disk_quota);
    check_limits(max_connections.flatten(), disk_quota.flatten())?;
    if let Some(most) = max_connections {
        branch.max_connections = most;
    }
    if let Some(quota) = disk_quota {
        branch.disk_quota = quota;
    }
    branch.updated_at = now;
    tx.update_branch(&branch).await.map_err(|e| match e {
        StoreError::Taken(_) => {
            Refusal::conflict(format!("branch \"{}\" exists already", branch.name))
                .hint("choose another name")
        }
        other => other.into(),
    })?;
    control.note_branch(tx, at, "branch.updated").await?;
    Ok(branch)
}
