//! Backups: made, listed, shown, changed, deleted.

use crate::Control;
use crate::branch::current;
use crate::locate::{LocatedBackup, LocatedBranch, LocatedDatabase};
use crate::once::{Made, Once, gone};
use crate::page::{Listed, Page};
use crate::revision::{Expected, Revision};
use crate::trail::Actor;
use crate::under_way::Done;
use crate::workflow::{BackupWork, Making, Work};
use jiff::Timestamp;
use offshoot_core::access::Access;
use offshoot_core::backup::{Backup, BackupState};
use offshoot_core::backup_policy::{BackupPolicy, Retention};
use offshoot_core::branch::Branch;
use offshoot_core::id::{BackupId, BackupPolicyId, BranchId, WorkflowId};
use offshoot_core::instance::{Profile, Purpose};
use offshoot_core::off_site::{BackupCopy, CopyState};
use offshoot_core::plan::{plan_backup, plan_delete_backup};
use offshoot_core::refusal::Refusal;
use offshoot_core::volume::VolumeUse;
use offshoot_store::backup::BackupQuery;
pub use offshoot_store::backup::Restored;
use offshoot_store::{Session, StoreError, Tx};
use std::time::Duration;

/// Longest name, in characters.
const MAX_NAME: usize = 128;

/// A backup with what lists show.
#[derive(Clone, Debug)]
pub struct BackupView {
    pub backup: Backup,
    /// Its branch, while that is there.
    pub branch: Option<Branch>,
    /// The policy that made it, while that is there.
    pub policy: Option<BackupPolicy>,
    /// Branches that were made of it and are there.
    pub restored: Vec<Restored>,
    /// Its off-site copy: what is known of it, or that there will be one.
    pub copy: Option<BackupCopy>,
    /// How far copying it off-site, or fetching it from there, is.
    pub done: Option<Done>,
}

impl BackupView {
    pub fn revision(&self) -> Revision {
        Revision::of_backup(&self.backup)
    }
}

#[derive(Clone, Debug, Default)]
pub struct NewBackup {
    /// `None` = its time.
    pub name: Option<String>,
    /// How long it is kept; `None` = until it is deleted.
    pub retention: Option<Retention>,
}

/// What is made by a policy, or by hand.
#[derive(Clone, Debug)]
pub(crate) struct Begin {
    pub(crate) name: Option<String>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) policy: Option<BackupPolicyId>,
    pub(crate) required: bool,
    /// Display name of who asked for it.
    pub(crate) actor: String,
}

/// Which backups a list holds.
#[derive(Clone, Debug, Default)]
pub struct BackupFilter {
    pub state: Option<BackupState>,
    pub policy: Option<BackupPolicyId>,
    pub production: Option<bool>,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    pub running_at: Option<Timestamp>,
    /// Part of the name.
    pub q: Option<String>,
}

/// What to change; `None` = leave.
#[derive(Clone, Debug, Default)]
pub struct BackupChange {
    pub name: Option<String>,
    pub protected: Option<bool>,
    /// `Some(None)` = until it is deleted.
    pub expires_at: Option<Option<Timestamp>>,
    /// Refused (`CHANGED`) at another revision.
    pub expected: Expected,
}

/// Needs `write_backups`. The row is there on return, the backup `pending` until [`wait`].
pub async fn create(
    control: &Control,
    at: &LocatedBranch,
    new: NewBackup,
    once: &Once,
) -> Result<BackupView, Refusal> {
    at.within.require(&[Access::WriteBackups])?;
    if let Some(made) = once.made() {
        let id = made.subject.into();
        return control.backup_view(id).await?.ok_or_else(|| gone("backup"));
    }
    if let Some(name) = &new.name {
        check_name(name)?;
    }
    let now = control.now();
    let expires_at = new.retention.map(|keep| keep.end(now));
    control.require_space().await?;
    let mut tx = control.0.store.write().await?;
    let branch = current(&mut tx, at).await?;
    let begin = Begin {
        name: new.name,
        expires_at,
        policy: None,
        required: false,
        actor: at.caller().name(),
    };
    let (backup, queued) = control.begin_backup(&mut tx, &branch, begin).await?;
    let actor = Actor::Caller(at.caller());
    control
        .note_backup(&mut tx, &backup, &actor, "backup.created", "")
        .await?;
    let made = Made {
        subject: backup.id.into(),
        password: None,
    };
    once.record(control, &mut tx, at.caller(), made).await?;
    tx.commit().await?;
    control.start_now(&[queued]);
    control.0.runner.due.notify_one();
    Ok(BackupView {
        backup,
        branch: Some(branch),
        policy: None,
        restored: Vec::new(),
        copy: None,
        done: None,
    })
}

/// Returns when the backup has succeeded or failed, or `timeout` is over.
pub async fn wait(control: &Control, id: BackupId, timeout: Duration) -> Result<(), Refusal> {
    let ended = |b: Backup| matches!(b.state, BackupState::Success | BackupState::Failed);
    control
        .until(timeout, |mut session| async move {
            Ok(session.backup(id).await?.is_none_or(ended))
        })
        .await
}

/// Backups of one branch, newest first. Needs `read_backups`, as do the others that read.
pub async fn list(
    control: &Control,
    at: &LocatedBranch,
    filter: &BackupFilter,
    page: Page,
) -> Result<Listed<BackupView>, Refusal> {
    listed(control, &at.within, Some(at.branch.id), filter, page).await
}

/// Backups of all branches of a database, those of branches that are gone included, newest first.
pub async fn list_of_database(
    control: &Control,
    at: &LocatedDatabase,
    filter: &BackupFilter,
    page: Page,
) -> Result<Listed<BackupView>, Refusal> {
    listed(control, at, None, filter, page).await
}

async fn listed(
    control: &Control,
    at: &LocatedDatabase,
    branch: Option<BranchId>,
    filter: &BackupFilter,
    page: Page,
) -> Result<Listed<BackupView>, Refusal> {
    at.require(&[Access::ReadBackups, Access::WriteBackups])?;
    let query = BackupQuery {
        branch,
        state: filter.state,
        policy: filter.policy,
        production: filter.production,
        from: filter.from,
        to: filter.to,
        running_at: filter.running_at,
        q: filter.q.as_deref().filter(|q| !q.is_empty()),
        offset: page.offset(),
        limit: page.per_page().into(),
    };
    let mut session = control.0.store.read().await?;
    let (rows, total) = session.backups(at.database.id, &query).await?;
    let mut items = Vec::with_capacity(rows.len());
    for backup in rows {
        items.push(control.view_backup(&mut session, backup).await?);
    }
    Ok(Listed { items, total, page })
}

pub async fn show(control: &Control, at: &LocatedBackup) -> Result<BackupView, Refusal> {
    let view = control.backup_view(at.backup.id).await?;
    view.ok_or_else(|| Refusal::not_found("the backup"))
}

/// One that the caller has just made.
pub async fn by_id(control: &Control, id: BackupId) -> Result<BackupView, Refusal> {
    let view = control.backup_view(id).await?;
    view.ok_or_else(|| Refusal::not_found("the backup"))
}

/// Needs `write_backups`.
pub async fn update(
    control: &Control,
    at: &LocatedBackup,
    change: BackupChange,
) -> Result<BackupView, Refusal> {
    at.within.require(&[Access::WriteBackups])?;
    let mut tx = control.0.store.write().await?;
    let row = tx.backup(at.backup.id).await?;
    let mut backup = row.ok_or_else(|| Refusal::not_found("the backup"))?;
    let what = format!("backup \"{}\"", backup.name);
    change.expected.check(&Revision::of_backup(&backup), what)?;
    if let Some(name) = change.name {
        check_name(&name)?;
        backup.name = name;
    }
    if let Some(protected) = change.protected {
        backup.protected = protected;
    }
    if let Some(expires_at) = change.expires_at {
        backup.expires_at = expires_at;
    }
    backup.updated_at = control.now();
    tx.update_backup(&backup).await?;
    let actor = Actor::Caller(at.within.caller());
    control
        .note_backup(&mut tx, &backup, &actor, "backup.updated", "")
        .await?;
    tx.commit().await?;
    show(control, at).await
}

/// Needs `delete_backups`, of a production branch's backup `delete_production_branch_backups`.
/// Refused (`BACKUP_KEPT`): a protected one, the last good one of a production branch, and one that is
/// being drilled.
/// Branches that were made of it keep their data. Its off-site copy goes with it; `keep_copy`: one
/// that is whole stays in the store, and belongs to nothing here.
pub async fn delete(
    control: &Control,
    at: &LocatedBackup,
    expected: &Expected,
    keep_copy: bool,
) -> Result<(), Refusal> {
    at.within.require(match at.backup.production {
        true => &[Access::DeleteProductionBranchBackups],
        false => &[Access::DeleteBackups],
    })?;
    let mut tx = control.0.store.write().await?;
    let Some(backup) = tx.backup(at.backup.id).await? else {
        return Ok(());
    };
    let what = format!("backup \"{}\"", backup.name);
    expected.check(&Revision::of_backup(&backup), what)?;
    let last = tx.last_good_backup(backup.branch_id).await?;
    let branch = tx.branch_by_id(backup.branch_id).await?;
    let production = branch.is_some_and(|b| b.production && !b.deleting);
    let alone = tx.good_backups(backup.branch_id).await? <= 1;
    let last_good = production && alone && last.is_some_and(|b| b.id == backup.id);
    let drilled = tx.drill_under_way(backup.id).await?.is_some();
    plan_delete_backup(&backup, last_good, drilled)?;
    let copy = tx.backup_copy(backup.id).await?;
    if keep_copy && copy.is_some_and(|c| c.state == CopyState::Exported) {
        tx.delete_backup_copy(backup.id).await?;
    }
    let actor = Actor::Caller(at.within.caller());
    control
        .remove_backup(&mut tx, &backup, &actor, "asked for")
        .await?;
    tx.commit().await?;
    control.changed();
    control.tidy_soon();
    control.show_drills().await;
    Ok(())
}

impl Control {
    /// Puts a backup of the branch down, in the transaction of what it belongs to.
    pub(crate) async fn begin_backup(
        &self,
        tx: &mut Tx,
        branch: &Branch,
        begin: Begin,
    ) -> Result<(Backup, WorkflowId), Refusal> {
        plan_backup(branch)?;
        let now = self.now();
        let backup = Backup {
            id: self.id(),
            database_id: branch.database_id,
            branch_id: branch.id,
            branch_name: branch.name.to_string(),
            production: branch.production,
            name: begin
                .name
                .unwrap_or_else(|| now.strftime("%Y.%m.%d %H:%M:%S").to_string()),
            state: BackupState::Pending,
            engine: branch.engine,
            snapshot: self.id(),
            copied: None,
            position: None,
            examined: None,
            verified_at: None,
            drilled: None,
            failure: None,
            size: 0,
            protected: false,
            required: begin.required,
            policy: begin.policy,
            imported_from: None,
            actor: begin.actor,
            created_at: now,
            updated_at: now,
            started_at: None,
            completed_at: None,
            expires_at: begin.expires_at,
        };
        let making = self.begin_making(tx, &backup).await?;
        let work = Work::MakeBackup(BackupWork::Copy(making));
        let queued = self.enqueue(tx, &work, Duration::ZERO).await?;
        Ok((backup, queued))
    }

    /// Puts a backup down with what it will be made with.
    pub(crate) async fn begin_making(
        &self,
        tx: &mut Tx,
        backup: &Backup,
    ) -> Result<Making, StoreError> {
        let engine = backup.engine;
        let volume = self.new_volume(self.id(), engine, None, VolumeUse::Work);
        let (purpose, profile) = (Purpose::Prepare, Profile::Development);
        let instance = self.new_instance(self.id(), volume.id, engine, purpose, profile);
        tx.insert_volume(&volume).await?;
        tx.insert_instance(&instance).await?;
        tx.insert_snapshot(&self.new_snapshot(backup.snapshot, engine))
            .await?;
        tx.insert_backup(backup).await?;
        Ok(Making {
            backup: backup.id,
            branch: backup.branch_id,
            volume: volume.id,
            instance: instance.id,
            snapshot: backup.snapshot,
        })
    }

    /// Takes a backup away, with its row.
    pub(crate) async fn remove_backup(
        &self,
        tx: &mut Tx,
        backup: &Backup,
        actor: &Actor<'_>,
        reason: &str,
    ) -> Result<(), StoreError> {
        self.abandon_backup(tx, backup).await?;
        self.note_backup(tx, backup, actor, "backup.deleted", reason)
            .await?;
        tx.delete_backup(backup.id).await
    }

    pub(crate) async fn backup_view(&self, id: BackupId) -> Result<Option<BackupView>, Refusal> {
        let mut session = self.0.store.read().await?;
        match session.backup(id).await? {
            Some(backup) => Ok(Some(self.view_backup(&mut session, backup).await?)),
            None => Ok(None),
        }
    }

    async fn view_backup(
        &self,
        session: &mut Session,
        backup: Backup,
    ) -> Result<BackupView, StoreError> {
        let branch = session.branch_by_id(backup.branch_id).await?;
        let policy = match backup.policy {
            Some(id) => session.backup_policy(id).await?,
            None => None,
        };
        Ok(BackupView {
            branch: branch.filter(|b| !b.deleting),
            policy,
            restored: session.branches_of_backup(backup.id).await?,
            copy: self.copy_of(session, &backup).await?,
            done: self.0.under_way.done(backup.id),
            backup,
        })
    }

    /// An audit event on a backup.
    pub(crate) async fn note_backup(
        &self,
        tx: &mut Tx,
        backup: &Backup,
        actor: &Actor<'_>,
        action: &str,
        reason: &str,
    ) -> Result<(), StoreError> {
        let Some(database) = tx.database_by_id(backup.database_id).await? else {
            return Ok(());
        };
        let mut metadata = vec![
            ("database", database.name.as_str()),
            ("branch", backup.branch_name.as_str()),
        ];
        if !reason.is_empty() {
            metadata.push(("reason", reason));
        }
        let event = self.event(
            database.organization_id,
            actor,
            action,
            ("Backup", backup.id.as_str(), backup.name.as_str()),
            &metadata,
        );
        tx.insert_audit(&event).await
    }
}

fn check_name(name: &str) -> Result<(), Refusal> {
    let length = name.chars().count();
    if length == 0 || length > MAX_NAME || name.chars().any(char::is_control) {
        return Err(Refusal::invalid(
            "name",
            format!(
                "a backup's name has 1 to {MAX_NAME} characters, none of them a control character"
            ),
        ));
    }
    Ok(())
}
