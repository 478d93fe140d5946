//! Off-site copies that are made into backups again.

use super::copy_id;
use crate::Control;
use crate::backup::BackupView;
use crate::fail::Fail;
use crate::locate::LocatedOrganization;
use crate::once::{Made, Once, gone};
use crate::trail::Actor;
use crate::workflow::{BackupWork, Fetched, Work};
use offshoot_core::access::Access;
use offshoot_core::backup::{Backup, BackupState};
use offshoot_core::database::Database;
use offshoot_core::engine::EngineRef;
use offshoot_core::id::WorkflowId;
use offshoot_core::name::{BranchName, DatabaseName};
use offshoot_core::off_site::{Label, OffSiteCopy};
use offshoot_core::plan::plan_engine;
use offshoot_core::refusal::{Kind, Refusal, code};
use offshoot_store::Tx;
use std::time::Duration;

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
}
