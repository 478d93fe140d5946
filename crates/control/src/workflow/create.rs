//! Create and reset of a branch: fork a volume, start its engine, bring the parent's schema in, or
//! carry seed rules out on its data, publish. Three states, of which only the first is written down on the good day: each commit
//! costs an fsync while somebody waits, and every step before the last can be done again.

use super::fill::Filling;
use super::{Run, Step, Work};
use crate::Control;
use crate::binlog::Replaying;
use crate::fail::Fail;
use crate::seed_rules::{Holding, Passed};
use crate::shadow::Taken;
use crate::trail::Actor;
use jiff::Timestamp;
use offshoot_core::Refusal;
use offshoot_core::backup::{Method, Position};
use offshoot_core::branch::{Branch, BranchState};
use offshoot_core::gtid::GtidSet;
use offshoot_core::id::BranchId;
use offshoot_core::instance::{Accounts, Endpoint, Instance, Stop};
use offshoot_core::plan::Source;
use offshoot_core::port::PortError;
use offshoot_core::volume::{Stored, StoredState, VolumeUse};
use offshoot_core::webhook::EventName;
use offshoot_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use std::sync::atomic::Ordering;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// The volume is to be made.
    Fork(Filling),
    /// The engine is to be started and to follow the parent.
    Fill(Filling),
    /// The volume is a copy of the parent: its engine is to recover it.
    Recover {
        filling: Filling,
        #[serde(flatten)]
        taken: Box<Taken>,
    },
}

impl State {
    pub(crate) fn step(&self) -> &'static str {
        match self {
            State::Fork(_) => "fork",
            State::Fill(_) => "fill",
            State::Recover { .. } => "recover",
        }
    }

    pub(crate) fn filling(&self) -> &Filling {
        match self {
            State::Fork(f) | State::Fill(f) | State::Recover { filling: f, .. } => f,
        }
    }
}

/// Pause before looking again for a parent or an engine's image that is being made.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// A template is refreshed this long after a change was seen: engines stamp in whole seconds, and
/// changes come in bursts.
pub(crate) const SETTLE: Duration = Duration::from_secs(2);

impl Control {
    pub(super) async fn create_step(
        &self,
        run: &Run,
        state: State,
        wrap: fn(State) -> Work,
    ) -> Result<Step, Fail> {
        self.0.creating.fetch_add(1, Ordering::SeqCst);
        let result = match state {
            State::Fork(filling) if filling.source == Source::Live => {
                self.copy_parent(run, filling, wrap).await
            }
            State::Fork(filling) => self.fork_branch(run, filling, wrap).await,
            State::Fill(filling) if filling.source.data() => {
                self.open_data(run, &filling, None).await
            }
            State::Recover { filling, taken } => self.open_data(run, &filling, Some(*taken)).await,
            State::Fill(filling) => self.fill_branch(run, &filling).await,
        };
        self.0
            .created_at
            .store(self.now().as_microsecond(), Ordering::SeqCst);
        self.0.creating.fetch_sub(1, Ordering::SeqCst);
        result
    }

    async fn fork_branch(
        &self,
        run: &Run,
        filling: Filling,
        wrap: fn(State) -> Work,
    ) -> Result<Step, Fail> {
        if let Some(parent) = filling.parent
            && self.0.fleet.endpoint(parent).is_none()
            && let Some(row) = self.0.store.read().await?.branch_by_id(parent).await?
            && row.state == BranchState::Pending
        {
            return Ok(Step::Wait(LOOK_AGAIN));
        }
        let prepared = matches!(filling.source, Source::Spare(_) | Source::Warm(_));
        if !(prepared && run.fresh) {
            let snapshot = match filling.source.snapshot() {
                Some(snapshot) => snapshot,
                None => match self.engine_image(filling.engine).await? {
                    Some(snapshot) => snapshot,
                    None => return Ok(Step::Wait(LOOK_AGAIN)),
                },
            };
            if filling.source.data() {
                self.room_for_backup(filling.branch).await?;
            }
            self.fork_afresh(run, snapshot, filling.volume, filling.instance)
                .await?;
        }
        Ok(Step::Next(wrap(State::Fill(filling))))
    }

    /// There is room for a copy of the backup that the branch is made of.
    async fn room_for_backup(&self, branch: BranchId) -> Result<(), Fail> {
        let mut session = self.0.store.read().await?;
        let detail = session.branch_detail(branch).await?;
        let size = match detail.and_then(|d| d.origin?.backup) {
            Some(id) => session.backup(id).await?.map_or(0, |b| b.size),
            None => 0,
        };
        drop(session);
        self.room_for_copy(self.copied_bytes(size)).await
    }

    /// Copies the parent as it is. Repeated after an interruption: what the first copy held is gone.
    async fn copy_parent(
        &self,
        run: &Run,
        filling: Filling,
        wrap: fn(State) -> Work,
    ) -> Result<Step, Fail> {
        let parent = filling
            .parent
            .ok_or_else(|| PortError::fatal(Refusal::internal("a live branch without a parent")))?;
        let row = self.0.store.read().await?.branch_by_id(parent).await?;
        if row.is_some_and(|b| b.state == BranchState::Pending && !b.deleting) {
            return Ok(Step::Wait(LOOK_AGAIN));
        }
        if !run.fresh {
            let mut slot = self.slot(filling.instance).await;
            self.stop(&mut slot, filling.instance, Stop::Hard).await?;
            let volume = Stored::Volume(filling.volume);
            self.0.ports.volumes.remove(volume).await?;
        }
        let taken = self.copy_branch(parent, filling.volume, &()).await?;
        Ok(Step::Next(wrap(State::Recover {
            filling,
            taken: Box::new(taken),
        })))
    }

    /// Starts the engine on a volume that has data, and publishes. `taken`: it is a copy of the parent, with
    /// the history that its own engine tells unless it is known; else it is a backup's, with the backup's.
    async fn open_data(
        &self,
        run: &Run,
        filling: &Filling,
        taken: Option<Taken>,
    ) -> Result<Step, Fail> {
        let copied = taken.as_ref().map(|t| t.copied);
        let mut instance = self.instance_to_fill(run, filling.instance).await?;
        instance.copied = copied.is_some_and(|c| c.method == Method::Frozen);
        let rules = self.rules_for_branch(filling.branch).await?;
        // Events would do their work on rows that are not masked yet.
        instance.quiet = rules.is_some();
        let mut slot = self.slot(instance.id).await;
        let start = async { Ok(self.start(&mut slot, &instance).await?) };
        let mut endpoint = self.beside_reserve(start).await?;
        drop(slot);
        let position = match (taken, &filling.replay) {
            (Some(taken), _) => match taken.position {
                Some(position) => Some(position),
                None => Some(self.0.ports.instances.position(&endpoint).await?),
            },
            (None, Some(replay)) => match self.replay(&endpoint, filling, replay).await? {
                Some(position) => Some(position),
                None => return Ok(Step::Wait(Duration::ZERO)),
            },
            (None, None) => None,
        };
        let passed = match &rules {
            Some(rules) => {
                let passing = self.pass_rules(filling, &instance, &endpoint, rules);
                let passed = tokio::select! {
                    passed = passing => passed?,
                    // The next process begins with another copy.
                    () = self.0.runner.stop.cancelled() => return Ok(Step::Wait(Duration::ZERO)),
                };
                if let Some(restarted) = passed.1 {
                    endpoint = restarted;
                }
                Some(passed.0)
            }
            None => None,
        };
        let now = self.now();
        let mut tx = self.0.store.write().await?;
        run.finish(&mut tx).await?;
        if let Some(passed) = passed {
            self.note_passed(&mut tx, filling.branch, &passed).await?;
        }
        if let Some(found) = tx.branch_detail(filling.branch).await?
            && let Some(mut origin) = found.origin
            && position.is_some()
        {
            origin.copied = copied.or(origin.copied);
            origin.position = position;
            tx.set_origin(filling.branch, found.branch.seed, Some(&origin))
                .await?;
        }
        self.publish(&mut tx, filling, now).await?;
        let branch = tx.branch_by_id(filling.branch).await?;
        tx.commit().await?;
        self.published(branch, endpoint);
        Ok(Step::Done)
    }

    /// Carries the database's seed rules out in the new engine. With the endpoint of an engine that was started anew, with its events.
    async fn pass_rules(
        &self,
        filling: &Filling,
        instance: &Instance,
        endpoint: &Endpoint,
        rules: &Holding,
    ) -> Result<(Passed, Option<Endpoint>), Fail> {
        let applied = self.apply_seed_rules(filling.branch, endpoint, rules).await;
        let passed = match applied {
            Ok(passed) => passed,
            Err(fail) => {
                self.discard_unmasked(instance, &fail).await?;
                return Err(fail);
            }
        };
        if !self.events(instance).await {
            return Ok((passed, None));
        }
        let mut slot = self.slot(instance.id).await;
        self.stop(&mut slot, instance.id, Stop::Clean).await?;
        let again = Instance {
            accounts: Accounts::Keep,
            copied: false,
            quiet: false,
            ..instance.clone()
        };
        let endpoint = self.start(&mut slot, &again).await?;
        Ok((passed, Some(endpoint)))
    }

    /// Writes down with which rules the branch was made.
    async fn note_passed(&self, tx: &mut Tx, id: BranchId, passed: &Passed) -> Result<(), Fail> {
        let seeded = passed.seeded;
        tx.set_seeded(id, Some(&seeded)).await?;
        self.note_left_out(tx, id, &passed.left_out).await?;
        let Some(branch) = tx.branch_by_id(id).await? else {
            return Ok(());
        };
        let Some(database) = tx.database_by_id(branch.database_id).await? else {
            return Ok(());
        };
        let event = self.event(
            database.organization_id,
            &Actor::System,
            "branch.seed_rules_applied",
            ("Branch", id.as_str(), branch.name.as_str()),
            &[
                ("database", database.name.as_str()),
                ("version", &seeded.version.to_string()),
                ("rows_removed", &seeded.removed.to_string()),
                ("rows_masked", &seeded.masked.to_string()),
            ],
        );
        tx.insert_audit(&event).await?;
        Ok(())
    }

    /// Gives the engine the history of the parent from the backup on, up to the moment that was asked for.
    /// `None`: this process ends before that is done.
    async fn replay(
        &self,
        endpoint: &Endpoint,
        filling: &Filling,
        replay: &Replaying,
    ) -> Result<Option<Position>, Fail> {
        let kind = filling.engine.kind;
        let from = GtidSet::parse(kind, &replay.from)
            .map_err(|e| PortError::fatal(Refusal::internal(e)))?;
        let until = replay.until.until(kind).map_err(PortError::fatal)?;
        let mut ranges = self.archived(replay).await?;
        let binlogs = &self.0.ports.binlogs;
        let replayed = tokio::select! {
            replayed = binlogs.replay(endpoint, &from, &until, &mut ranges) => replayed?,
            () = self.0.runner.stop.cancelled() => return Ok(None),
        };
        tracing::info!(
            branch.id = %filling.branch, transactions = replayed.transactions,
            until = %replay.until, "history replayed"
        );
        Ok(Some(Position {
            gtid_set: replayed.gtids.to_string(),
            file: replayed.file,
            offset: replayed.offset,
        }))
    }

    /// The branch's volume, accounts and schema are there.
    async fn publish(
        &self,
        tx: &mut Tx,
        filling: &Filling,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        tx.set_volume(filling.volume, VolumeUse::Branch, StoredState::Ready)
            .await?;
        tx.accounts_made(filling.instance).await?;
        tx.set_branch_state(filling.branch, BranchState::Ready, None)
            .await?;
        self.tell_branch(tx, filling.branch, EventName::READY, now)
            .await?;
        tx.set_schema_updated(filling.branch, now).await
    }

    fn published(&self, branch: Option<Branch>, endpoint: Endpoint) {
        if let Some(branch) = branch {
            self.assigned(branch.instance, branch.id);
            self.serve(&branch, endpoint);
            tracing::info!(branch.id = %branch.id, "ready");
        }
        self.tidy_soon();
    }

    async fn fill_branch(&self, run: &Run, filling: &Filling) -> Result<Step, Fail> {
        let instance = self.instance_to_fill(run, filling.instance).await?;
        let (endpoint, news) = self
            .fill(
                &instance,
                filling.parent,
                filling.source.snapshot(),
                &filling.schema,
            )
            .await?;
        let stale = news.as_ref().is_some_and(|n| !n.delta.is_empty());
        let left_out = news.map(|n| n.left_out).unwrap_or_default();
        let now = self.now();
        let mut tx = self.0.store.write().await?;
        run.finish(&mut tx).await?;
        self.publish(&mut tx, filling, now).await?;
        if let Some(parent) = filling.parent {
            self.after_use(&mut tx, parent, stale, now).await?;
        }
        self.note_left_out(&mut tx, filling.branch, &left_out)
            .await?;
        let branch = tx.branch_by_id(filling.branch).await?;
        tx.commit().await?;
        self.published(branch, endpoint);
        Ok(Step::Done)
    }

    /// The branch cannot be made: says so in the audit log, and deletes what there is of it.
    pub(super) async fn undo_create(
        &self,
        run: &Run,
        state: &State,
        fail: &Fail,
    ) -> Result<(), Fail> {
        let mut tx = self.0.store.write().await?;
        run.finish(&mut tx).await?;
        let id = state.filling().branch;
        let Some(branch) = tx.branch_by_id(id).await? else {
            return Ok(tx.commit().await?);
        };
        let Some(database) = tx.database_by_id(branch.database_id).await? else {
            return Ok(tx.commit().await?);
        };
        let event = self.event(
            database.organization_id,
            &Actor::System,
            "branch.failed",
            ("Branch", id.as_str(), branch.name.as_str()),
            &[("reason", &fail.to_string()), ("code", fail.code())],
        );
        tx.insert_audit(&event).await?;
        let queued = if database.default_branch == id && !database.deleting {
            self.doom_database(&mut tx, &database).await?
        } else {
            self.doom_branches(&mut tx, &[id]).await?
        };
        tx.commit().await?;
        self.start_now(&queued);
        self.0.runner.due.notify_one();
        Ok(())
    }
}
