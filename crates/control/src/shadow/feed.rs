//! Giving a shadow what its parent committed: its engine applies what the archive has and its data has not.

use crate::binlog::Archived;
use crate::fail::Fail;
use crate::{Control, lock};
use jiff::Timestamp;
use offshoot_core::backup::Position;
use offshoot_core::binlog::{History, Segment, Until};
use offshoot_core::gtid::GtidSet;
use offshoot_core::id::{BranchId, InstanceId};
use offshoot_core::instance::{Endpoint, Stop};
use offshoot_core::plan::plan_shadow_feed;
use offshoot_core::port::PortError;
use offshoot_core::refusal::{Refusal, code};
use offshoot_core::shadow::{Shadow, ShadowState};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// What is remembered of shadows; nothing that could not be lost.
#[derive(Default)]
pub(crate) struct Shadows {
    stands: Mutex<HashMap<BranchId, Arc<tokio::sync::Mutex<Stand>>>>,
    /// Something may be there to be given to one.
    pub(crate) due: Notify,
}

/// Where one shadow stands. Who holds it starts, feeds, stops and copies that shadow.
#[derive(Default)]
pub(crate) struct Stand {
    /// The instance that the rest is about.
    instance: Option<InstanceId>,
    /// What its data has, as far as this process has seen.
    pub(crate) has: Option<GtidSet>,
    /// It was stopped, and has not been started since: its data can be copied.
    pub(crate) stopped: bool,
}

impl Stand {
    /// Forgets what it knows of another instance.
    pub(crate) fn of(&mut self, instance: InstanceId) -> &mut Self {
        if self.instance != Some(instance) {
            *self = Self {
                instance: Some(instance),
                ..Self::default()
            };
        }
        self
    }
}

impl Shadows {
    pub(crate) fn stand(&self, branch: BranchId) -> Arc<tokio::sync::Mutex<Stand>> {
        lock(&self.stands).entry(branch).or_default().clone()
    }

    /// Forgets all branches but these.
    pub(crate) fn retain(&self, branches: &[BranchId]) {
        lock(&self.stands).retain(|id, _| branches.contains(id));
    }
}

/// What the archive has for a shadow.
struct Missing {
    history: History,
    /// Those from the first on that may be missing.
    segments: Vec<Segment>,
    /// Number of the first that is; `None` = none.
    first: Option<u64>,
    /// Everything that was committed before this time is in the archive.
    complete_at: Timestamp,
}

impl Control {
    /// Gives a shadow all that the archive has of its parent's history, and returns it as it is then. Its
    /// engine runs afterwards.
    pub(crate) async fn feed_shadow(
        &self,
        stand: &mut Stand,
        seen: &Shadow,
    ) -> Result<Shadow, Fail> {
        let shadow = self.open_shadow(stand, seen).await?;
        let (shadow, endpoint, unclean) = shadow;
        let kind = endpoint.engine.kind;
        let noted = GtidSet::parse(kind, &position(&shadow)?.gtid_set)
            .map_err(|e| PortError::fatal(Refusal::internal(e)))?;
        let binlogs = &self.0.ports.binlogs;
        let held = binlogs.held(&endpoint, &noted, unclean).await?;
        let missing = self.missing(&shadow, &noted, &held).await?;
        let mut then = position(&shadow)?.clone();
        let mut has = held.clone();
        if let Some(first) = missing.first {
            self.room_to_apply().await?;
            let segments = missing.segments.iter().filter(|s| s.number >= first);
            let mut ranges = Archived::new(self, segments.cloned().collect());
            let until = Until::Time(Timestamp::MAX);
            let replayed = tokio::select! {
                replayed = binlogs.replay(&endpoint, &held, &until, &mut ranges) => replayed?,
                // The engine keeps how far it got.
                () = self.0.runner.stop.cancelled() => return Err(stopping().into()),
            };
            has.extend(&replayed.gtids);
            then.file = replayed.file;
            then.offset = replayed.offset;
            tracing::debug!(branch.id = %shadow.branch, transactions = replayed.transactions, "its shadow was given more");
        }
        then.gtid_set = has.to_string();
        let next = next_needed(&missing);
        stand.has = Some(has);
        let (history, now) = (missing.history.id, self.now());
        let amended = self
            .amend_shadow(&shadow, |row| {
                row.position = Some(then);
                row.history = Some(history);
                row.next = next;
                row.complete_at = row.complete_at.max(Some(missing.complete_at));
                row.fed_at = Some(now);
                row.state = ShadowState::Following;
                row.reason = None;
                row.failures = 0;
                row.retry_at = None;
            })
            .await?;
        if shadow.state != ShadowState::Following {
            self.changed();
        }
        amended.ok_or_else(|| gone().into())
    }

    /// Starts the engine of a shadow. `true`: it ended before without having been stopped.
    async fn open_shadow(
        &self,
        stand: &mut Stand,
        seen: &Shadow,
    ) -> Result<(Shadow, Endpoint, bool), Fail> {
        let stand = stand.of(seen.instance);
        let row = self.0.store.read().await?.instance(seen.instance).await?;
        let instance = row.ok_or_else(gone)?;
        let mut slot = self.slot(seen.instance).await;
        let alive = slot.endpoint.is_some() || self.lives(seen.instance).await?;
        let mut unclean = false;
        let mut shadow = seen.clone();
        if !alive {
            // Written down before it can write.
            let amended = self
                .amend_shadow(seen, |row| {
                    unclean = row.opened && !stand.stopped;
                    row.opened = true;
                })
                .await?;
            shadow = amended.ok_or_else(gone)?;
        }
        stand.stopped = false;
        let endpoint = self.start(&mut slot, &instance).await?;
        Ok((shadow, endpoint, unclean))
    }

    /// Stops the engine of a shadow cleanly, where it runs.
    pub(crate) async fn close_shadow(
        &self,
        stand: &mut Stand,
        shadow: &Shadow,
    ) -> Result<(), Fail> {
        let mut slot = self.slot(shadow.instance).await;
        let alive = slot.endpoint.is_some() || self.lives(shadow.instance).await?;
        self.stop(&mut slot, shadow.instance, Stop::Clean).await?;
        stand.of(shadow.instance).stopped |= alive;
        Ok(())
    }

    /// Its engine was stopped, and that is written down.
    pub(crate) async fn rest_shadow(&self, stand: &mut Stand, shadow: &Shadow) -> Result<(), Fail> {
        self.close_shadow(stand, shadow).await?;
        if stand.stopped {
            self.amend_shadow(shadow, |row| row.opened = false).await?;
        }
        self.changed();
        Ok(())
    }

    pub(crate) async fn lives(&self, id: InstanceId) -> Result<bool, Fail> {
        let observed = self.0.ports.instances.observe().await?;
        Ok(observed.iter().any(|o| o.id == id))
    }

    /// Applying makes the pool fuller, and an engine must not meet a full one. When that stays so, the shadow
    /// breaks, and lets go of its room.
    async fn room_to_apply(&self) -> Result<(), Fail> {
        match self.room_for_copy(0).await {
            Err(Fail::Port(full)) => Err(PortError::retry(full.refusal).into()),
            other => other,
        }
    }

    async fn missing(
        &self,
        shadow: &Shadow,
        noted: &GtidSet,
        held: &GtidSet,
    ) -> Result<Missing, Fail> {
        // Known before the archive is looked at: it has what it says.
        let seen = self.0.archives.complete_at(shadow.branch);
        let mut session = self.0.store.read().await?;
        let histories = session.histories(shadow.branch).await?;
        let history = histories
            .into_iter()
            .find(|h| h.ended_at.is_none() && h.volume == shadow.source)
            .ok_or_else(|| {
                // Another one begins as soon as its parent runs.
                PortError::retry(Refusal::unavailable(
                    "its parent's binlog is not being archived",
                ))
            })?;
        // What was noted may have been lost with the machine: then all of it is looked through.
        let all = shadow.history != Some(history.id) || !held.covers(noted);
        let from = if all { 0 } else { shadow.next };
        let segments = session.segments(&history, from).await?;
        drop(session);
        let first = plan_shadow_feed(&history, &segments, held, all)
            .map_err(|why| PortError::fatal(Refusal::unprocessable(why).code(code::SHADOW)))?;
        Ok(Missing {
            complete_at: seen.map_or(history.complete_at, |at| at.max(history.complete_at)),
            history,
            segments,
            first,
        })
    }
}

/// Number of the first segment that may have what was not given yet: where a large transaction is not at
/// its end, that in which it begins.
fn next_needed(missing: &Missing) -> u64 {
    let mark = &missing.history.mark;
    let last = missing.segments.last().map(|s| s.number);
    let behind = last.map_or(missing.history.next, |n| n + 1);
    if mark.settled == mark.offset && behind <= missing.history.next {
        return behind;
    }
    let whole = missing.segments.iter().rfind(|s| s.whole);
    whole.map_or(behind, |s| s.number)
}

fn position(shadow: &Shadow) -> Result<&Position, PortError> {
    shadow
        .position
        .as_ref()
        .ok_or_else(|| PortError::retry(Refusal::unavailable("the shadow is not made yet")))
}

fn gone() -> PortError {
    PortError::retry(Refusal::unavailable(
        "the shadow was taken away, or made again",
    ))
}

fn stopping() -> PortError {
    PortError::retry(Refusal::unavailable("the server is stopping"))
}
