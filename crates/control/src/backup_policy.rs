//! Backup policies of databases: created, listed, shown, changed, deleted.

use crate::Control;
use crate::locate::{LocatedDatabase, LocatedPolicy};
use crate::once::{Made, Once, gone};
use crate::page::{Listed, Page};
use crate::revision::{Expected, Revision};
use crate::trail::Actor;
use offshoot_core::access::Access;
use offshoot_core::backup_policy::{BackupPolicy, PolicyChange, Target};
use offshoot_core::id::DatabaseId;
use offshoot_core::refusal::{Refusal, code};
use offshoot_store::Tx;

/// Name of the policy that every database has.
const REQUIRED: &str = "default";

/// What is not said is as in the policy that every database gets, but for drills: there are none.
/// Needs `write_backups`.
pub async fn create(
    control: &Control,
    at: &LocatedDatabase,
    new: &PolicyChange,
    once: &Once,
) -> Result<BackupPolicy, Refusal> {
    at.require(&[Access::WriteBackups])?;
    if let Some(made) = once.made() {
        let id = made.subject.into();
        let found = control.0.store.read().await?.backup_policy(id).await?;
        return found.ok_or_else(|| gone("backup policy"));
    }
    let policy = BackupPolicy {
        name: String::new(),
        drill: None,
        next_drill_at: None,
        required: false,
        ..control.required_policy(at.database.id)
    };
    let policy = policy.changed(new, control.now())?;
    let mut tx = control.0.store.write().await?;
    let found = tx.database_by_id(at.database.id).await?;
    if found.is_none_or(|d| d.deleting) {
        let what = format!("database \"{}\" is being deleted", at.database.name);
        return Err(Refusal::conflict(what).code(code::DELETING));
    }
    let most = control.0.settings.limits.policies_per_database;
    let (_, count) = tx.backup_policies(at.database.id, 0, 0).await?;
    if count >= most {
        return Err(Refusal::unprocessable(format!(
            "database \"{}\" has {count} backup policies, as many as it may have",
            at.database.name
        ))
        .code(code::TOO_MANY)
        .hint("delete one that is not needed any more"));
    }
    tx.insert_backup_policy(&policy).await?;
    note(control, &mut tx, at, &policy, "backup_policy.created").await?;
    let made = Made {
        subject: policy.id.into(),
        password: None,
    };
    once.record(control, &mut tx, at.caller(), made).await?;
    tx.commit().await?;
    Ok(policy)
}

/// Oldest first: the required one is the first of most databases. Needs `read_backups` or
/// `write_backups`.
pub async fn list(
    control: &Control,
    at: &LocatedDatabase,
    page: Page,
) -> Result<Listed<BackupPolicy>, Refusal> {
    let mut session = control.0.store.read().await?;
    let (items, total) = session
        .backup_policies(at.database.id, page.offset(), page.per_page().into())
        .await?;
    Ok(Listed { items, total, page })
}

/// As it is now: it may have run since it was located.
pub async fn show(control: &Control, at: &LocatedPolicy) -> Result<BackupPolicy, Refusal> {
    let mut session = control.0.store.read().await?;
    let found = session.backup_policy(at.policy.id).await?;
    found.ok_or_else(|| Refusal::not_found("the backup policy"))
}

/// Needs `write_backups`. The required policy keeps its target.
pub async fn update(
    control: &Control,
    at: &LocatedPolicy,
    change: &PolicyChange,
    expected: &Expected,
) -> Result<BackupPolicy, Refusal> {
    at.within.require(&[Access::WriteBackups])?;
    let mut tx = control.0.store.write().await?;
    let policy = fresh(&mut tx, at, expected).await?;
    let policy = policy.changed(change, control.now())?;
    tx.update_backup_policy(&policy).await?;
    note(
        control,
        &mut tx,
        &at.within,
        &policy,
        "backup_policy.updated",
    )
    .await?;
    tx.commit().await?;
    control.tidy_soon();
    Ok(policy)
}

/// Needs `write_backups`; refused for the required one. Its backups stay until their time is over.
pub async fn delete(
    control: &Control,
    at: &LocatedPolicy,
    expected: &Expected,
) -> Result<(), Refusal> {
    at.within.require(&[Access::WriteBackups])?;
    let mut tx = control.0.store.write().await?;
    let policy = fresh(&mut tx, at, expected).await?;
    policy.deletable()?;
    tx.delete_backup_policy(policy.id).await?;
    note(
        control,
        &mut tx,
        &at.within,
        &policy,
        "backup_policy.deleted",
    )
    .await?;
    Ok(tx.commit().await?)
}

impl Control {
    /// The policy that every database gets.
    pub(crate) fn required_policy(&self, database: DatabaseId) -> BackupPolicy {
        let (now, preset) = (self.now(), &self.0.settings.backups);
        let mut policy = BackupPolicy {
            id: self.id(),
            database_id: database,
            name: REQUIRED.to_owned(),
            target: Target::Production,
            schedule: preset.schedule,
            retention: preset.retention,
            drill: preset.drill,
            required: true,
            last_ran_at: None,
            next_run_at: now,
            last_drilled_at: None,
            next_drill_at: None,
            created_at: now,
            updated_at: now,
        };
        policy.next_run_at = policy.next_run(now);
        policy.next_drill_at = policy.next_drill(now);
        policy
    }
}

/// The policy as it is now, at an expected revision.
async fn fresh(
    tx: &mut Tx,
    at: &LocatedPolicy,
    expected: &Expected,
) -> Result<BackupPolicy, Refusal> {
    let found = tx.backup_policy(at.policy.id).await?;
    expected.fresh(
        "backup policy",
        found,
        |p| p.name.clone(),
        Revision::of_policy,
    )
}

async fn note(
    control: &Control,
    tx: &mut Tx,
    at: &LocatedDatabase,
    policy: &BackupPolicy,
    action: &str,
) -> Result<(), Refusal> {
    let event = control.event(
        at.organization().id,
        &Actor::Caller(at.caller()),
        action,
        ("BackupPolicy", policy.id.as_str(), policy.name.as_str()),
        &[
            ("database", at.database.name.as_str()),
            ("target", policy.target.as_str()),
            ("schedule", &policy.schedule.to_string()),
            ("retention", &policy.retention.to_string()),
        ],
    );
    Ok(tx.insert_audit(&event).await?)
}
