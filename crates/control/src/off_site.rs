//! Off-site copies of backups: asked for, listed, made into backups again, removed; and how far each
//! is. What keeps them is `reconcile/off_site.rs`.

use crate::Control;
use crate::backup::BackupView;
use crate::fail::Fail;
use crate::locate::{LocatedBackup, LocatedOrganization, quoted};
use crate::once::{Made, Once, gone};
use crate::trail::Actor;
use crate::workflow::{BackupWork, Fetched, Work};
use offshoot_core::access::Access;
use offshoot_core::backup::{Backup, BackupState};
use offshoot_core::database::Database;
use offshoot_core::engine::EngineRef;
use offshoot_core::id::{BackupId, WorkflowId};
use offshoot_core::name::{BranchName, DatabaseName};
use offshoot_core::off_site::{BackupCopy, CopyState, Label, OffSiteCopy, Place};
use offshoot_core::plan::{ExportPlan, plan_engine, plan_export};
use offshoot_core::port::{Archive, PortError, PortResult};
use offshoot_core::refusal::{Kind, Refusal, code};
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

/// Makes a backup of a copy: fetched, recovered and read in full, and good only when it holds what
/// the backup held. `database`: which one it is to belong to; `None` = one of the name that the
/// backup's had. A database that is not there is made, with an empty branch.
///
/// Needs `write_backups` on the whole organization, and `create_databases` for a new one. The row is
/// there on return, the backup `pending` until [`crate::backup::wait`].
pub async fn import(
    control: &Control,
    at: &LocatedOrganization,
    copy: &str,
    database: Option<&str>,
    once: &Once,
) -> Result<BackupView, Refusal> {
    at.require(&[Access::WriteBackups])?;
    if let Some(made) = once.made() {
        let id = made.subject.into();
        return control.backup_view(id).await?.ok_or_else(|| gone("backup"));
    }
    let archive = control.archive()?;
    let found = archive.find(copy_id(copy)?).await.map_err(Fail::from)?;
    let label = &found.label;
    let installed = control.0.ports.engines.installed().await;
    let installed: Vec<_> = installed
        .map_err(Fail::from)?
        .iter()
        .map(|e| e.engine)
        .collect();
    let engine = plan_engine(label.engine, &installed)?;
    control.require_space().await?;
    control.require_room(found.data).await?;
    let name = DatabaseName::parse(database.unwrap_or(&label.database))?;
    let actor = Actor::Caller(&at.caller);

    let mut tx = control.0.store.write().await?;
    let mut queued = Vec::new();
    let here = tx.database(at.organization.id, name.as_str()).await?;
    let database = match here {
        Some(database) => same_schema(database, label)?,
        None => {
            at.require(&[Access::CreateDatabases])?;
            DatabaseName::parse_new(name.as_str())?;
            let mut founding = control.new_founding(at, name, engine, first_branch(label)?)?;
            founding.database.schema_name = label.schema.clone();
            queued.push(control.begin_database(&mut tx, &founding, &actor).await?);
            founding.database
        }
    };
    let (backup, work) = control
        .begin_import(&mut tx, &database, &found, engine, &at.caller.name())
        .await?;
    queued.push(work);
    control
        .note_backup(&mut tx, &backup, &actor, "backup.import_begun", "")
        .await?;
    let made = Made {
        subject: backup.id.into(),
        password: None,
    };
    once.record(control, &mut tx, &at.caller, made).await?;
    tx.commit().await?;
    control.start_now(&queued);
    control.0.runner.due.notify_one();
    let view = control.backup_view(backup.id).await?;
    view.ok_or_else(|| Refusal::not_found("the backup"))
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

/// The first branch of a database that is made for a copy: named as the branch that it is of.
fn first_branch(label: &Label) -> Result<Option<BranchName>, Refusal> {
    match label.production {
        true => BranchName::parse(&label.branch).map(Some),
        false => Ok(None),
    }
}

/// Connection strings of a database name one schema, so all its branches have to have that.
fn same_schema(database: Database, label: &Label) -> Result<Database, Refusal> {
    if database.schema_name == label.schema {
        return Ok(database);
    }
    let refusal = Refusal::unprocessable(format!(
        "the branches of database \"{}\" have their tables in schema {}, the copy has them in {}",
        database.name, database.schema_name, label.schema
    ));
    Err(refusal.hint("import it under a name that is free: --database NAME"))
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

    /// The pool has room for so many more bytes, beside the reserve.
    async fn require_room(&self, bytes: u64) -> Result<(), Refusal> {
        const MIB: u64 = 1 << 20;
        let free = self
            .0
            .ports
            .volumes
            .status()
            .await
            .map_err(Fail::from)?
            .free;
        let room = free.saturating_sub(self.0.settings.pool_reserve);
        if bytes <= room {
            return Ok(());
        }
        Err(Refusal::new(
            Kind::Exhausted,
            format!(
                "the copy takes {} MiB, and the pool has room for {} MiB",
                bytes / MIB,
                room / MIB
            ),
        )
        .code(code::DISK_FULL)
        .hint("delete branches, or make the pool larger with `offshoot pool grow`"))
    }

    /// Puts the import of a copy down, in the transaction of what it belongs to.
    async fn begin_import(
        &self,
        tx: &mut Tx,
        database: &Database,
        found: &OffSiteCopy,
        engine: EngineRef,
        actor: &str,
    ) -> Result<(Backup, WorkflowId), Refusal> {
        let label = &found.label;
        // Its own branch, where that is here; else the one of its name.
        let own = tx.branch_by_id(label.branch_id).await?;
        let own = own.filter(|b| b.database_id == database.id && !b.deleting);
        let branch = match own {
            Some(_) => label.branch_id,
            None => {
                let named = tx.branch(database.id, &label.branch).await?;
                named.map_or(label.branch_id, |b| b.id)
            }
        };
        let backup = Backup {
            id: self.id(),
            database_id: database.id,
            branch_id: branch,
            branch_name: label.branch.clone(),
            production: label.production,
            name: label.name.clone(),
            state: BackupState::Pending,
            engine,
            snapshot: self.id(),
            copied: label.copied,
            position: None,
            examined: None,
            verified_at: None,
            drilled: None,
            failure: None,
            size: 0,
            protected: false,
            required: false,
            policy: None,
            imported_from: Some(found.id),
            actor: actor.to_owned(),
            // Its data is of that time, and that is how backups are ordered.
            created_at: label.created_at,
            updated_at: self.now(),
            started_at: Some(self.now()),
            completed_at: None,
            expires_at: None,
        };
        let making = self.begin_making(tx, &backup).await?;
        let work = Work::MakeBackup(BackupWork::Fetch {
            making,
            source: Fetched {
                copy: found.id,
                // In the history of another branch it would say nothing, or something wrong.
                position: label.position.clone().filter(|_| branch == label.branch_id),
                examined: label.examined.clone(),
            },
        });
        let queued = self.enqueue(tx, &work, Duration::ZERO).await?;
        Ok((backup, queued))
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
