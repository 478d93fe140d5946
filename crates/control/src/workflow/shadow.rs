//! Making of a shadow: fork the parent's latest backup, or copy the parent; open the copy, and learn up to
//! where it goes. What the parent committed since is given to it by the reconciler.

use super::{Run, Step, Work};
use crate::Control;
use crate::fail::Fail;
use offshoot_core::Refusal;
use offshoot_core::backup::{Copied, Method, Position};
use offshoot_core::engine::EngineKind;
use offshoot_core::id::{BackupId, BranchId, InstanceId, VolumeId};
use offshoot_core::instance::{Stop, Wanted};
use offshoot_core::plan::plan_shadow_base;
use offshoot_core::port::PortError;
use offshoot_core::refusal::code;
use offshoot_core::shadow::{Shadow, ShadowState};
use offshoot_core::volume::{Stored, StoredState, VolumeUse};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Kind of the workflow that makes a shadow. Its subject is the instance.
pub(crate) const MAKE_SHADOW: &str = "make_shadow";

/// Until the parent runs and its binlog is archived.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// The volume is to be made.
    Copy(Shadowing),
    /// Its engine is to be started, to recover it and to say up to where it goes, and stopped.
    Open { shadowing: Shadowing, of: ShadowOf },
}

/// A shadow that is being made, with every id it will have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shadowing {
    pub(crate) branch: BranchId,
    pub(crate) volume: VolumeId,
    pub(crate) instance: InstanceId,
}

/// Of what a shadow is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ShadowOf {
    Backup {
        backup: BackupId,
        position: Position,
    },
    Parent(Copied),
}

impl State {
    pub(crate) fn shadowing(&self) -> &Shadowing {
        match self {
            State::Copy(shadowing) | State::Open { shadowing, .. } => shadowing,
        }
    }

    pub(crate) fn step(&self) -> &'static str {
        match self {
            State::Copy(_) => "copy",
            State::Open { .. } => "open",
        }
    }
}

impl Control {
    pub(super) async fn shadow_step(&self, run: &Run, state: State) -> Result<Step, Fail> {
        let Some(shadow) = self.being_made(state.shadowing()).await? else {
            let mut tx = self.0.store.write().await?;
            run.finish(&mut tx).await?;
            tx.commit().await?;
            return Ok(Step::Done);
        };
        match state {
            State::Copy(shadowing) => self.copy_for_shadow(run, &shadow, shadowing).await,
            State::Open { of, .. } => self.open_for_shadow(run, &shadow, of).await,
        }
    }

    /// The shadow, while it is the one that is being made.
    async fn being_made(&self, shadowing: &Shadowing) -> Result<Option<Shadow>, Fail> {
        let mut session = self.0.store.read().await?;
        let branch = session.branch_by_id(shadowing.branch).await?;
        let row = session.shadow(shadowing.branch).await?;
        Ok(row.filter(|s| {
            s.instance == shadowing.instance
                && s.state == ShadowState::Making
                && branch.is_some_and(|b| !b.deleting)
        }))
    }

    async fn copy_for_shadow(
        &self,
        run: &Run,
        shadow: &Shadow,
        shadowing: Shadowing,
    ) -> Result<Step, Fail> {
        if !run.fresh {
            let mut slot = self.slot(shadow.instance).await;
            self.stop(&mut slot, shadow.instance, Stop::Hard).await?;
            let volume = Stored::Volume(shadow.volume);
            self.0.ports.volumes.remove(volume).await?;
        }
        // From here on everything that the parent commits is in its archive.
        let Some(history) = self.archive_now(shadow.branch).await? else {
            return Ok(Step::Wait(LOOK_AGAIN));
        };
        if history.volume != shadow.source {
            // It has another volume since; nothing was copied of the old one.
            self.amend_shadow(shadow, |row| row.source = history.volume)
                .await?;
        }
        let mut session = self.0.store.read().await?;
        let backups = session.backups_of_branch(shadow.branch).await?;
        let segments = session.segments(&history, 0).await?;
        drop(session);
        let base = plan_shadow_base(&backups, &history, &segments)
            .and_then(|base| backups.into_iter().find(|b| b.id == base.backup));
        let of = match base {
            Some(backup) => {
                self.room_for_copy(self.copied_bytes(backup.size)).await?;
                let volumes = &self.0.ports.volumes;
                volumes.fork(backup.snapshot, shadow.volume).await?;
                ShadowOf::Backup {
                    backup: backup.id,
                    position: backup.position.unwrap_or_default(),
                }
            }
            None => ShadowOf::Parent(
                self.copy_directly(shadow.branch, shadow.volume, &())
                    .await?,
            ),
        };
        Ok(Step::Next(Work::MakeShadow(State::Open { shadowing, of })))
    }

    async fn open_for_shadow(
        &self,
        run: &Run,
        shadow: &Shadow,
        of: ShadowOf,
    ) -> Result<Step, Fail> {
        let mut instance = self.instance_to_fill(run, shadow.instance).await?;
        let method = match &of {
            ShadowOf::Backup { .. } => None,
            ShadowOf::Parent(copied) => Some(copied.method),
        };
        instance.copied = method == Some(Method::Frozen);
        let mut slot = self.slot(instance.id).await;
        let start = async { Ok(self.start(&mut slot, &instance).await?) };
        let endpoint = self.beside_reserve(start).await?;
        let position = match &of {
            ShadowOf::Backup { position, .. } => position.clone(),
            ShadowOf::Parent(_) => self.0.ports.instances.position(&endpoint).await?,
        };
        self.stop(&mut slot, instance.id, Stop::Clean).await?;
        drop(slot);
        if method.is_some_and(|m| m != Method::Frozen)
            && instance.engine.kind == EngineKind::Mariadb
            && position.gtid_set.is_empty()
        {
            return Err(without_position().into());
        }
        let now = self.now();
        let mut tx = self.0.store.write().await?;
        run.finish(&mut tx).await?;
        if let Some(mut row) = tx.shadow(shadow.branch).await?
            && row.instance == shadow.instance
        {
            row.state = ShadowState::CatchingUp;
            row.reason = None;
            row.position = Some(position);
            row.made_at = Some(now);
            row.method = method;
            row.backup = match of {
                ShadowOf::Backup { backup, .. } => Some(backup),
                ShadowOf::Parent(_) => None,
            };
            tx.update_shadow(&row, shadow.instance).await?;
            tx.set_volume(shadow.volume, VolumeUse::Work, StoredState::Ready)
                .await?;
            tx.accounts_made(shadow.instance).await?;
            tx.set_wanted(shadow.instance, Wanted::Down).await?;
            if let Some(branch) = tx.branch_by_id(shadow.branch).await? {
                let system = crate::trail::Actor::System;
                self.note_shadow(&mut tx, &branch, &system, "shadow.made", "")
                    .await?;
            }
        }
        tx.commit().await?;
        tracing::info!(branch.id = %shadow.branch, "its shadow is made");
        self.changed();
        self.0.shadows.due.notify_one();
        Ok(Step::Done)
    }

    /// It cannot be made now. It is tried again after a while.
    pub(super) async fn undo_shadow(
        &self,
        run: &Run,
        state: &State,
        fail: &Fail,
    ) -> Result<(), Fail> {
        let shadow = self.being_made(state.shadowing()).await?;
        let mut tx = self.0.store.write().await?;
        run.finish(&mut tx).await?;
        if let Some(shadow) = shadow {
            self.break_shadow(&mut tx, &shadow, &fail.to_string())
                .await?;
        }
        tx.commit().await?;
        self.changed();
        self.tidy_soon();
        Ok(())
    }
}

fn without_position() -> PortError {
    PortError::fatal(
        Refusal::unprocessable(
            "the engine's own hot copy does not say up to where it goes, so nothing can be given to it",
        )
        .code(code::SHADOW)
        .hint("make a backup of the branch while it may stand still: the shadow is made of that then"),
    )
}
