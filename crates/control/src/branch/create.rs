//! Create: one commit for the branch, its password, its workflow and the audit event, then the
//! workflow starts at once.

use super::seed::{Sown, named_backup};
use super::wait::failed;
use super::{CreatedBranch, NewBranch, SeedRequest};
use crate::Control;
use crate::locate::{LocatedDatabase, quoted};
use crate::once::{Made, Once, gone};
use crate::password::connects;
use crate::trail::Actor;
use crate::workflow::{Filling, Work};
use jiff::Timestamp;
use offshoot_core::access::Access;
use offshoot_core::backup::Backup;
use offshoot_core::branch::{
    Branch, BranchState, LEAST_DISK_QUOTA, MAX_CONNECTIONS, QuotaState, Runtime, SafeMigrations,
};
use offshoot_core::id::BranchId;
use offshoot_core::instance::{Instance, Profile, Purpose};
use offshoot_core::plan::{CreateFacts, CreatePlan, SeedFacts, Source, plan_create};
use offshoot_core::refusal::Refusal;
use offshoot_core::volume::{StoredState, VolumeUse};
use offshoot_store::{Session, StoreError, Tx};
use std::collections::BTreeMap;
use std::time::Duration;

/// Labels of one branch, and the longest name and value of one, in characters.
const MAX_LABELS: usize = 32;
const MAX_LABEL: usize = 128;

/// Needs `create_branch`; for a branch with data `restore_backup`, with data of a production branch
/// `restore_production_branch_backup`. The row is there on return, the branch `pending` until [`super::wait_ready`].
pub async fn create(
    control: &Control,
    at: &LocatedDatabase,
    new: NewBranch,
    once: &Once,
) -> Result<CreatedBranch, Refusal> {
    create_as(control, at, new, once, control.id()).await
}

/// As [`create`], with an id that was drawn before: making it twice makes one.
pub(crate) async fn create_as(
    control: &Control,
    at: &LocatedDatabase,
    new: NewBranch,
    once: &Once,
    id: BranchId,
) -> Result<CreatedBranch, Refusal> {
    at.require(&[
        Access::CreateBranch,
        Access::RestoreBackup,
        Access::RestoreProductionBranchBackup,
    ])?;
    if let Some(password) = &new.password {
        at.require(connects(false, password.role))?;
    }
    if let Some(made) = once.made() {
        return again(control, at, made).await;
    }
    check_labels(&new.labels)?;
    check_limits(new.max_connections, new.disk_quota)?;
    if let Some(size) = new.size {
        control.bounds().check(size, false)?;
    }
    let now = control.now();
    let expires_at = expiry(now, new.expires_at, new.ttl)?;
    control.require_space().await?;
    if let SeedRequest::PointInTime(point) = &new.seed {
        let mut session = control.0.store.read().await?;
        let parent = parent(&mut session, at, new.parent.as_deref()).await?;
        drop(session);
        control.catch_up(parent.id, point).await;
    }
    let mut tx = control.0.store.write().await?;
    let named = named_backup(&mut tx, at, &new.seed).await?;
    let parent = match &named {
        Some(backup) => parent_of_backup(&mut tx, at, new.parent.as_deref(), backup).await?,
        None => parent(&mut tx, at, new.parent.as_deref()).await?,
    };
    let sown = Sown::of(control, &mut tx, at, &new.seed, named, &parent).await?;
    at.require(sown.needs(&parent))?;
    let plan = plan(control, &mut tx, at, &new, &parent, sown.facts()).await?;
    sown.require_rules(control, &mut tx, at).await?;
    let branch = Branch {
        id,
        database_id: at.database.id,
        name: new.name,
        parent: Some(parent.id),
        production: false,
        state: BranchState::Pending,
        seed: sown.seed(),
        runtime: Runtime::Managed,
        engine: plan.engine,
        volume: plan.volume.unwrap_or_else(|| control.id()),
        instance: plan.instance.unwrap_or_else(|| control.id()),
        deletion_protected: new.deletion_protected,
        labels: new.labels,
        expires_at,
        sleep_after: new.sleep_after,
        event_scheduler: new.event_scheduler,
        size: new.size,
        max_connections: new.max_connections,
        disk_quota: new.disk_quota,
        quota: QuotaState::Free,
        safe_migrations: SafeMigrations::Off,
        deleting: false,
        actor: at.caller().name(),
        created_at: now,
        updated_at: now,
        schema_updated_at: None,
    };
    let password = match new.password {
        Some(p) => Some(control.draw_password(&branch, p, &branch.actor)?),
        None => None,
    };
    take(control, &mut tx, &plan, &branch).await?;
    tx.insert_branch(&branch).await.map_err(|e| match e {
        StoreError::Taken(_) => {
            Refusal::conflict(format!("branch \"{}\" exists already", branch.name))
        }
        other => other.into(),
    })?;
    if let Some(origin) = sown.origin(&parent) {
        tx.set_origin(branch.id, branch.seed, Some(&origin)).await?;
    }
    if let Some((password, _)) = &password {
        tx.insert_password(password).await?;
    }
    let event = control.event(
        at.organization().id,
        &Actor::Caller(at.caller()),
        "branch.created",
        ("Branch", branch.id.as_str(), branch.name.as_str()),
        &[
            ("database", at.database.name.as_str()),
            ("parent", parent.name.as_str()),
            ("seed", branch.seed.as_str()),
        ],
    );
    tx.insert_audit(&event).await?;
    let made = Made {
        subject: branch.id.into(),
        password: password.as_ref().map(|(p, _)| p.id),
    };
    once.record(control, &mut tx, at.caller(), made).await?;
    let work = Work::create(Filling {
        branch: branch.id,
        parent: Some(parent.id),
        volume: branch.volume,
        instance: branch.instance,
        engine: plan.engine,
        source: plan.source,
        schema: at.database.schema_name.clone(),
        replay: sown.replaying().cloned(),
    });
    let queued = control.enqueue(&mut tx, &work, Duration::ZERO).await?;
    let detail = tx.branch_detail(branch.id).await?;
    tx.commit().await?;
    control.start_now(&[queued]);
    control.0.runner.due.notify_one();
    let password = password.map(|(p, secret)| control.password_view(p, &branch, Some(secret)));
    let detail = detail.ok_or_else(|| Refusal::internal("a branch just written is not there"))?;
    Ok(CreatedBranch {
        branch: control.view_of(detail),
        password,
    })
}

/// The same branch to the same request, and its password with a fresh secret.
async fn again(
    control: &Control,
    at: &LocatedDatabase,
    made: Made,
) -> Result<CreatedBranch, Refusal> {
    let id = made.subject.into();
    let Ok(view) = control.branch_view(id).await else {
        let mut session = control.0.store.read().await?;
        return Err(match failed(&mut session, id).await? {
            Some(refusal) => refusal,
            None => gone("branch"),
        });
    };
    let password = match made.password {
        Some(password) => {
            let place = (at.organization().id, &at.database, &view.branch);
            control
                .replay_password(at.caller(), place, password)
                .await?
        }
        None => None,
    };
    Ok(CreatedBranch {
        branch: view,
        password,
    })
}

async fn parent(
    session: &mut Session,
    at: &LocatedDatabase,
    named: Option<&str>,
) -> Result<Branch, Refusal> {
    match named.filter(|n| !n.is_empty()) {
        Some(name) => session.branch(at.database.id, name).await?.ok_or_else(|| {
            let mut refusal = Refusal::not_found(format!(
                "parent branch {} of database \"{}\"",
                quoted(name),
                at.database.name
            ));
            refusal.field = Some("parent_branch");
            refusal.hint(format!(
                "list them: offshoot branch list {}",
                at.database.name
            ))
        }),
        None => session
            .branch_by_id(at.database.default_branch)
            .await?
            .filter(|b| !b.deleting)
            .ok_or_else(|| Refusal::not_found("the default branch")),
    }
}

/// The backup's own branch, unless another one is named or it is gone.
async fn parent_of_backup(
    tx: &mut Tx,
    at: &LocatedDatabase,
    named: Option<&str>,
    backup: &Backup,
) -> Result<Branch, Refusal> {
    if named.is_none_or(str::is_empty)
        && let Some(branch) = tx.branch_by_id(backup.branch_id).await?
        && !branch.deleting
    {
        return Ok(branch);
    }
    parent(tx, at, named).await
}

async fn plan(
    control: &Control,
    tx: &mut Tx,
    at: &LocatedDatabase,
    new: &NewBranch,
    parent: &Branch,
    seed: SeedFacts<'_>,
) -> Result<CreatePlan, Refusal> {
    let template = tx
        .schema_template(parent.id)
        .await?
        .filter(|t| t.engine == parent.engine)
        .map(|t| t.snapshot);
    let (warm, spare) = match template {
        Some(snapshot) => {
            let running = tx.warm_instances(snapshot).await?;
            let mut running = running.iter().filter(|i| control.0.fleet.running(i.id));
            let rested = tx.rested_instances(snapshot).await?;
            (
                running.next().or(rested.first()).map(|i| (i.id, i.volume)),
                tx.spares(snapshot).await?.first().map(|v| v.id),
            )
        }
        None => (None, None),
    };
    let database = tx.database_by_id(at.database.id).await?;
    plan_create(&CreateFacts {
        name: &new.name,
        taken: tx.branch_named(at.database.id, &new.name).await?,
        seed,
        allow_data: database.as_ref().is_some_and(|d| d.allow_data_branching),
        database_deleting: database.is_none_or(|d| d.deleting),
        branches: tx.branches_left(at.database.id).await?,
        limit: control.0.settings.limits.branches_per_database,
        parent,
        template,
        // It may run already, without events, and with the size that branches have of themselves.
        warm: warm.filter(|_| !new.event_scheduler && new.size.is_none()),
        spare,
    })
}

/// Takes over what was prepared, or writes down what is to be made.
async fn take(
    control: &Control,
    tx: &mut Tx,
    plan: &CreatePlan,
    branch: &Branch,
) -> Result<(), Refusal> {
    if plan.volume.is_some() {
        // Not ready again until it is published: its snapshot is kept for another try.
        tx.set_volume(branch.volume, VolumeUse::Branch, StoredState::Making)
            .await?;
    } else {
        tx.insert_volume(&control.new_volume(
            branch.volume,
            plan.engine,
            plan.source.snapshot(),
            VolumeUse::Branch,
        ))
        .await?;
    }
    if matches!(plan.source, Source::Warm(_)) {
        tx.assign_instance(branch.instance, branch.id).await?;
        control.assigned(branch.instance, branch.id);
    } else {
        let instance: Instance = control.new_instance(
            branch.instance,
            branch.volume,
            plan.engine,
            Purpose::Serve(branch.id),
            Profile::Development,
        );
        tx.insert_instance(&instance).await?;
    }
    Ok(())
}

pub(super) fn check_labels(labels: &BTreeMap<String, String>) -> Result<(), Refusal> {
    let fits = |s: &str| s.chars().count() <= MAX_LABEL && !s.chars().any(char::is_control);
    if labels.len() > MAX_LABELS {
        return Err(Refusal::invalid(
            "labels",
            format!("a branch has at most {MAX_LABELS} labels"),
        ));
    }
    if labels
        .iter()
        .any(|(k, v)| k.is_empty() || !fits(k) || !fits(v))
    {
        return Err(Refusal::invalid(
            "labels",
            format!(
                "names and values of labels have at most {MAX_LABEL} characters; a name is not empty"
            ),
        ));
    }
    Ok(())
}

pub(super) fn check_limits(
    max_connections: Option<u32>,
    disk_quota: Option<u64>,
) -> Result<(), Refusal> {
    if max_connections.is_some_and(|n| n == 0 || n > MAX_CONNECTIONS) {
        return Err(Refusal::invalid(
            "max_connections",
            format!("a branch has 1 to {MAX_CONNECTIONS} connections"),
        )
        .hint("write null for the server's default"));
    }
    if disk_quota.is_some_and(|n| n > 0 && n < LEAST_DISK_QUOTA) {
        return Err(Refusal::invalid(
            "disk_quota_bytes",
            format!(
                "a disk quota below {} MiB has no room for the engine's own files",
                LEAST_DISK_QUOTA >> 20
            ),
        )
        .hint("write 0 for no limit, null for the server's default"));
    }
    Ok(())
}

fn expiry(
    now: Timestamp,
    at: Option<Timestamp>,
    ttl: Option<Duration>,
) -> Result<Option<Timestamp>, Refusal> {
    match (at, ttl) {
        (Some(_), Some(_)) => Err(Refusal::invalid(
            "ttl",
            "give either an expiry time or a time to live",
        )),
        (Some(at), None) if at <= now => Err(Refusal::invalid(
            "expires_at",
            "the expiry time is in the past",
        )),
        (Some(at), None) => Ok(Some(at)),
        (None, Some(ttl)) if ttl.is_zero() => {
            Err(Refusal::invalid("ttl", "the time to live is zero"))
        }
        (None, Some(ttl)) => now
            .checked_add(ttl)
            .map(Some)
            .map_err(|_| Refusal::invalid("ttl", "the time to live is too long")),
        (None, None) => Ok(None),
    }
}
