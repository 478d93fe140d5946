//! Templates: an engine's initialised data directory, and one copy of each parent's schema.

use super::{Run, Step, VERSION, Work};
use crate::Control;
use crate::fail::Fail;
use crate::workflow::create::SETTLE;
use jiff::Timestamp;
use offshoot_core::Refusal;
use offshoot_core::engine::EngineRef;
use offshoot_core::id::{BranchId, InstanceId, SnapshotId, VolumeId, WorkflowId};
use offshoot_core::instance::{
    Accounts, Endpoint, Instance, InstanceSecret, Profile, Purpose, Stop, Wanted,
};
use offshoot_core::port::PortError;
use offshoot_core::template::Template;
use offshoot_core::volume::{Snapshot, Stored, StoredState, Volume, VolumeUse};
use offshoot_schema::port::Fingerprint;
use offshoot_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// An engine's own image.
    Engine {
        engine: EngineRef,
        volume: VolumeId,
        snapshot: SnapshotId,
    },
    Fork(Build),
    Fill(Build),
    /// The volume is whole and its engine stopped. Written down: a snapshot that is there belongs to
    /// these stamps, and to no later ones.
    Cut {
        build: Build,
        fingerprint: String,
    },
}

/// A schema template that is being made, with every id it needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Build {
    pub(crate) parent: BranchId,
    /// The image it starts from: the template it replaces, or the engine's.
    pub(crate) from: SnapshotId,
    pub(crate) volume: VolumeId,
    pub(crate) instance: InstanceId,
    pub(crate) snapshot: SnapshotId,
}

impl State {
    pub(crate) fn subject(&self) -> String {
        match self {
            State::Engine { engine, .. } => engine.to_string(),
            State::Fork(b) | State::Fill(b) | State::Cut { build: b, .. } => b.parent.to_string(),
        }
    }
}

impl Control {
    /// The engine's image; puts its making down when there is none yet.
    pub(crate) async fn engine_image(&self, engine: EngineRef) -> Result<Option<SnapshotId>, Fail> {
        let mut session = self.0.store.read().await?;
        if let Some(template) = session.engine_template(engine).await? {
            return Ok(Some(template.snapshot));
        }
        drop(session);
        if let Some(reason) = self.0.fleet.image_error(engine) {
            return Err(PortError::retry(
                Refusal::unavailable(format!("no data directory of {engine} could be made"))
                    .cause(reason),
            )
            .into());
        }
        let mut tx = self.0.store.write().await?;
        let subject = engine.to_string();
        if tx.workflow_of("make_template", &subject).await?.is_some()
            || tx.engine_template(engine).await?.is_some()
        {
            return Ok(None);
        }
        let (volume, snapshot) = (self.id(), self.id());
        tx.insert_volume(&self.new_volume(volume, engine, None, VolumeUse::Work))
            .await?;
        tx.insert_snapshot(&self.new_snapshot(snapshot, engine))
            .await?;
        let work = Work::MakeTemplate(State::Engine {
            engine,
            volume,
            snapshot,
        });
        let id = self.enqueue(&mut tx, &work, Duration::ZERO).await?;
        tx.commit().await?;
        self.start_now(&[id]);
        self.0.runner.due.notify_one();
        Ok(None)
    }

    /// After a branch was made from `parent`: its template was used, or has to be made or refreshed.
    pub(super) async fn after_use(
        &self,
        tx: &mut Tx,
        parent: BranchId,
        stale: bool,
        now: Timestamp,
    ) -> Result<(), Fail> {
        match tx.schema_template(parent).await? {
            Some(template) => {
                tx.touch_template(template.id, now).await?;
                if stale {
                    self.plan_template(tx, parent, Some(template.snapshot), SETTLE)
                        .await?;
                }
            }
            None => {
                self.plan_template(tx, parent, None, SETTLE).await?;
            }
        }
        Ok(())
    }

    /// Puts the making of a schema template down, unless it is under way. `from`: the one it replaces. One that
    /// need not wait is the caller's to start.
    pub(crate) async fn plan_template(
        &self,
        tx: &mut Tx,
        parent: BranchId,
        from: Option<SnapshotId>,
        after: Duration,
    ) -> Result<Option<WorkflowId>, StoreError> {
        let Some(branch) = tx.branch_by_id(parent).await?.filter(|b| !b.deleting) else {
            return Ok(None);
        };
        if tx
            .workflow_of("make_template", parent.as_str())
            .await?
            .is_some()
        {
            return Ok(None);
        }
        let from = match from {
            Some(from) => Some(from),
            None => tx.engine_template(branch.engine).await?.map(|t| t.snapshot),
        };
        let Some(from) = from else { return Ok(None) };
        let (volume, instance, snapshot) = (self.id(), self.id(), self.id());
        tx.insert_volume(&self.new_volume(volume, branch.engine, Some(from), VolumeUse::Work))
            .await?;
        tx.insert_instance(&self.new_instance(
            instance,
            volume,
            branch.engine,
            Purpose::Template,
            Profile::Development,
        ))
        .await?;
        tx.insert_snapshot(&self.new_snapshot(snapshot, branch.engine))
            .await?;
        let build = Build {
            parent,
            from,
            volume,
            instance,
            snapshot,
        };
        let work = Work::MakeTemplate(State::Fork(build));
        Ok(Some(self.enqueue(tx, &work, after).await?))
    }

    pub(super) async fn template_step(&self, run: &Run, state: State) -> Result<Step, Fail> {
        match state {
            State::Engine {
                engine,
                volume,
                snapshot,
            } => self.make_image(run, engine, volume, snapshot).await,
            State::Fork(build) => {
                if self.creates_under_way() {
                    return Ok(Step::Wait(self.0.settings.limits.quiet));
                }
                self.fork_afresh(run, build.from, build.volume, build.instance)
                    .await?;
                Ok(Step::Next(Work::MakeTemplate(State::Fill(build))))
            }
            State::Fill(build) => self.fill_template(run, build).await,
            State::Cut { build, fingerprint } => self.cut_template(run, build, &fingerprint).await,
        }
    }

    async fn make_image(
        &self,
        run: &Run,
        engine: EngineRef,
        volume: VolumeId,
        snapshot: SnapshotId,
    ) -> Result<Step, Fail> {
        let ports = &self.0.ports;
        ports.volumes.create(volume).await?;
        ports.engines.initialize(engine, volume).await?;
        ports.volumes.snapshot(volume, snapshot).await?;
        let now = self.now();
        let mut tx = self.0.store.write().await?;
        run.finish(&mut tx).await?;
        tx.snapshot_ready(snapshot, None).await?;
        tx.volume_gone(volume).await?;
        tx.put_template(&Template {
            id: self.id(),
            engine,
            parent: None,
            snapshot,
            generation: 1,
            used_at: now,
            created_at: now,
        })
        .await?;
        tx.commit().await?;
        self.tidy_soon();
        self.0.runner.due.notify_one();
        tracing::info!(%engine, "data directory prepared");
        Ok(Step::Done)
    }

    async fn fill_template(&self, run: &Run, build: Build) -> Result<Step, Fail> {
        let instance = self.instance_to_fill(run, build.instance).await?;
        let base = self
            .0
            .store
            .read()
            .await?
            .engine_template(instance.engine)
            .await?;
        let from = (base.map(|t| t.snapshot) != Some(build.from)).then_some(build.from);
        let (endpoint, news) = self.fill(&instance, Some(build.parent), from, "").await?;
        let news =
            news.ok_or_else(|| PortError::fatal(Refusal::internal("a template without a parent")))?;
        let left_out = news.left_out;
        let stamps = self
            .follow_settled(build.parent, &endpoint, news.stamps)
            .await?;
        let mut slot = self.slot(build.instance).await;
        self.stop(&mut slot, build.instance, Stop::Clean).await?;
        drop(slot);
        let fingerprint =
            serde_json::to_string(&stamps).map_err(|e| PortError::fatal(Refusal::internal(e)))?;
        let parent = build.parent;
        let next = Work::MakeTemplate(State::Cut { build, fingerprint });
        let text =
            serde_json::to_string(&next).map_err(|e| PortError::fatal(Refusal::internal(e)))?;
        let mut tx = self.0.store.write().await?;
        tx.advance_workflow(run.id, &run.token, VERSION, &text, self.now())
            .await?;
        // Branches made from it lack them without trying again: the parent is told.
        self.note_left_out(&mut tx, parent, &left_out).await?;
        tx.commit().await?;
        Ok(Step::Next(next))
    }

    /// Follows the parent once more when stamps are too young to be trusted: otherwise the next
    /// branch, for which somebody waits, would have to re-create those objects.
    async fn follow_settled(
        &self,
        parent: BranchId,
        template: &Endpoint,
        stamps: Fingerprint,
    ) -> Result<Fingerprint, Fail> {
        if stamps.settled() {
            return Ok(stamps);
        }
        tokio::time::sleep(self.0.settings.limits.stamps_settle).await;
        let Some(endpoint) = self.0.fleet.endpoint(parent) else {
            return Ok(stamps);
        };
        let news = self.news_since(&endpoint, &stamps).await?;
        if !news.delta.is_empty() {
            self.0.ports.schemas.apply(template, &news.delta).await?;
        }
        Ok(news.stamps)
    }

    async fn cut_template(&self, run: &Run, build: Build, fingerprint: &str) -> Result<Step, Fail> {
        let volumes = &self.0.ports.volumes;
        volumes.snapshot(build.volume, build.snapshot).await?;
        let now = self.now();
        let mut tx = self.0.store.write().await?;
        run.finish(&mut tx).await?;
        let old = tx.schema_template(build.parent).await?;
        let Some(branch) = tx.branch_by_id(build.parent).await?.filter(|b| !b.deleting) else {
            return Err(PortError::fatal(Refusal::not_found("the parent branch")).into());
        };
        tx.snapshot_ready(build.snapshot, Some(fingerprint)).await?;
        tx.put_template(&Template {
            id: self.id(),
            engine: branch.engine,
            parent: Some(build.parent),
            snapshot: build.snapshot,
            generation: old.as_ref().map_or(1, |t| t.generation.saturating_add(1)),
            used_at: old.as_ref().map_or(now, |t| t.used_at),
            created_at: now,
        })
        .await?;
        if let Some(old) = old {
            tx.snapshot_gone(old.snapshot).await?;
        }
        tx.set_schema_updated(build.parent, now).await?;
        tx.set_wanted(build.instance, Wanted::Gone).await?;
        tx.volume_gone(build.volume).await?;
        tx.commit().await?;
        self.tidy_soon();
        tracing::info!(branch.id = %build.parent, "schema template ready");
        Ok(Step::Done)
    }

    pub(super) async fn undo_template(
        &self,
        run: &Run,
        state: &State,
        fail: &Fail,
    ) -> Result<(), Fail> {
        let mut tx = self.0.store.write().await?;
        run.finish(&mut tx).await?;
        self.abandon(&mut tx, state).await?;
        tx.commit().await?;
        if let State::Engine { engine, .. } = state {
            self.0.fleet.set_image_error(*engine, fail.to_string());
        }
        self.tidy_soon();
        Ok(())
    }

    /// What a template's making has of its own is to be removed.
    async fn abandon(&self, tx: &mut Tx, state: &State) -> Result<(), StoreError> {
        match state {
            State::Engine {
                volume, snapshot, ..
            } => {
                tx.volume_gone(*volume).await?;
                tx.snapshot_gone(*snapshot).await
            }
            State::Fork(b) | State::Fill(b) | State::Cut { build: b, .. } => {
                tx.set_wanted(b.instance, Wanted::Gone).await?;
                tx.volume_gone(b.volume).await?;
                tx.snapshot_gone(b.snapshot).await
            }
        }
    }

    /// Gives up a template that is being made of a branch that goes away.
    pub(crate) async fn abandon_template(
        &self,
        tx: &mut Tx,
        parent: BranchId,
    ) -> Result<(), StoreError> {
        let Some(row) = tx.workflow_of("make_template", parent.as_str()).await? else {
            return Ok(());
        };
        match serde_json::from_str(&row.state) {
            Ok(Work::MakeTemplate(state)) => self.abandon(tx, &state).await,
            _ => Ok(()),
        }
    }

    /// The stored form of a snapshot that is going to be made.
    pub(crate) fn new_snapshot(&self, id: SnapshotId, engine: EngineRef) -> Snapshot {
        Snapshot {
            id,
            node: self.0.settings.node,
            pool: self.0.settings.pool,
            engine,
            state: StoredState::Making,
            created_at: self.now(),
        }
    }

    pub(crate) fn new_volume(
        &self,
        id: VolumeId,
        engine: EngineRef,
        snapshot: Option<SnapshotId>,
        purpose: VolumeUse,
    ) -> Volume {
        Volume {
            id,
            node: self.0.settings.node,
            pool: self.0.settings.pool,
            engine,
            snapshot,
            purpose,
            state: StoredState::Making,
            created_at: self.now(),
        }
    }

    /// An instance that is wanted up, with a secret of its own.
    pub(crate) fn new_instance(
        &self,
        id: InstanceId,
        volume: VolumeId,
        engine: EngineRef,
        purpose: Purpose,
        profile: Profile,
    ) -> Instance {
        let mut secret = [0; 32];
        self.0.ports.ids.fill(&mut secret);
        Instance {
            id,
            node: self.0.settings.node,
            pool: self.0.settings.pool,
            volume,
            engine,
            purpose,
            profile,
            wanted: Wanted::Up,
            secret: InstanceSecret::new(secret),
            accounts: Accounts::Anew,
            copied: false,
            quiet: false,
            created_at: self.now(),
        }
    }

    /// A volume that is removed at once, its row after it.
    pub(crate) async fn remove_volume(&self, id: VolumeId) -> Result<(), Fail> {
        self.0.ports.volumes.remove(Stored::Volume(id)).await?;
        let mut tx = self.0.store.write().await?;
        tx.delete_volume(id).await?;
        tx.commit().await?;
        Ok(())
    }
}
