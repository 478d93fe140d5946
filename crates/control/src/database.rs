//! Databases: create, list, show, update, delete.

use crate::Control;
use crate::branch::BranchView;
use crate::locate::{LocatedDatabase, LocatedOrganization, quoted};
use crate::once::{Made, Once, gone};
use crate::page::{Listed, Page};
use crate::password::{NewPassword, PasswordView};
use crate::revision::{Expected, Revision};
use crate::trail::Actor;
use crate::workflow::{Filling, Work};
use offshoot_core::access::Access;
use offshoot_core::branch::{Branch, BranchState, QuotaState, Runtime, SafeMigrations, Seed};
use offshoot_core::database::Database;
use offshoot_core::engine::EngineRef;
use offshoot_core::id::{DatabaseId, WorkflowId};
use offshoot_core::instance::{Instance, Profile, Purpose};
use offshoot_core::name::{BranchName, DatabaseName};
use offshoot_core::plan::Source;
use offshoot_core::refusal::{Refusal, code};
use offshoot_core::size::Size;
use offshoot_core::volume::{Volume, VolumeUse};
use offshoot_store::database::{DatabaseDetail, DatabaseQuery};
use offshoot_store::{StoreError, Tx};
use std::collections::BTreeMap;
use std::time::Duration;

/// A database with what lists show, read in one query.
#[derive(Clone, Debug)]
pub struct DatabaseView {
    pub database: Database,
    pub organization: String,
    pub default_branch: String,
    /// State of the default branch.
    pub state: BranchState,
    pub ready: bool,
    pub branches: u64,
    pub production_branches: u64,
    pub development_branches: u64,
}

#[derive(Clone, Debug)]
pub struct NewDatabase {
    pub name: DatabaseName,
    /// `None` = the default engine.
    pub engine: Option<EngineRef>,
    /// Name of the first, production branch; `None` = `main`.
    pub default_branch: Option<BranchName>,
    pub deletion_protected: bool,
    /// Of its production branch; `None` = what one has of itself.
    pub size: Option<Size>,
    /// A password of the first branch, made along.
    pub password: Option<NewPassword>,
}

#[derive(Clone, Debug)]
pub struct CreatedDatabase {
    pub database: DatabaseView,
    pub branch: BranchView,
    pub password: Option<PasswordView>,
}

/// What to change; `None` = leave.
#[derive(Clone, Debug, Default)]
pub struct DatabaseChange {
    pub new_name: Option<DatabaseName>,
    pub deletion_protected: Option<bool>,
    pub allow_data_branching: Option<bool>,
    pub require_seed_rules: Option<bool>,
    /// Name of another branch of the database.
    pub default_branch: Option<String>,
    /// Refused (`CHANGED`) at another revision.
    pub expected: Expected,
}

impl DatabaseView {
    pub fn revision(&self) -> Revision {
        Revision::of_database(&self.database)
    }
}

/// Name of the first branch where nobody gives another.
const MAIN: &str = "main";

/// Needs `create_databases`. The row is there on return; the default branch may still be `pending`.
pub async fn create(
    control: &Control,
    at: &LocatedOrganization,
    new: NewDatabase,
    once: &Once,
) -> Result<CreatedDatabase, Refusal> {
    at.require(&[Access::CreateDatabases])?;
    if let Some(made) = once.made() {
        return again(control, at, made).await;
    }
    DatabaseName::parse_new(new.name.as_str())?;
    let engine = control.choose_engine(new.engine).await?;
    control.require_space().await?;
    if let Some(size) = new.size {
        control.bounds().check(size, true)?;
    }
    let mut founding = control.new_founding(at, new.name, engine, new.default_branch)?;
    founding.database.deletion_protected = new.deletion_protected;
    founding.branch.size = new.size;
    let Founding {
        database, branch, ..
    } = &founding;
    let password = match new.password {
        Some(p) => {
            let drawn = control.draw_password(branch, p, &at.caller.name())?;
            Some(drawn)
        }
        None => None,
    };
    let actor = Actor::Caller(&at.caller);
    let mut tx = control.0.store.write().await?;
    let queued = control.begin_database(&mut tx, &founding, &actor).await?;
    if let Some((password, _)) = &password {
        tx.insert_password(password).await?;
    }
    let made = Made {
        subject: database.id.into(),
        password: password.as_ref().map(|(p, _)| p.id),
    };
    once.record(control, &mut tx, &at.caller, made).await?;
    tx.commit().await?;
    control.start_now(&[queued]);
    control.0.runner.due.notify_one();
    let branch_view = control.branch_view(branch.id).await?;
    Ok(CreatedDatabase {
        database: control.database_view(database.id).await?,
        password: password.map(|(p, secret)| control.password_view(p, branch, Some(secret))),
        branch: branch_view,
    })
}

/// The same database to the same request, and its password with a fresh secret.
async fn again(
    control: &Control,
    at: &LocatedOrganization,
    made: Made,
) -> Result<CreatedDatabase, Refusal> {
    let id = made.subject.into();
    let found = control.0.store.read().await?.database_by_id(id).await?;
    let Some(database) = found.filter(|d| !d.deleting) else {
        return Err(gone("database"));
    };
    let branch = control.branch_view(database.default_branch).await?;
    let password = match made.password {
        Some(password) => {
            let place = (at.organization.id, &database, &branch.branch);
            control.replay_password(&at.caller, place, password).await?
        }
        None => None,
    };
    Ok(CreatedDatabase {
        database: control.database_view(id).await?,
        branch,
        password,
    })
}

/// Those databases of the organization that the caller may know of. `q`: part of the name.
pub async fn list(
    control: &Control,
    at: &LocatedOrganization,
    q: Option<&str>,
    page: Page,
) -> Result<Listed<DatabaseView>, Refusal> {
    let caller = &at.caller;
    let everywhere = caller.token().root || caller.grants().iter().any(|g| g.database_id.is_none());
    let ids: Vec<DatabaseId> = caller
        .grants()
        .iter()
        .filter_map(|g| g.database_id)
        .collect();
    let query = DatabaseQuery {
        q: q.filter(|q| !q.is_empty()),
        ids: (!everywhere).then_some(&ids),
        offset: page.offset(),
        limit: page.per_page().into(),
    };
    let (rows, total) = control
        .0
        .store
        .read()
        .await?
        .databases(at.organization.id, &query)
        .await?;
    Ok(Listed {
        items: rows.into_iter().map(|row| view(control, row)).collect(),
        total,
        page,
    })
}

pub async fn show(control: &Control, at: &LocatedDatabase) -> Result<DatabaseView, Refusal> {
    control.database_view(at.database.id).await
}

/// Needs `write_database`.
pub async fn update(
    control: &Control,
    at: &LocatedDatabase,
    change: DatabaseChange,
) -> Result<DatabaseView, Refusal> {
    at.require(&[Access::WriteDatabase])?;
    let mut tx = control.0.store.write().await?;
    let found = tx.database_by_id(at.database.id).await?;
    let Some(mut database) = found.filter(|d| !d.deleting) else {
        let what = format!("database \"{}\" is being deleted", at.database.name);
        return Err(Refusal::conflict(what).code(code::DELETING));
    };
    let what = format!("database \"{}\"", database.name);
    change
        .expected
        .check(&Revision::of_database(&database), what)?;
    if let Some(name) = change.new_name {
        database.name = DatabaseName::parse_new(name.as_str())?;
    }
    if let Some(protected) = change.deletion_protected {
        database.deletion_protected = protected;
    }
    if let Some(allow) = change.allow_data_branching {
        database.allow_data_branching = allow;
    }
    if let Some(require) = change.require_seed_rules {
        database.require_seed_rules = require;
    }
    if let Some(name) = change.default_branch.filter(|n| !n.is_empty()) {
        let branch = tx
            .branch(database.id, &name)
            .await?
            .ok_or_else(|| Refusal::not_found(format!("branch {}", quoted(&name))))?;
        if branch.expires_at.is_some() {
            return Err(Refusal::unprocessable(format!(
                "branch \"{}\" expires, so it cannot be the default branch",
                branch.name
            ))
            .hint(format!(
                "take its expiry away first: offshoot branch update {} {} --never-expires",
                database.name, branch.name
            )));
        }
        database.default_branch = branch.id;
    }
    database.updated_at = control.now();
    tx.update_database(&database)
        .await
        .map_err(|e| taken(e, &database.name))?;
    note(control, &mut tx, at, "database.updated").await?;
    tx.commit().await?;
    control.database_view(database.id).await
}

/// Deletes the database with all its branches. Needs `delete_database`; refused where it or a
/// branch of it is protected. Clients no longer see it on return; the rest happens in the background.
pub async fn delete(
    control: &Control,
    at: &LocatedDatabase,
    expected: &Expected,
) -> Result<(), Refusal> {
    at.require(&[Access::DeleteDatabase])?;
    let mut tx = control.0.store.write().await?;
    let found = tx.database_by_id(at.database.id).await?;
    let Some(database) = found.filter(|d| !d.deleting) else {
        return Ok(());
    };
    let what = format!("database \"{}\"", database.name);
    expected.check(&Revision::of_database(&database), what)?;
    let protected = |what: String, how: String| {
        Refusal::unprocessable(format!("{what} is protected from deletion"))
            .code(code::PROTECTED)
            .hint(format!(
                "switch its deletion protection off first: offshoot {how}"
            ))
    };
    if database.deletion_protected {
        let how = format!(
            "database update {} --deletion-protected false",
            database.name
        );
        return Err(protected(format!("database \"{}\"", database.name), how));
    }
    for id in tx.branch_ids(database.id).await? {
        if let Some(branch) = tx.branch_by_id(id).await?.filter(|b| b.deletion_protected) {
            let how = format!("branch unprotect {} {}", database.name, branch.name);
            return Err(protected(format!("branch \"{}\"", branch.name), how));
        }
    }
    let queued = control.doom_database(&mut tx, &database).await?;
    note(control, &mut tx, at, "database.deleted").await?;
    tx.commit().await?;
    control.start_now(&queued);
    control.0.runner.due.notify_one();
    Ok(())
}

/// A database that is to be made, with its first, production branch.
pub(crate) struct Founding {
    pub(crate) database: Database,
    branch: Branch,
    volume: Volume,
    instance: Instance,
}

impl Control {
    /// `first`: name of the first branch; `None` = `main`.
    pub(crate) fn new_founding(
        &self,
        at: &LocatedOrganization,
        name: DatabaseName,
        engine: EngineRef,
        first: Option<BranchName>,
    ) -> Result<Founding, Refusal> {
        let now = self.now();
        let first = match first {
            Some(name) => name,
            None => BranchName::parse(MAIN)?,
        };
        let database = Database {
            id: self.id(),
            organization_id: at.organization.id,
            schema_name: name.to_string(),
            name,
            engine,
            default_branch: self.id(),
            deletion_protected: false,
            allow_data_branching: true,
            require_seed_rules: false,
            deleting: false,
            created_at: now,
            updated_at: now,
        };
        let volume = self.new_volume(self.id(), engine, None, VolumeUse::Branch);
        let purpose = Purpose::Serve(database.default_branch);
        let instance =
            self.new_instance(self.id(), volume.id, engine, purpose, Profile::Production);
        let branch = Branch {
            id: database.default_branch,
            database_id: database.id,
            name: first,
            parent: None,
            production: true,
            state: BranchState::Pending,
            seed: Seed::Empty,
            runtime: Runtime::Managed,
            engine,
            volume: volume.id,
            instance: instance.id,
            deletion_protected: false,
            labels: BTreeMap::new(),
            expires_at: None,
            sleep_after: None,
            event_scheduler: false,
            size: None,
            max_connections: None,
            disk_quota: None,
            quota: QuotaState::Free,
            safe_migrations: SafeMigrations::Off,
            deleting: false,
            actor: at.caller.name(),
            created_at: now,
            updated_at: now,
            schema_updated_at: None,
        };
        Ok(Founding {
            database,
            branch,
            volume,
            instance,
        })
    }

    /// Puts a database down with what makes its first branch, in the transaction of what it belongs to.
    pub(crate) async fn begin_database(
        &self,
        tx: &mut Tx,
        founding: &Founding,
        actor: &Actor<'_>,
    ) -> Result<WorkflowId, Refusal> {
        let Founding {
            database,
            branch,
            volume,
            instance,
        } = founding;
        tx.insert_database(database)
            .await
            .map_err(|e| taken(e, &database.name))?;
        tx.insert_backup_policy(&self.required_policy(database.id))
            .await?;
        tx.insert_volume(volume).await?;
        tx.insert_instance(instance).await?;
        tx.insert_branch(branch).await?;
        for (action, subject) in [
            (
                "database.created",
                ("Database", database.id.as_str(), database.name.as_str()),
            ),
            (
                "branch.created",
                ("Branch", branch.id.as_str(), branch.name.as_str()),
            ),
        ] {
            let event = self.event(database.organization_id, actor, action, subject, &[]);
            tx.insert_audit(&event).await?;
        }
        let work = Work::create(Filling {
            branch: branch.id,
            parent: None,
            volume: volume.id,
            instance: instance.id,
            engine: branch.engine,
            source: Source::Engine,
            schema: database.schema_name.clone(),
            replay: None,
        });
        Ok(self.enqueue(tx, &work, Duration::ZERO).await?)
    }

    pub(crate) async fn database_view(&self, id: DatabaseId) -> Result<DatabaseView, Refusal> {
        let row = self.0.store.read().await?.database_detail(id).await?;
        row.map(|row| view(self, row))
            .ok_or_else(|| Refusal::not_found("the database"))
    }
}

fn view(control: &Control, row: DatabaseDetail) -> DatabaseView {
    let state = control
        .0
        .fleet
        .shown(row.database.default_branch, row.default_branch_state);
    DatabaseView {
        organization: row.organization,
        default_branch: row.default_branch,
        state,
        ready: state == BranchState::Ready,
        branches: row.branches,
        production_branches: row.production_branches,
        development_branches: row.branches.saturating_sub(row.production_branches),
        database: row.database,
    }
}

fn taken(error: StoreError, name: &DatabaseName) -> Refusal {
    match error {
        StoreError::Taken(_) => Refusal::conflict(format!("database \"{name}\" exists already"))
            .hint("choose another name"),
        other => other.into(),
    }
}

async fn note(
    control: &Control,
    tx: &mut Tx,
    at: &LocatedDatabase,
    action: &str,
) -> Result<(), Refusal> {
    let event = control.event(
        at.organization().id,
        &Actor::Caller(at.caller()),
        action,
        (
            "Database",
            at.database.id.as_str(),
            at.database.name.as_str(),
        ),
        &[],
    );
    Ok(tx.insert_audit(&event).await?)
}
