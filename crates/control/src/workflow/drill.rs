//! A restore drill: restore the backup aside, read all of it, compare, and throw it away. Nothing of
//! it is kept, so that a drill that was interrupted begins anew.

use super::{Run, Step, Work};
use crate::Control;
use crate::fail::Fail;
use offshoot_core::drill::{DrillState, Outcome};
use offshoot_core::id::{BackupId, DrillId, InstanceId, SnapshotId, VolumeId};
use offshoot_core::instance::{Stop, Wanted};
use offshoot_core::plan::{compare, verdict};
use offshoot_core::refusal::Refusal;
use offshoot_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::time::Instant;

/// Kind of the workflow that drills a backup.
pub(crate) const DRILL_BACKUP: &str = "drill_backup";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// The backup's image is to be copied.
    Copy(Drilling),
    /// The copy's engine is to be started, and all of it to be read.
    Examine {
        drilling: Drilling,
        /// How long the copy took.
        copied_in: Duration,
    },
}

/// A drill with every id it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Drilling {
    pub(crate) drill: DrillId,
    pub(crate) backup: BackupId,
    pub(crate) snapshot: SnapshotId,
    pub(crate) volume: VolumeId,
    pub(crate) instance: InstanceId,
}

impl State {
    pub(crate) fn drilling(&self) -> &Drilling {
        match self {
            State::Copy(drilling) | State::Examine { drilling, .. } => drilling,
        }
    }

    pub(crate) fn step(&self) -> &'static str {
        match self {
            State::Copy(_) => "copy",
            State::Examine { .. } => "examine",
        }
    }
}

impl Control {
    pub(super) async fn drill_step(&self, run: &Run, state: State) -> Result<Step, Fail> {
        match state {
            State::Copy(drilling) => self.copy_for_drill(run, drilling).await,
            State::Examine {
                drilling,
                copied_in,
            } => self.examine_drilled(run, drilling, copied_in).await,
        }
    }

    async fn copy_for_drill(&self, run: &Run, drilling: Drilling) -> Result<Step, Fail> {
        let mut tx = self.0.store.write().await?;
        tx.drill_started(drilling.drill, self.now()).await?;
        let size = tx.backup(drilling.backup).await?.map_or(0, |b| b.size);
        tx.commit().await?;
        self.changed();
        self.room_for_copy(self.copied_bytes(size)).await?;
        let began = Instant::now();
        self.fork_afresh(run, drilling.snapshot, drilling.volume, drilling.instance)
            .await?;
        Ok(Step::Next(Work::DrillBackup(State::Examine {
            drilling,
            copied_in: began.elapsed(),
        })))
    }

    async fn examine_drilled(
        &self,
        run: &Run,
        drilling: Drilling,
        copied_in: Duration,
    ) -> Result<Step, Fail> {
        let instance = self.instance_to_fill(run, drilling.instance).await?;
        let instances = &self.0.ports.instances;
        let mut slot = self.slot(drilling.instance).await;
        // Waiting for memory is no part of restoring.
        self.admit(&instance).await?;
        let began = Instant::now();
        let under_way = self.0.drills_under_way.begin(drilling.drill);
        let examine = async {
            let endpoint = self.start(&mut slot, &instance).await?;
            let restored_in = copied_in.saturating_add(began.elapsed());
            let counter = &*under_way.counter;
            Ok((restored_in, instances.examine(&endpoint, counter).await?))
        };
        let (restored_in, found) = self.beside_reserve(examine).await?;
        self.stop(&mut slot, drilling.instance, Stop::Hard).await?;
        drop(slot);
        let Some(drill) = self.0.store.read().await?.drill(drilling.drill).await? else {
            return Err(StoreError::Fenced.into());
        };
        let (state, outcome) = compare(&drill.expected, found, restored_in);
        self.end_drill(run, &drilling, state, outcome).await?;
        Ok(Step::Done)
    }

    /// The drill did not come to its end: that may be the backup's fault.
    pub(super) async fn undo_drill(
        &self,
        run: &Run,
        state: &State,
        fail: &Fail,
    ) -> Result<(), Fail> {
        let copied = matches!(state, State::Examine { .. });
        let verdict = match fail {
            Fail::Port(error) => verdict(error.refusal.code, copied),
            Fail::Store(_) => DrillState::Error,
        };
        let outcome = Outcome {
            failure: Some(fail.to_string()),
            ..Outcome::default()
        };
        self.end_drill(run, state.drilling(), verdict, outcome)
            .await
    }

    async fn end_drill(
        &self,
        run: &Run,
        drilling: &Drilling,
        state: DrillState,
        outcome: Outcome,
    ) -> Result<(), Fail> {
        let mut tx = self.0.store.write().await?;
        run.finish(&mut tx).await?;
        self.abandon_drilling(&mut tx, drilling).await?;
        self.conclude_drill(&mut tx, drilling.drill, state, &outcome)
            .await?;
        tx.commit().await?;
        self.changed();
        self.tidy_soon();
        self.drill_concluded(drilling, state, &outcome).await;
        Ok(())
    }

    /// Lets go of what a drill has in the pool.
    async fn abandon_drilling(&self, tx: &mut Tx, drilling: &Drilling) -> Result<(), StoreError> {
        tx.set_wanted(drilling.instance, Wanted::Gone).await?;
        tx.volume_gone(drilling.volume).await
    }

    /// Ends the drill of a backup that goes away.
    pub(crate) async fn abandon_drill(
        &self,
        tx: &mut Tx,
        backup: BackupId,
    ) -> Result<(), StoreError> {
        let subject = backup.as_str();
        let Some(row) = tx.workflow_of(DRILL_BACKUP, subject).await? else {
            return Ok(());
        };
        tx.cancel_workflow(DRILL_BACKUP, subject).await?;
        let Ok(Work::DrillBackup(state)) = serde_json::from_str(&row.state) else {
            return Ok(());
        };
        let drilling = state.drilling();
        self.abandon_drilling(tx, drilling).await?;
        let outcome = Outcome {
            failure: Some(Refusal::not_found("the backup").to_string()),
            ..Outcome::default()
        };
        self.conclude_drill(tx, drilling.drill, DrillState::Error, &outcome)
            .await
    }
}
