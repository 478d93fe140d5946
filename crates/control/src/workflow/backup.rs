//! Making of a backup: copy the branch, or fetch an off-site copy; recover and check the copy aside;
//! keep it.

use super::{Run, Step, VERSION, Work};
use crate::Control;
use crate::fail::Fail;
use crate::off_site::differs;
use crate::trail::Actor;
use offshoot_core::Refusal;
use offshoot_core::backup::{Backup, Copied, Examined, Method, Position};
use offshoot_core::id::{BackupId, BranchId, InstanceId, SnapshotId, VolumeId};
use offshoot_core::instance::{Stop, Wanted};
use offshoot_core::port::PortError;
use offshoot_core::volume::Stored;
use offshoot_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Kind of the workflow that makes a backup.
pub(crate) const MAKE_BACKUP: &str = "make_backup";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// The branch is to be copied.
    Copy(Making),
    /// The copy is to be recovered, read in full, and shut down.
    Check {
        making: Making,
        copied: Copied,
        /// What the copy has, where its engine need not be asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        position: Option<Position>,
    },
    /// The volume is whole and its engine stopped. Written down: once it has become the snapshot,
    /// there is no volume to look at again.
    Keep {
        making: Making,
        position: Position,
        examined: Examined,
        /// Bytes.
        size: u64,
    },
    /// The off-site copy of another backup is to be fetched.
    Fetch { making: Making, source: Fetched },
    /// It was fetched: it is to be read in full, and to hold what its backup held.
    Compare { making: Making, source: Fetched },
}

/// The off-site copy that a backup is made of, with what was said of its backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fetched {
    pub(crate) copy: BackupId,
    /// Up to where it has its branch's history; `None`: it is not this branch's.
    pub(crate) position: Option<Position>,
    pub(crate) examined: Examined,
}

/// Until another copy has been fetched.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// A backup that is being made, with every id it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Making {
    pub(crate) backup: BackupId,
    pub(crate) branch: BranchId,
    pub(crate) volume: VolumeId,
    pub(crate) instance: InstanceId,
    pub(crate) snapshot: SnapshotId,
}

impl State {
    pub(crate) fn making(&self) -> &Making {
        match self {
            State::Copy(making)
            | State::Check { making, .. }
            | State::Keep { making, .. }
            | State::Fetch { making, .. }
            | State::Compare { making, .. } => making,
        }
    }

    pub(crate) fn step(&self) -> &'static str {
        match self {
            State::Copy(_) => "copy",
            State::Check { .. } => "check",
            State::Keep { .. } => "keep",
            State::Fetch { .. } => "fetch",
            State::Compare { .. } => "compare",
        }
    }
}

impl Control {
    pub(super) async fn backup_step(&self, run: &Run, state: State) -> Result<Step, Fail> {
        match state {
            State::Copy(making) => self.copy_for_backup(run, making).await,
            State::Check {
                making,
                copied,
                position,
            } => {
                let frozen = copied.method == Method::Frozen;
                self.check_backup(run, making, frozen, position, None).await
            }
            State::Fetch { making, source } => self.fetch_for_backup(run, making, source).await,
            State::Compare { making, source } => {
                self.check_backup(run, making, false, None, Some(source))
                    .await
            }
            State::Keep {
                making,
                position,
                examined,
                size,
            } => {
                self.keep_backup(run, making, &position, &examined, size)
                    .await
            }
        }
    }

    async fn copy_for_backup(&self, run: &Run, making: Making) -> Result<Step, Fail> {
        if !run.fresh {
            let volume = Stored::Volume(making.volume);
            self.0.ports.volumes.remove(volume).await?;
        }
        let under_way = self.0.under_way.begin(making.backup);
        let taken = self
            .copy_branch(making.branch, making.volume, &*under_way.counter)
            .await?;
        drop(under_way);
        let copied = taken.copied;
        let next = Work::MakeBackup(State::Check {
            making,
            copied,
            position: taken.position,
        });
        let now = self.now();
        let mut tx = self.0.store.write().await?;
        self.advance(&mut tx, run, &next).await?;
        tx.backup_copied(making.backup, &copied, now).await?;
        tx.commit().await?;
        self.changed();
        Ok(Step::Next(next))
    }

    /// Begins anew each time: nobody knows what an earlier try left in the volume.
    async fn fetch_for_backup(
        &self,
        run: &Run,
        making: Making,
        source: Fetched,
    ) -> Result<Step, Fail> {
        let Ok(_turn) = self.0.off_site.fetching.try_lock() else {
            return Ok(Step::Wait(LOOK_AGAIN));
        };
        let archive = self.archive().map_err(PortError::fatal)?;
        let volumes = &self.0.ports.volumes;
        volumes.remove(Stored::Volume(making.volume)).await?;
        volumes.create(making.volume).await?;
        let under_way = self.0.under_way.begin(making.backup);
        let fetching = archive.import(source.copy, making.volume, &*under_way.counter);
        let fetching = self.while_wanted(making.backup, fetching);
        tokio::select! {
            fetched = self.beside_reserve(fetching) => {
                // Deleted meanwhile, and this workflow with it.
                fetched?.ok_or(StoreError::Fenced)?;
            }
            () = self.0.runner.stop.cancelled() => return Ok(Step::Wait(Duration::ZERO)),
        }
        drop(under_way);
        let next = Work::MakeBackup(State::Compare { making, source });
        let now = self.now();
        let mut tx = self.0.store.write().await?;
        self.advance(&mut tx, run, &next).await?;
        tx.backup_fetched(making.backup, now).await?;
        tx.commit().await?;
        self.changed();
        Ok(Step::Next(next))
    }

    /// `frozen`: its engine ran when it was copied, and its binlog is in the volume. `known`: what it has,
    /// where its engine need not be asked. `source`: what it has to be.
    async fn check_backup(
        &self,
        run: &Run,
        making: Making,
        frozen: bool,
        known: Option<Position>,
        source: Option<Fetched>,
    ) -> Result<Step, Fail> {
        let mut instance = self.instance_to_fill(run, making.instance).await?;
        // Repeated after a crash in between as well: the binlog is in the volume until this step is over.
        instance.copied = frozen;
        let instances = &self.0.ports.instances;
        let mut slot = self.slot(making.instance).await;
        let under_way = self.0.under_way.begin(making.backup);
        let check = async {
            let endpoint = self.start(&mut slot, &instance).await?;
            let position = match known {
                Some(position) => position,
                None => instances.position(&endpoint).await?,
            };
            let examined = instances.examine(&endpoint, &*under_way.counter).await?;
            Ok((position, examined))
        };
        let (mut position, examined) = self.beside_reserve(check).await?;
        drop(under_way);
        self.stop(&mut slot, making.instance, Stop::Clean).await?;
        drop(slot);
        if let Some(source) = source {
            if examined != source.examined {
                return Err(differs(source.copy).into());
            }
            // What the engine says now may come from its start here.
            position = source.position.unwrap_or_default();
        }
        let size = self.0.ports.volumes.usage(making.volume).await?.allocated;
        let next = Work::MakeBackup(State::Keep {
            making,
            position,
            examined,
            size,
        });
        let mut tx = self.0.store.write().await?;
        self.advance(&mut tx, run, &next).await?;
        tx.commit().await?;
        Ok(Step::Next(next))
    }

    async fn keep_backup(
        &self,
        run: &Run,
        making: Making,
        position: &Position,
        examined: &Examined,
        size: u64,
    ) -> Result<Step, Fail> {
        self.0
            .ports
            .volumes
            .keep(making.volume, making.snapshot)
            .await?;
        let now = self.now();
        let mut tx = self.0.store.write().await?;
        run.finish(&mut tx).await?;
        tx.snapshot_ready(making.snapshot, None).await?;
        tx.set_wanted(making.instance, Wanted::Gone).await?;
        tx.volume_gone(making.volume).await?;
        tx.backup_succeeded(making.backup, position, examined, size, now)
            .await?;
        if let Some(backup) = tx.backup(making.backup).await? {
            self.note_backup(&mut tx, &backup, &Actor::System, "backup.succeeded", "")
                .await?;
        }
        tx.commit().await?;
        self.changed();
        self.tidy_soon();
        tracing::info!(backup.id = %making.backup, branch.id = %making.branch, tables = examined.tables, rows = examined.rows, "backup verified");
        Ok(Step::Done)
    }

    /// The backup cannot be made: it keeps its reason, and nothing else.
    pub(super) async fn undo_backup(
        &self,
        run: &Run,
        state: &State,
        fail: &Fail,
    ) -> Result<(), Fail> {
        let reason = fail.to_string();
        let mut tx = self.0.store.write().await?;
        run.finish(&mut tx).await?;
        self.abandon_making(&mut tx, state.making()).await?;
        let id = state.making().backup;
        tx.backup_failed(id, &reason, self.now()).await?;
        if let Some(backup) = tx.backup(id).await? {
            self.note_backup(&mut tx, &backup, &Actor::System, "backup.failed", &reason)
                .await?;
        }
        tx.commit().await?;
        self.changed();
        self.tidy_soon();
        Ok(())
    }

    async fn abandon_making(&self, tx: &mut Tx, making: &Making) -> Result<(), StoreError> {
        tx.set_wanted(making.instance, Wanted::Gone).await?;
        tx.volume_gone(making.volume).await?;
        tx.snapshot_gone(making.snapshot).await
    }

    /// Lets go of all that a backup has in the pool and off-site, also of one that is being made.
    pub(crate) async fn abandon_backup(
        &self,
        tx: &mut Tx,
        backup: &Backup,
    ) -> Result<(), StoreError> {
        let subject = backup.id.as_str();
        if let Some(row) = tx.workflow_of(MAKE_BACKUP, subject).await? {
            if let Ok(Work::MakeBackup(state)) = serde_json::from_str(&row.state) {
                self.abandon_making(tx, state.making()).await?;
            }
            tx.cancel_workflow(MAKE_BACKUP, subject).await?;
        }
        self.abandon_drill(tx, backup.id).await?;
        self.abandon_copy(tx, backup.id).await?;
        tx.snapshot_gone(backup.snapshot).await
    }

    /// Writes the state down that a run has reached.
    async fn advance(&self, tx: &mut Tx, run: &Run, next: &Work) -> Result<(), Fail> {
        let text =
            serde_json::to_string(next).map_err(|e| PortError::fatal(Refusal::internal(e)))?;
        tx.advance_workflow(run.id, &run.token, VERSION, &text, self.now())
            .await?;
        Ok(())
    }
}
