//! Imports: a branch is filled from outside, and is taken back to what it was unless the import is
//! completed. `docs/design/0007-import.md`.

use crate::Control;
use crate::branch::current;
use crate::locate::{LocatedBranch, LocatedImport};
use crate::once::{Made, Once, gone};
use crate::page::{Listed, Page};
use crate::password::connects;
use crate::trail::Actor;
use crate::workflow::{OPEN_IMPORT, Reverting, Work, aside};
use jiff::Timestamp;
use offshoot_core::branch::{Branch, BranchState};
use offshoot_core::id::{ImportId, WorkflowId};
use offshoot_core::import::{Import, ImportState};
use offshoot_core::instance::{Profile, Purpose, Wanted};
use offshoot_core::password::Role;
use offshoot_core::plan::{Revert, plan_complete, plan_import, plan_renew, plan_revert};
use offshoot_core::refusal::Refusal;
use offshoot_core::volume::VolumeUse;
use offshoot_store::{StoreError, Tx};
use std::time::Duration;

/// How long an import stays open where nobody says: a client renews several times in it.
const TTL: Duration = Duration::from_secs(120);
/// How long one may take until it is open: commands have to end, the engine to stop and start.
const OPENING: Duration = Duration::from_secs(120);
/// Longest that one may stay open without being renewed, so that an abandoned branch comes back soon.
const TTL_MAX: Duration = Duration::from_secs(3600);

/// An import with its branch's name.
#[derive(Clone, Debug)]
pub struct ImportView {
    pub import: Import,
    pub branch: String,
}

/// Keeps the branch as it is, to be filled then. The import is `pending` until that is done. Needs what
/// a password of role `admin` needs. Refused (`IMPORT`) while another one is open. A replay is answered with
/// the import as it is now.
pub async fn open(
    control: &Control,
    at: &LocatedBranch,
    ttl: Option<Duration>,
    once: &Once,
) -> Result<ImportView, Refusal> {
    if let Some(made) = once.made() {
        at.within
            .require(connects(at.branch.production, Role::Admin))?;
        let id: ImportId = made.subject.into();
        let row = control.0.store.read().await?.import(id).await?;
        let found = row.filter(|i| i.branch_id == at.branch.id);
        return Ok(view(found.ok_or_else(|| gone("import"))?, &at.branch));
    }
    let ttl = ttl.filter(|t| !t.is_zero()).unwrap_or(TTL);
    if ttl > TTL_MAX {
        let most = TTL_MAX.as_secs();
        return Err(Refusal::invalid(
            "ttl",
            format!("an import stays open for {most} seconds at most without being renewed"),
        )
        .hint("renew it while it goes on"));
    }
    let mut tx = control.0.store.write().await?;
    let branch = current(&mut tx, at).await?;
    at.within
        .require(connects(branch.production, Role::Admin))?;
    plan_import(&branch, tx.live_import(branch.id).await?.as_ref())?;
    let now = control.now();
    let import = Import {
        id: control.id(),
        branch_id: branch.id,
        snapshot: control.id(),
        state: ImportState::Pending,
        ttl,
        expires_at: expiry(now, ImportState::Pending, ttl),
        actor: at.caller().name(),
        created_at: now,
        updated_at: now,
    };
    tx.insert_snapshot(&control.new_snapshot(import.snapshot, branch.engine))
        .await?;
    let aside = aside(import.snapshot);
    tx.insert_volume(&control.new_volume(aside, branch.engine, None, VolumeUse::Work))
        .await?;
    tx.insert_import(&import).await?;
    let work = Work::OpenImport {
        import: import.id,
        branch: branch.id,
    };
    let queued = control.enqueue(&mut tx, &work, Duration::ZERO).await?;
    let actor = Actor::Caller(at.caller());
    control
        .note_import(
            &mut tx,
            &branch,
            import.id,
            &actor,
            "branch.import_opened",
            "",
        )
        .await?;
    let made = Made {
        subject: import.id.into(),
        password: None,
    };
    once.record(control, &mut tx, at.caller(), made).await?;
    tx.commit().await?;
    control.start_now(&[queued]);
    control.0.runner.due.notify_one();
    Ok(view(import, &branch))
}

/// Imports of a branch, those that ended included, newest first.
pub async fn list(
    control: &Control,
    at: &LocatedBranch,
    page: Page,
) -> Result<Listed<ImportView>, Refusal> {
    let mut session = control.0.store.read().await?;
    let (rows, total) = session
        .imports(at.branch.id, page.offset(), page.per_page().into())
        .await?;
    Ok(Listed {
        items: rows.into_iter().map(|i| view(i, &at.branch)).collect(),
        total,
        page,
    })
}

pub async fn show(control: &Control, at: &LocatedImport) -> Result<ImportView, Refusal> {
    let row = control.0.store.read().await?.import(at.import.id).await?;
    let import = row.ok_or_else(|| Refusal::not_found("the import"))?;
    Ok(view(import, &at.within.branch))
}

/// Returns when the import is no longer `from`, or `timeout` is over.
pub async fn wait(
    control: &Control,
    id: ImportId,
    from: ImportState,
    timeout: Duration,
) -> Result<(), Refusal> {
    let waiting = async {
        let mut changes = control.0.signals.changed.subscribe();
        loop {
            changes.mark_unchanged();
            let row = control.0.store.read().await?.import(id).await?;
            if row.is_none_or(|i| i.state != from) || changes.changed().await.is_err() {
                return Ok(());
            }
        }
    };
    tokio::time::timeout(timeout, waiting)
        .await
        .unwrap_or(Ok(()))
}

/// It stays open for its time to live from now on.
pub async fn renew(control: &Control, at: &LocatedImport) -> Result<ImportView, Refusal> {
    let (mut tx, mut import, branch) = begin(control, at).await?;
    plan_renew(&import)?;
    let now = control.now();
    import.expires_at = expiry(now, import.state, import.ttl);
    tx.set_import(import.id, import.state, import.expires_at, now)
        .await?;
    tx.commit().await?;
    Ok(view(import, &branch))
}

/// What was loaded stays.
pub async fn complete(control: &Control, at: &LocatedImport) -> Result<ImportView, Refusal> {
    let (mut tx, mut import, branch) = begin(control, at).await?;
    if plan_complete(&import)? {
        import.state = ImportState::Completed;
        let now = control.now();
        tx.snapshot_gone(import.snapshot).await?;
        tx.set_import(import.id, import.state, import.expires_at, now)
            .await?;
        let actor = Actor::Caller(at.within.caller());
        control
            .note_import(
                &mut tx,
                &branch,
                import.id,
                &actor,
                "branch.import_completed",
                "",
            )
            .await?;
        tx.commit().await?;
        control.changed();
        control.tidy_soon();
    }
    Ok(view(import, &branch))
}

/// The branch becomes what it was before; its id, passwords and address stay, its sessions end.
pub async fn revert(control: &Control, at: &LocatedImport) -> Result<ImportView, Refusal> {
    let (tx, import, branch) = begin(control, at).await?;
    let revert = plan_revert(&import)?;
    let actor = Actor::Caller(at.within.caller());
    control
        .revert_import(tx, &import, &branch, revert, &actor, "asked for")
        .await?;
    show(control, at).await
}

/// The import and its branch as they are now.
async fn begin(control: &Control, at: &LocatedImport) -> Result<(Tx, Import, Branch), Refusal> {
    let mut tx = control.0.store.write().await?;
    let branch = current(&mut tx, &at.within).await?;
    at.within
        .within
        .require(connects(branch.production, Role::Admin))?;
    let row = tx.import(at.import.id).await?;
    let import = row.ok_or_else(|| Refusal::not_found("the import"))?;
    Ok((tx, import, branch))
}

fn expiry(now: Timestamp, state: ImportState, ttl: Duration) -> Timestamp {
    let time = match state {
        ImportState::Pending => ttl.max(OPENING),
        _ => ttl,
    };
    now.checked_add(time).unwrap_or(now)
}

fn view(import: Import, branch: &Branch) -> ImportView {
    ImportView {
        import,
        branch: branch.name.to_string(),
    }
}

impl Control {
    /// An import whose client went away.
    pub(crate) async fn revert_expired(&self, id: ImportId) -> Result<(), StoreError> {
        let mut tx = self.0.store.write().await?;
        let now = self.now();
        let row = tx.import(id).await?.filter(|i| i.expires_at <= now);
        let Some(import) = row else { return Ok(()) };
        let Some(branch) = tx.branch_by_id(import.branch_id).await? else {
            return Ok(());
        };
        let Ok(revert) = plan_revert(&import) else {
            return Ok(());
        };
        if branch.deleting {
            return Ok(());
        }
        tracing::info!(branch.id = %branch.id, import.id = %id, "an import expired");
        self.revert_import(tx, &import, &branch, revert, &Actor::System, "expired")
            .await
    }

    async fn revert_import(
        &self,
        mut tx: Tx,
        import: &Import,
        branch: &Branch,
        revert: Revert,
        actor: &Actor<'_>,
        reason: &str,
    ) -> Result<(), StoreError> {
        let queued = match revert {
            Revert::Done => return Ok(()),
            Revert::Drop => {
                tx.cancel_workflow(OPEN_IMPORT, branch.id.as_str()).await?;
                self.drop_import(&mut tx, import).await?;
                None
            }
            Revert::Swap => Some(self.swap_back(&mut tx, import, branch).await?),
        };
        self.note_import(
            &mut tx,
            branch,
            import.id,
            actor,
            "branch.import_reverted",
            reason,
        )
        .await?;
        tx.commit().await?;
        if queued.is_some() {
            self.0.fleet.withdraw(branch.id);
            self.0.ports.sessions.close_branch(branch.id).await;
        }
        self.changed();
        self.tidy_soon();
        self.start_now(queued.as_slice());
        self.0.runner.due.notify_one();
        Ok(())
    }

    /// A volume and instance that are still to be made take the place of the branch's.
    async fn swap_back(
        &self,
        tx: &mut Tx,
        import: &Import,
        branch: &Branch,
    ) -> Result<WorkflowId, StoreError> {
        let snapshot = import.snapshot;
        let profile = if branch.production {
            Profile::Production
        } else {
            Profile::Development
        };
        let volume = self.new_volume(self.id(), branch.engine, Some(snapshot), VolumeUse::Branch);
        let purpose = Purpose::Serve(branch.id);
        let instance = self.new_instance(self.id(), volume.id, branch.engine, purpose, profile);
        let now = self.now();
        self.abandon_template(tx, branch.id).await?;
        // What its template knows of the branch may be from the time of the import.
        if let Some(own) = tx.schema_template(branch.id).await? {
            tx.snapshot_gone(own.snapshot).await?;
            tx.delete_template(own.id).await?;
        }
        tx.cancel_workflows(branch.id.as_str()).await?;
        tx.insert_volume(&volume).await?;
        tx.insert_instance(&instance).await?;
        tx.move_branch(branch.id, volume.id, instance.id, now)
            .await?;
        tx.set_branch_state(branch.id, BranchState::Pending, None)
            .await?;
        tx.set_wanted(branch.instance, Wanted::Gone).await?;
        tx.set_import(import.id, ImportState::Reverting, import.expires_at, now)
            .await?;
        let work = Work::RevertImport(Reverting {
            import: import.id,
            branch: branch.id,
            snapshot,
            volume: volume.id,
            instance: instance.id,
        });
        self.enqueue(tx, &work, Duration::ZERO).await
    }
}
