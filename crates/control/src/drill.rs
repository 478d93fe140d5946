//! Restore drills: begun, listed, shown, and what follows from their results.

use crate::Control;
use crate::locate::{LocatedBackup, LocatedDatabase, LocatedDrill};
use crate::once::{Made, Once, gone};
use crate::page::{Listed, Page};
use crate::trail::Actor;
use crate::under_way::Done;
use crate::workflow::{DrillWork, Drilling, Work};
use jiff::Timestamp;
use metrics::{counter, gauge};
use offshoot_core::access::Access;
use offshoot_core::backup::Backup;
use offshoot_core::drill::{Drill, DrillState, Drilled, Outcome};
use offshoot_core::id::{BackupId, BackupPolicyId, DrillId, WorkflowId};
use offshoot_core::instance::{Profile, Purpose};
use offshoot_core::plan::plan_drill;
use offshoot_core::refusal::Refusal;
use offshoot_core::volume::VolumeUse;
use offshoot_store::drill::DrillQuery;
use offshoot_store::{StoreError, Tx};
use std::time::Duration;

/// Drills of a database that are kept, the newest of them: years of weekly ones.
const KEPT: u64 = 500;
const RESULTS: &str = "offshoot_backup_drills_total";

/// Which drills a list holds.
#[derive(Clone, Copy, Debug, Default)]
pub struct DrillFilter {
    pub backup: Option<BackupId>,
    pub state: Option<DrillState>,
}

/// Restores a backup aside and compares. Needs `write_backups`. Refused when the backup did not
/// succeed, or another drill of it is under way. The row is there on return, the drill `pending`
/// until [`wait`].
pub async fn create(control: &Control, at: &LocatedBackup, once: &Once) -> Result<Drill, Refusal> {
    at.within.require(&[Access::WriteBackups])?;
    if let Some(made) = once.made() {
        let id = made.subject.into();
        let found = control.0.store.read().await?.drill(id).await?;
        return found.ok_or_else(|| gone("drill"));
    }
    control.require_space().await?;
    let mut tx = control.0.store.write().await?;
    let row = tx.backup(at.backup.id).await?;
    let backup = row.ok_or_else(|| Refusal::not_found("the backup"))?;
    let actor = Actor::Caller(at.caller());
    let (drill, queued) = control.begin_drill(&mut tx, &backup, None, &actor).await?;
    let made = Made {
        subject: drill.id.into(),
        password: None,
    };
    once.record(control, &mut tx, at.caller(), made).await?;
    tx.commit().await?;
    control.changed();
    control.start_now(&[queued]);
    control.0.runner.due.notify_one();
    Ok(drill)
}

/// Returns when the drill is over, or `timeout` is.
pub async fn wait(control: &Control, id: DrillId, timeout: Duration) -> Result<(), Refusal> {
    control
        .until(timeout, |mut session| async move {
            Ok(session.drill(id).await?.is_none_or(|d| d.state.ended()))
        })
        .await
}

/// Drills of a database, those of backups that are gone included, newest first. Needs `read_backups`
/// or `write_backups`.
pub async fn list(
    control: &Control,
    at: &LocatedDatabase,
    filter: &DrillFilter,
    page: Page,
) -> Result<Listed<Drill>, Refusal> {
    at.require(&[Access::ReadBackups, Access::WriteBackups])?;
    let query = DrillQuery {
        backup: filter.backup,
        state: filter.state,
        offset: page.offset(),
        limit: page.per_page().into(),
    };
    let mut session = control.0.store.read().await?;
    let (items, total) = session.drills(at.database.id, &query).await?;
    Ok(Listed { items, total, page })
}

/// Drills of one backup, newest first.
pub async fn list_of_backup(
    control: &Control,
    at: &LocatedBackup,
    filter: &DrillFilter,
    page: Page,
) -> Result<Listed<Drill>, Refusal> {
    let filter = DrillFilter {
        backup: Some(at.backup.id),
        ..*filter
    };
    list(control, &at.within, &filter, page).await
}

/// As it is now.
pub async fn show(control: &Control, at: &LocatedDrill) -> Result<Drill, Refusal> {
    let found = control.0.store.read().await?.drill(at.drill.id).await?;
    found.ok_or_else(|| Refusal::not_found("the drill"))
}

/// How far its reading is; `None`: nothing is being read.
pub fn done(control: &Control, at: &LocatedDrill) -> Option<Done> {
    control.0.drills_under_way.done(at.drill.id)
}

impl Control {
    /// Puts a drill down, in the transaction of what it belongs to.
    pub(crate) async fn begin_drill(
        &self,
        tx: &mut Tx,
        backup: &Backup,
        policy: Option<BackupPolicyId>,
        actor: &Actor<'_>,
    ) -> Result<(Drill, WorkflowId), Refusal> {
        let under_way = tx.drill_under_way(backup.id).await?.is_some();
        let expected = plan_drill(backup, under_way)?;
        let drill = Drill {
            id: self.id(),
            database_id: backup.database_id,
            branch_id: backup.branch_id,
            branch_name: backup.branch_name.clone(),
            backup_id: backup.id,
            backup_name: backup.name.clone(),
            policy,
            state: DrillState::Pending,
            expected,
            outcome: Outcome::default(),
            actor: actor.name(),
            created_at: self.now(),
            started_at: None,
            completed_at: None,
        };
        let from = Some(backup.snapshot);
        let volume = self.new_volume(self.id(), backup.engine, from, VolumeUse::Work);
        let instance = self.new_instance(
            self.id(),
            volume.id,
            backup.engine,
            Purpose::Prepare,
            Profile::Development,
        );
        tx.insert_volume(&volume).await?;
        tx.insert_instance(&instance).await?;
        tx.insert_drill(&drill).await?;
        tx.forget_old_drills(backup.database_id, KEPT).await?;
        let work = Work::DrillBackup(DrillWork::Copy(Drilling {
            drill: drill.id,
            backup: backup.id,
            snapshot: backup.snapshot,
            volume: volume.id,
            instance: instance.id,
        }));
        let queued = self.enqueue(tx, &work, Duration::ZERO).await?;
        self.note_drill(tx, &drill, actor, "drill.created").await?;
        Ok((drill, queued))
    }

    /// Writes down what a drill came to: at itself, at its backup and branch, and in the audit log.
    pub(crate) async fn conclude_drill(
        &self,
        tx: &mut Tx,
        id: DrillId,
        state: DrillState,
        outcome: &Outcome,
    ) -> Result<(), StoreError> {
        let now = self.now();
        tx.drill_ended(id, state, outcome, now).await?;
        let Some(drill) = tx.drill(id).await? else {
            return Ok(());
        };
        if state != DrillState::Error {
            let drilled = Drilled {
                drill: id,
                backup: drill.backup_id,
                state,
                at: now,
                failure: outcome.failure.clone(),
            };
            tx.set_drilled(drill.branch_id, &drilled).await?;
        }
        let action = match state {
            DrillState::Success => "drill.succeeded",
            DrillState::Failed => "drill.failed",
            _ => "drill.aborted",
        };
        self.note_drill(tx, &drill, &Actor::System, action).await
    }

    /// The result is written down: says it to who watches.
    pub(crate) async fn drill_concluded(
        &self,
        drilling: &Drilling,
        state: DrillState,
        outcome: &Outcome,
    ) {
        counter!(RESULTS, "result" => state.as_str()).increment(1);
        let failure = outcome.failure.as_deref().unwrap_or_default();
        match state {
            DrillState::Success => tracing::info!(
                drill.id = %drilling.drill, backup.id = %drilling.backup,
                restored_in = ?outcome.restored_in.unwrap_or_default(), "a backup was restored and is what it was"
            ),
            DrillState::Failed => tracing::warn!(
                drill.id = %drilling.drill, backup.id = %drilling.backup, %failure,
                "a backup failed its restore drill: make another one, and look at the disk"
            ),
            _ => tracing::warn!(
                drill.id = %drilling.drill, backup.id = %drilling.backup, %failure,
                "a restore drill was not carried out"
            ),
        }
        self.show_drills().await;
    }

    /// Sets the meters that hang on what is kept.
    pub(crate) async fn show_drills(&self) {
        // A meter that is not there yet is not one of nothing.
        for state in [DrillState::Success, DrillState::Failed, DrillState::Error] {
            counter!(RESULTS, "result" => state.as_str()).increment(0);
        }
        let read = async {
            let mut session = self.0.store.read().await?;
            let last = session.last_good_drill().await?;
            let damaged = session.damaged_backups().await?;
            Ok::<_, StoreError>((last, damaged))
        };
        match read.await {
            Ok((last, damaged)) => {
                let damaged = u32::try_from(damaged).unwrap_or(u32::MAX);
                gauge!("offshoot_backups_damaged").set(damaged);
                let last = last.map_or(0, Timestamp::as_second);
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "whole seconds fit for millions of years"
                )]
                gauge!("offshoot_backup_drill_last_success_timestamp_seconds").set(last as f64);
            }
            Err(StoreError::Killed) => {}
            Err(error) => tracing::warn!(%error, "the meters of drills are not set"),
        }
    }

    /// An audit event on a drill, whose subject is its backup.
    async fn note_drill(
        &self,
        tx: &mut Tx,
        drill: &Drill,
        actor: &Actor<'_>,
        action: &str,
    ) -> Result<(), StoreError> {
        let Some(database) = tx.database_by_id(drill.database_id).await? else {
            return Ok(());
        };
        let mut metadata = vec![
            ("database", database.name.as_str()),
            ("branch", drill.branch_name.as_str()),
            ("drill", drill.id.as_str()),
        ];
        if let Some(policy) = &drill.policy {
            metadata.push(("policy", policy.as_str()));
        }
        if let Some(failure) = &drill.outcome.failure {
            metadata.push(("reason", failure));
        }
        let event = self.event(
            database.organization_id,
            actor,
            action,
            (
                "Backup",
                drill.backup_id.as_str(),
                drill.backup_name.as_str(),
            ),
            &metadata,
        );
        tx.insert_audit(&event).await
    }
}
