//! Shadows of production branches: asked for, shown, changed, taken away. What keeps them is
//! `reconcile/shadows.rs`; what is taken of them, `shadow/copy.rs`.

mod copy;
mod feed;
mod life;

pub(crate) use copy::Taken;
pub(crate) use feed::Shadows;

use crate::Control;
use crate::branch::current;
use crate::locate::LocatedBranch;
use crate::once::{Made, Once, gone};
use crate::revision::{Expected, Revision};
use crate::trail::Actor;
use offshoot_core::access::Access;
use offshoot_core::branch::Branch;
use offshoot_core::gtid::GtidSet;
use offshoot_core::plan::plan_shadow;
use offshoot_core::refusal::{Refusal, code};
use offshoot_core::shadow::{Shadow, ShadowState};
use offshoot_store::{Session, StoreError, Tx};
use std::time::Duration;

/// Shortest and longest time after which a shadow is given what its parent committed: more often than the
/// archive grows, it would find nothing; more seldom, there may be a gap in what is kept.
const EVERY: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(12 * 3_600));

/// A shadow with what is seen of it now.
#[derive(Clone, Debug)]
pub struct ShadowView {
    pub shadow: Shadow,
    /// Name of its parent.
    pub branch: String,
    /// How old the oldest change is that its parent committed and it does not have, at most; `None`
    /// before it is made.
    pub lag: Option<Duration>,
    /// Bytes of binlog that its parent has and it was not given.
    pub lag_bytes: Option<u64>,
    /// Its engine runs. It does not while there is nothing for it to do.
    pub running: bool,
    /// It does not run where it should: why.
    pub failure: Option<String>,
}

impl ShadowView {
    pub fn revision(&self) -> Revision {
        Revision::of_shadow(&self.shadow)
    }
}

/// How a shadow follows. `None` = continuously.
pub type Every = Option<Duration>;

/// What lets a caller say how production is copied.
const NEEDS: &[Access] = &[Access::PromoteBranches, Access::ConnectProductionBranch];

/// Gives a production branch a shadow. Needs `promote_branches` or `connect_production_branch`. Refused
/// (`SHADOW`): a development branch, one that has a shadow, a server that archives no binlogs. It is
/// `making` on return.
pub async fn create(
    control: &Control,
    at: &LocatedBranch,
    every: Every,
    once: &Once,
) -> Result<ShadowView, Refusal> {
    at.within.require(NEEDS)?;
    if once.made().is_some() {
        return show(control, at).await.map_err(|_| gone("shadow"));
    }
    check(every)?;
    control.require_space().await?;
    let mut tx = control.0.store.write().await?;
    let branch = current(&mut tx, at).await?;
    plan_shadow(
        &branch,
        control.0.settings.copy_on_write,
        control.archives(),
    )?;
    if tx.shadow(branch.id).await?.is_some() {
        return Err(
            Refusal::conflict(format!("branch \"{}\" has a shadow", branch.name))
                .code(code::SHADOW)
                .hint(format!(
                    "change it (offshoot branch shadow update {} {}), or delete it first",
                    at.database().name,
                    branch.name
                )),
        );
    }
    let actor = Actor::Caller(at.caller());
    let queued = control
        .begin_shadow(&mut tx, &branch, every, &actor)
        .await?;
    control
        .note_shadow(&mut tx, &branch, &actor, "shadow.created", "")
        .await?;
    let made = Made {
        subject: branch.id.into(),
        password: None,
    };
    once.record(control, &mut tx, at.caller(), made).await?;
    tx.commit().await?;
    control.changed();
    control.start_now(&[queued]);
    control.0.runner.due.notify_one();
    show(control, at).await
}

/// As it is now.
pub async fn show(control: &Control, at: &LocatedBranch) -> Result<ShadowView, Refusal> {
    let mut session = control.0.store.read().await?;
    let found = session.shadow(at.branch.id).await?;
    let shadow = found.ok_or_else(|| none(&at.branch, at.database().name.as_str()))?;
    let mut view = control.view_shadow(&mut session, shadow).await?;
    drop(session);
    control.see_behind(&mut view).await;
    Ok(view)
}

/// Changes how it follows. Needs what [`create`] needs. Refused (`CHANGED`) at another revision than
/// `expected`.
pub async fn update(
    control: &Control,
    at: &LocatedBranch,
    every: Option<Every>,
    expected: &Expected,
) -> Result<ShadowView, Refusal> {
    at.within.require(NEEDS)?;
    let mut tx = control.0.store.write().await?;
    let branch = current(&mut tx, at).await?;
    let found = tx.shadow(branch.id).await?;
    let mut shadow = found.ok_or_else(|| none(&branch, at.database().name.as_str()))?;
    let what = format!("the shadow of branch \"{}\"", branch.name);
    expected.check(&Revision::of_shadow(&shadow), what)?;
    if let Some(every) = every
        && every != shadow.every
    {
        check(every)?;
        shadow.every = every;
        shadow.updated_at = control.now();
        let instance = shadow.instance;
        tx.update_shadow(&shadow, instance).await?;
        let actor = Actor::Caller(at.caller());
        control
            .note_shadow(&mut tx, &branch, &actor, "shadow.updated", "")
            .await?;
        tx.commit().await?;
        control.changed();
        control.0.shadows.due.notify_one();
    } else {
        drop(tx);
    }
    show(control, at).await
}

/// Takes the shadow away. Needs what [`create`] needs. What was copied of it stays.
pub async fn delete(
    control: &Control,
    at: &LocatedBranch,
    expected: &Expected,
) -> Result<(), Refusal> {
    at.within.require(NEEDS)?;
    let mut tx = control.0.store.write().await?;
    let branch = current(&mut tx, at).await?;
    let found = tx.shadow(branch.id).await?;
    let shadow = found.ok_or_else(|| none(&branch, at.database().name.as_str()))?;
    let what = format!("the shadow of branch \"{}\"", branch.name);
    expected.check(&Revision::of_shadow(&shadow), what)?;
    control.abandon_shadow(&mut tx, branch.id).await?;
    let actor = Actor::Caller(at.caller());
    control
        .note_shadow(&mut tx, &branch, &actor, "shadow.deleted", "")
        .await?;
    tx.commit().await?;
    control.changed();
    control.tidy_soon();
    Ok(())
}

/// Returns when it has all of its parent's history that was there, when it is broken, or when `timeout` is
/// over.
pub async fn wait(control: &Control, at: &LocatedBranch, timeout: Duration) -> Result<(), Refusal> {
    let waiting = async {
        let mut changes = control.0.signals.changed.subscribe();
        loop {
            changes.mark_unchanged();
            let row = control.0.store.read().await?.shadow(at.branch.id).await?;
            let on_its_way = row
                .is_some_and(|s| matches!(s.state, ShadowState::Making | ShadowState::CatchingUp));
            if !on_its_way || changes.changed().await.is_err() {
                return Ok(());
            }
        }
    };
    tokio::time::timeout(timeout, waiting)
        .await
        .unwrap_or(Ok(()))
}

fn check(every: Every) -> Result<(), Refusal> {
    let (least, most) = EVERY;
    match every {
        Some(every) if every < least || every > most => Err(Refusal::invalid(
            "every_seconds",
            format!(
                "a shadow follows every {} to {} seconds, or continuously",
                least.as_secs(),
                most.as_secs()
            ),
        )),
        _ => Ok(()),
    }
}

fn none(branch: &Branch, database: &str) -> Refusal {
    Refusal::not_found(format!("a shadow of branch \"{}\"", branch.name)).hint(format!(
        "give it one: offshoot branch shadow create {database} {}",
        branch.name
    ))
}

impl Control {
    /// Production branches' binlogs are archived.
    pub(crate) fn archives(&self) -> bool {
        !self.0.settings.backups.binlog_interval.is_zero()
    }

    pub(crate) async fn view_shadow(
        &self,
        session: &mut Session,
        shadow: Shadow,
    ) -> Result<ShadowView, StoreError> {
        let branch = session.branch_by_id(shadow.branch).await?;
        let seen = self.0.archives.complete_at(shadow.branch);
        let histories = session.histories(shadow.branch).await?;
        let history = histories
            .into_iter()
            .find(|h| h.ended_at.is_none() && h.volume == shadow.source);
        let mut lag_bytes = None;
        let mut complete_at = shadow.complete_at.or(shadow.made_at);
        if let Some(history) = history.filter(|_| shadow.state.made())
            && let Some(position) = &shadow.position
        {
            let has = GtidSet::parse(history.engine.kind, &position.gtid_set);
            if has.is_ok_and(|has| has.covers(&history.archived)) {
                let archive = seen.map_or(history.complete_at, |at| at.max(history.complete_at));
                complete_at = complete_at.max(Some(archive));
                lag_bytes = Some(0);
            } else if shadow.history == Some(history.id) {
                let segments = session.segments(&history, shadow.next).await?;
                lag_bytes = Some(segments.iter().map(|s| s.to.saturating_sub(s.from)).sum());
            }
        }
        let now = self.now();
        let lag = complete_at
            .filter(|_| shadow.state.made())
            .map(|at| Duration::try_from(now.duration_since(at)).unwrap_or_default());
        Ok(ShadowView {
            branch: branch.map(|b| b.name.to_string()).unwrap_or_default(),
            lag,
            lag_bytes,
            running: self.0.fleet.running(shadow.instance),
            failure: self.0.fleet.error(shadow.instance),
            shadow,
        })
    }

    /// Adds what the parent's engine has written since its binlog was archived last.
    pub(crate) async fn see_behind(&self, view: &mut ShadowView) {
        let Some(bytes) = view.lag_bytes else { return };
        let Some(awake) = self.0.fleet.awake(view.shadow.branch) else {
            return;
        };
        let mark = {
            let mut session = match self.0.store.read().await {
                Ok(session) => session,
                Err(_) => return,
            };
            let histories = session.histories(view.shadow.branch).await;
            let live = histories
                .unwrap_or_default()
                .into_iter()
                .find(|h| h.ended_at.is_none());
            live.map(|h| h.mark)
        };
        let Some(mark) = mark else { return };
        let behind = self.0.ports.binlogs.behind(&awake.endpoint, &mark).await;
        view.lag_bytes = Some(bytes.saturating_add(behind.unwrap_or_default()));
    }

    /// An audit event on a shadow.
    pub(crate) async fn note_shadow(
        &self,
        tx: &mut Tx,
        branch: &Branch,
        actor: &Actor<'_>,
        action: &str,
        reason: &str,
    ) -> Result<(), StoreError> {
        let Some(database) = tx.database_by_id(branch.database_id).await? else {
            return Ok(());
        };
        let mut metadata = vec![("database", database.name.as_str())];
        if !reason.is_empty() {
            metadata.push(("reason", reason));
        }
        let event = self.event(
            database.organization_id,
            actor,
            action,
            ("Branch", branch.id.as_str(), branch.name.as_str()),
            &metadata,
        );
        tx.insert_audit(&event).await
    }
}
