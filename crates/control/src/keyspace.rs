//! Keyspaces: the MySQL schemas of a branch. The engine says which there are, so every call wakes the branch.

use crate::Control;
use crate::branch::{self, BranchView};
use crate::fail::Fail;
use crate::locate::LocatedBranch;
use crate::once::{Made, Once};
use crate::password::connects;
use crate::trail::Actor;
use jiff::Timestamp;
use offshoot_core::access::Access;
use offshoot_core::audit::AuditEvent;
use offshoot_core::branch::{Branch, QuotaState};
use offshoot_core::keyspace::Keyspace;
use offshoot_core::name::SchemaName;
use offshoot_core::password::Role;
use offshoot_core::plan::none_open;
use offshoot_core::refusal::{Kind, Refusal, code};
use offshoot_core::size::{self, Resize};

/// A schema with what its branch says of it.
#[derive(Clone, Debug)]
pub struct KeyspaceView {
    pub keyspace: Keyspace,
    /// Of the branch: engines do not say when a schema was made.
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Name of the branch's size.
    pub size: &'static str,
    /// The branch's engine is yet to be started with it.
    pub resizing: bool,
}

/// By name.
pub async fn list(control: &Control, at: &LocatedBranch) -> Result<Vec<KeyspaceView>, Refusal> {
    let endpoint = control.open_branch(at.branch.id).await?;
    let names = control.0.ports.schemas.list_schemas(&endpoint).await;
    let names = names.map_err(Fail::from)?;
    let branch = control.branch_view(at.branch.id).await?;
    let view = |name| view(at, &branch, name);
    Ok(names.into_iter().map(view).collect())
}

/// `keyspace`: name or id.
pub async fn show(
    control: &Control,
    at: &LocatedBranch,
    keyspace: &str,
) -> Result<KeyspaceView, Refusal> {
    let all = list(control, at).await?;
    let named = all.iter().position(|v| v.keyspace.name == keyspace);
    let found = named.or_else(|| all.iter().position(|v| v.keyspace.id.as_str() == keyspace));
    found
        .and_then(|i| all.into_iter().nth(i))
        .ok_or_else(|| missing(at, keyspace))
}

/// Names of the keyspace's base tables, sorted. `keyspace`: name or id.
pub async fn tables(
    control: &Control,
    at: &LocatedBranch,
    keyspace: &str,
) -> Result<Vec<String>, Refusal> {
    let found = show(control, at, keyspace).await?.keyspace;
    let endpoint = control.open_branch(at.branch.id).await?;
    let tables = control.0.ports.schemas.tables(&endpoint).await;
    let tables = tables.map_err(Fail::from)?.into_iter();
    Ok(tables
        .filter(|table| table.schema == found.name)
        .map(|table| table.name)
        .collect())
}

/// The last change of the keyspace's size, which is its branch's. `keyspace`: name or id.
pub async fn last_resize(
    control: &Control,
    at: &LocatedBranch,
    keyspace: &str,
) -> Result<Option<Resize>, Refusal> {
    show(control, at, keyspace).await?;
    Ok(control.branch_view(at.branch.id).await?.resize)
}

/// Gives the keyspace another size: its branch, as [`branch::resize`] does. `wanted`: `None` = the one it has.
pub async fn resize(
    control: &Control,
    at: &LocatedBranch,
    keyspace: &str,
    wanted: Option<&str>,
) -> Result<Resize, Refusal> {
    let found = show(control, at, keyspace).await?;
    let resized = branch::resize(control, at, wanted.unwrap_or(found.size)).await?;
    let resize = resized.resize;
    resize.ok_or_else(|| Refusal::internal("a resize that was just written is not there"))
}

/// Refused: another size than the branch's, which all its keyspaces have.
fn same_size(wanted: &str, branch: &Branch) -> Result<(), Refusal> {
    let own = size::shown(branch.size, branch.production);
    if size::parse(wanted, branch.production)? == branch.size {
        return Ok(());
    }
    Err(Refusal::unprocessable(format!(
        "a keyspace has the size of its branch, which is {own}: they share one engine"
    ))
    .hint(format!(
        "write {own}, or leave cluster_size out; another size is given to the branch: offshoot branch update --size"
    )))
}

/// Makes an empty schema. `cluster_size`: the branch's, where it is named. Needs `create_branch`, for a production branch `connect_production_branch` as well: with that
/// a password could be had which does the same. Refused: a name that is taken (`CONFLICT`), a branch that is over its
/// disk quota (`DISK_QUOTA`) or into which an import is open (`IMPORT`).
pub async fn create(
    control: &Control,
    at: &LocatedBranch,
    name: &SchemaName,
    cluster_size: Option<&str>,
    once: &Once,
) -> Result<KeyspaceView, Refusal> {
    at.within.require(&[Access::CreateBranch])?;
    if at.branch.production {
        at.within.require(connects(true, Role::Admin))?;
    }
    if let Some(made) = once.made() {
        return show(control, at, made.subject.as_str()).await;
    }
    let branch = free(control, at).await?;
    if let Some(wanted) = cluster_size {
        same_size(wanted, &branch)?;
    }
    if branch.quota == QuotaState::Over {
        return Err(Refusal::new(
            Kind::Exhausted,
            format!("branch \"{}\" is over its disk quota", branch.name),
        )
        .code(code::DISK_QUOTA)
        .hint("drop or truncate tables, or raise its quota"));
    }
    let endpoint = control.open_branch(branch.id).await?;
    let schemas = &control.0.ports.schemas;
    let made = schemas.create_schema(&endpoint, name.as_str()).await;
    if !made.map_err(Fail::from)? {
        return Err(Refusal::conflict(format!(
            "keyspace \"{}\" of branch \"{}\" exists already",
            name.as_str(),
            branch.name
        ))
        .hint("choose another name"));
    }
    let branch = control.branch_view(branch.id).await?;
    let view = view(at, &branch, name.as_str().to_owned());
    let made = Made {
        subject: view.keyspace.id.into(),
        password: None,
    };
    let mut tx = control.0.store.write().await?;
    tx.insert_audit(&event(control, at, "keyspace.created", &view.keyspace))
        .await?;
    once.record(control, &mut tx, at.caller(), made).await?;
    tx.commit().await?;
    Ok(view)
}

/// Drops a schema with all that is in it. Needs `delete_branch`, for a production branch `delete_production_branch`.
/// Refused: the database's own schema, a branch that is protected from deletion (`PROTECTED`) or into which an import is
/// open (`IMPORT`). `keyspace`: name or id.
pub async fn delete(control: &Control, at: &LocatedBranch, keyspace: &str) -> Result<(), Refusal> {
    at.within.require(match at.branch.production {
        true => &[Access::DeleteProductionBranch],
        false => &[Access::DeleteBranch],
    })?;
    let branch = free(control, at).await?;
    if branch.deletion_protected {
        return Err(Refusal::unprocessable(format!(
            "branch \"{}\" is protected from deletion, and so are its keyspaces",
            branch.name
        ))
        .code(code::PROTECTED)
        .hint(format!(
            "switch its deletion protection off first: offshoot branch unprotect {} {}",
            at.within.database.name, branch.name
        )));
    }
    let found = show(control, at, keyspace).await?.keyspace;
    if found.default {
        return Err(Refusal::unprocessable(format!(
            "keyspace \"{}\" is the one of the database itself, in which every connection begins",
            found.name
        ))
        .hint("drop its tables, or delete the branch"));
    }
    let endpoint = control.open_branch(branch.id).await?;
    let dropped = control.0.ports.schemas.drop_schema(&endpoint, &found.name);
    if !dropped.await.map_err(Fail::from)? {
        return Err(missing(at, keyspace));
    }
    let mut tx = control.0.store.write().await?;
    tx.insert_audit(&event(control, at, "keyspace.deleted", &found))
        .await?;
    Ok(tx.commit().await?)
}

/// The branch as it is now, without an import that would take the change back.
async fn free(control: &Control, at: &LocatedBranch) -> Result<Branch, Refusal> {
    let mut session = control.0.store.read().await?;
    let found = session.branch_by_id(at.branch.id).await?;
    let branch = found.filter(|b| !b.deleting).ok_or_else(|| {
        Refusal::conflict(format!("branch \"{}\" is being deleted", at.branch.name))
            .code(code::DELETING)
    })?;
    none_open(&branch, session.live_import(branch.id).await?.as_ref())?;
    Ok(branch)
}

fn view(at: &LocatedBranch, of: &BranchView, name: String) -> KeyspaceView {
    let branch = &of.branch;
    KeyspaceView {
        keyspace: Keyspace::new(branch.id, name, &at.database().schema_name),
        created_at: branch.created_at,
        updated_at: branch.updated_at,
        size: size::shown(branch.size, branch.production),
        resizing: of.resize.as_ref().is_some_and(|r| r.completed_at.is_none()),
    }
}

fn missing(at: &LocatedBranch, keyspace: &str) -> Refusal {
    let shown: String = keyspace.chars().take(80).collect();
    Refusal::not_found(format!(
        "keyspace {shown:?} of branch \"{}\"",
        at.branch.name
    ))
    .hint(format!(
        "list them: offshoot keyspace list {} {}",
        at.within.database.name, at.branch.name
    ))
}

fn event(control: &Control, at: &LocatedBranch, action: &str, keyspace: &Keyspace) -> AuditEvent {
    control.event(
        at.organization().id,
        &Actor::Caller(at.caller()),
        action,
        ("Keyspace", keyspace.id.as_str(), &keyspace.name),
        &[
            ("database", at.database().name.as_str()),
            ("branch", at.branch.name.as_str()),
        ],
    )
}
