//! Off-site copies of backups: asked for, listed, made into backups again, removed; and how far each
//! is. What keeps them is `reconcile/off_site.rs`.

mod import;

pub use import::import;

use crate::Control;
use crate::backup::BackupView;
use crate::fail::Fail;
use crate::locate::{LocatedBackup, LocatedOrganization, quoted};
use crate::trail::Actor;
use offshoot_core::access::Access;
use offshoot_core::backup::Backup;
use offshoot_core::id::BackupId;
use offshoot_core::off_site::{BackupCopy, CopyState, OffSiteCopy, Place};
use offshoot_core::plan::{ExportPlan, plan_export};
use offshoot_core::port::{Archive, PortError, PortResult};
use offshoot_core::refusal::{Refusal, code};
use offshoot_store::{Session, StoreError, Tx};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// How often a long piece of work looks whether anybody still wants it.
const LOOK: Duration = Duration::from_secs(1);

/// A copy that the store has.
#[derive(Clone, Debug)]
pub struct CopyView {
    pub copy: OffSiteCopy,
    /// The backup itself is here.
    pub here: bool,
}

/// What the store has.
#[derive(Clone, Debug)]
pub struct StoreView {
    pub place: Place,
    /// Newest first.
    pub copies: Vec<CopyView>,
    /// Why others cannot be read, each with the object's name.
    pub unreadable: Vec<String>,
    /// Ids of keys under which the store has others.
    pub other_keys: Vec<String>,
}

/// What is needed to copy; nothing that could not be lost.
#[derive(Default)]
pub(crate) struct OffSite {
    /// Held while a copy is fetched: more than one at a time only make each slower.
    pub(crate) fetching: tokio::sync::Mutex<()>,
    /// There may be something to copy, or to remove.
    pub(crate) due: Notify,
}

/// Has the backup copied. One that is copied already is left alone. Needs `write_backups`; refused
/// (`NO_STORE`) where no store is configured.
pub async fn export(control: &Control, at: &LocatedBackup) -> Result<BackupView, Refusal> {
    at.within.require(&[Access::WriteBackups])?;
    let place = control.archive()?.place();
    let mut tx = control.0.store.write().await?;
    let row = tx.backup(at.backup.id).await?;
    let backup = row.ok_or_else(|| Refusal::not_found("the backup"))?;
    let known = tx.backup_copy(backup.id).await?;
    if plan_export(&backup, known.as_ref(), &place)? == ExportPlan::Begin {
        let now = control.now();
        tx.put_backup_copy(&BackupCopy {
            backup: backup.id,
            place,
            state: CopyState::Pending,
            bytes: 0,
            stored: 0,
            attempts: 0,
            failure: None,
            retry_at: None,
            created_at: known.map_or(now, |c| c.created_at),
            updated_at: now,
            exported_at: None,
        })
        .await?;
        let actor = Actor::Caller(at.within.caller());
        control
            .note_backup(&mut tx, &backup, &actor, "backup.export_asked", "")
            .await?;
        tx.commit().await?;
        control.changed();
        control.0.off_site.due.notify_one();
    }
    crate::backup::show(control, at).await
}

/// Returns when the backup's copy is there, or could not be made, or `timeout` is over.
pub async fn wait(control: &Control, id: BackupId, timeout: Duration) -> Result<(), Refusal> {
    let under_way =
        |copy: BackupCopy| matches!(copy.state, CopyState::Pending | CopyState::Running);
    control
        .until(timeout, |mut session| async move {
            Ok(!session.backup_copy(id).await?.is_some_and(under_way))
        })
        .await
}

/// The copies that the store has under the key, whoever made them. Needs `read_backups` on the
/// whole organization.
pub async fn list(control: &Control, at: &LocatedOrganization) -> Result<StoreView, Refusal> {
    at.require(&[Access::ReadBackups, Access::WriteBackups])?;
    let archive = control.archive()?;
    let listing = archive.list().await.map_err(Fail::from)?;
    let mut session = control.0.store.read().await?;
    let mut copies = Vec::with_capacity(listing.copies.len());
    for copy in listing.copies {
        let known = session.backup_copy(copy.id).await?;
        if known.is_some_and(|c| c.state == CopyState::Deleting) {
            continue;
        }
        let here = session.backup(copy.id).await?.is_some();
        copies.push(CopyView { copy, here });
    }
    copies.sort_by_key(|view| std::cmp::Reverse((view.copy.label.created_at, view.copy.id)));
    Ok(StoreView {
        place: archive.place(),
        copies,
        unreadable: listing.unreadable,
        other_keys: listing.other_keys,
    })
}

/// Removes a copy whose backup is not here (a backup takes its own copy along). Needs
/// `delete_production_branch_backups` on the whole organization. It is gone soon after.
pub async fn delete(
    control: &Control,
    at: &LocatedOrganization,
    copy: &str,
) -> Result<(), Refusal> {
    at.require(&[Access::DeleteProductionBranchBackups])?;
    let archive = control.archive()?;
    let id = copy_id(copy)?;
    let mut tx = control.0.store.write().await?;
    if let Some(backup) = tx.backup(id).await? {
        return Err(Refusal::unprocessable(format!(
            "copy {id} belongs to backup \"{}\", which is here",
            backup.name
        ))
        .code(code::BACKUP_KEPT)
        .hint("delete the backup: its copy goes with it"));
    }
    if tx.backup_copy(id).await?.is_some() {
        return Ok(());
    }
    drop(tx);
    let (name, database, branch) = match archive.find(id).await {
        Ok(found) => (found.label.name, found.label.database, found.label.branch),
        // One that cannot be read is to be had rid of all the more.
        Err(error) if error.refusal.code == code::COPY_DAMAGED => Default::default(),
        Err(error) => return Err(error.refusal),
    };
    let mut tx = control.0.store.write().await?;
    tx.put_backup_copy(&control.doomed(id, archive.place()))
        .await?;
    let event = control.event(
        at.organization.id,
        &Actor::Caller(&at.caller),
        "backup.copy_deleted",
        ("Backup", id.as_str(), &name),
        &[("database", &database), ("branch", &branch)],
    );
    tx.insert_audit(&event).await?;
    tx.commit().await?;
    control.0.off_site.due.notify_one();
    Ok(())
}

fn copy_id(text: &str) -> Result<BackupId, Refusal> {
    text.parse().map_err(|_| {
        Refusal::not_found(format!("off-site copy {}", quoted(text)))
            .hint("list them: offshoot backup archive list")
    })
}

impl Control {
    /// Refused (`NO_STORE`) where no store is configured.
    pub(crate) fn archive(&self) -> Result<Arc<dyn Archive>, Refusal> {
        self.0.ports.archive.clone().ok_or_else(|| {
            Refusal::unprocessable("no store for off-site copies is configured")
                .code(code::NO_STORE)
                .hint(
                    "set backups.store in offshoot.toml, and make a key: offshoot admin backup-key",
                )
        })
    }

    /// A copy that is to be removed from the store.
    fn doomed(&self, backup: BackupId, place: Place) -> BackupCopy {
        let now = self.now();
        BackupCopy {
            backup,
            place,
            state: CopyState::Deleting,
            bytes: 0,
            stored: 0,
            attempts: 0,
            failure: None,
            retry_at: None,
            created_at: now,
            updated_at: now,
            exported_at: None,
        }
    }

    /// Lets go of the copy of a backup that goes away, also of one that is being made.
    pub(crate) async fn abandon_copy(
        &self,
        tx: &mut Tx,
        backup: BackupId,
    ) -> Result<(), StoreError> {
        let Some(copy) = tx.backup_copy(backup).await? else {
            return Ok(());
        };
        match copy.state {
            // Nothing of it is there.
            CopyState::Pending if copy.attempts == 0 => tx.delete_backup_copy(backup).await,
            CopyState::Deleting => Ok(()),
            _ => {
                let doomed = self.doomed(backup, copy.place);
                tx.put_backup_copy(&doomed).await?;
                self.0.off_site.due.notify_one();
                Ok(())
            }
        }
    }

    /// What is known of a backup's copy, or that there will be one.
    pub(crate) async fn copy_of(
        &self,
        session: &mut Session,
        backup: &Backup,
    ) -> Result<Option<BackupCopy>, StoreError> {
        let known = session.backup_copy(backup.id).await?;
        let (None, Some(archive)) = (&known, &self.0.ports.archive) else {
            return Ok(known);
        };
        let automatic = self.0.settings.backups.off_site;
        let wanted =
            backup.good() && backup.imported_from.is_none() && automatic.takes(backup.production);
        let at = backup.verified_at.unwrap_or(backup.created_at);
        Ok(wanted.then(|| BackupCopy {
            state: CopyState::Pending,
            created_at: at,
            updated_at: at,
            ..self.doomed(backup.id, archive.place())
        }))
    }

    /// Does a long piece of work for a backup as long as the backup is there (`None` afterwards).
    pub(crate) async fn while_wanted<T>(
        &self,
        backup: BackupId,
        work: impl Future<Output = PortResult<T>>,
    ) -> Result<Option<T>, Fail> {
        let unwanted = async {
            loop {
                tokio::time::sleep(LOOK).await;
                match self.0.store.read().await {
                    Ok(mut session) => match session.backup(backup).await {
                        Ok(Some(_)) => {}
                        Ok(None) => return Ok(()),
                        Err(error) => return Err(error),
                    },
                    Err(error) => return Err(error),
                }
            }
        };
        tokio::select! {
            done = work => Ok(Some(done?)),
            ended = unwanted => ended.map(|()| None).map_err(Fail::from),
        }
    }
}

/// A copy that holds something else than its backup did.
pub(crate) fn differs(copy: BackupId) -> PortError {
    PortError::fatal(
        Refusal::unprocessable(format!(
            "off-site copy {copy} does not hold the rows that its backup held"
        ))
        .code(code::COPY_DAMAGED)
        .hint("import another copy: offshoot backup archive list"),
    )
}
