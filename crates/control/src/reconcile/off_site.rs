//! Off-site copies follow their backups: one that is wanted is made, one whose backup is gone is
//! removed. One thing at a time: each uses the line and the processors by itself.

use crate::Control;
use crate::fail::Fail;
use crate::trail::Actor;
use metrics::{counter, gauge};
use offshoot_core::backup::Backup;
use offshoot_core::id::BackupId;
use offshoot_core::off_site::{BackupCopy, CopyState, Exported, Label, Place};
use offshoot_core::plan::plan_copy_retry;
use offshoot_core::port::{Archive, PortError};
use offshoot_core::refusal::Refusal;
use offshoot_store::{StoreError, Tx};
use std::time::Duration;

/// What a removal left behind is removed after it, at the soonest: each try reads the index of every
/// copy that stays.
const REMOVE_AGAIN: Duration = Duration::from_secs(300);

impl Control {
    /// Removes what is to go and copies what is to be copied, until nothing is left that is due.
    pub(crate) async fn keep_off_site(&self) {
        let Some(archive) = self.0.ports.archive.clone() else {
            return;
        };
        loop {
            let kept = async {
                self.delete_copies(&*archive).await?;
                self.copy_next(&*archive).await
            };
            match kept.await {
                Ok(true) => {}
                Ok(false) => return,
                Err(fail) => return super::report("off-site copies", &fail),
            }
        }
    }

    /// How long the oldest backup that is to be copied has waited for it.
    pub(crate) async fn meter_off_site(&self) {
        let waits = async {
            if self.0.ports.archive.is_none() {
                return Ok(None);
            }
            let mut session = self.0.store.read().await?;
            session
                .waits_for_copy_since(self.0.settings.backups.off_site)
                .await
        };
        let since = waits.await.ok().flatten().unwrap_or_else(|| self.now());
        let lag = Duration::try_from(self.now().duration_since(since)).unwrap_or_default();
        gauge!("offshoot_off_site_lag_seconds").set(lag.as_secs_f64());
    }

    async fn delete_copies(&self, archive: &dyn Archive) -> Result<(), Fail> {
        let now = self.now();
        let due = self.0.store.read().await?.copies_to_delete(now).await?;
        if due.is_empty() {
            return Ok(());
        }
        let (here, elsewhere): (Vec<_>, Vec<_>) =
            due.iter().partition(|copy| copy.place == archive.place());
        for copy in &elsewhere {
            tracing::warn!(backup.id = %copy.backup, store = %copy.place.store, key = %copy.place.key, "the off-site copy of a deleted backup stays: its store and key are not those of today");
        }
        let ids: Vec<BackupId> = here.iter().map(|copy| copy.backup).collect();
        let removed = match ids.is_empty() {
            true => Ok(true),
            false => archive.delete(&ids).await,
        };
        let mut tx = self.0.store.write().await?;
        for copy in &elsewhere {
            tx.delete_backup_copy(copy.backup).await?;
        }
        for copy in here {
            match &removed {
                Ok(true) => tx.delete_backup_copy(copy.backup).await?,
                Ok(false) | Err(_) => {
                    let attempts = copy.attempts.saturating_add(1);
                    let pause = match &removed {
                        Err(error) => plan_copy_retry(attempts, error.retry),
                        Ok(_) => REMOVE_AGAIN,
                    };
                    tx.put_backup_copy(&BackupCopy {
                        attempts,
                        failure: removed.as_ref().err().map(ToString::to_string),
                        retry_at: Some(now.checked_add(pause).unwrap_or(now)),
                        updated_at: now,
                        ..copy.clone()
                    })
                    .await?;
                }
            }
        }
        tx.commit().await?;
        removed.map(drop).map_err(Fail::from)
    }

    /// `false`: there is nothing to copy now.
    async fn copy_next(&self, archive: &dyn Archive) -> Result<bool, Fail> {
        let automatic = self.0.settings.backups.off_site;
        let mut session = self.0.store.read().await?;
        let Some(backup) = session.next_to_copy(automatic, self.now()).await? else {
            return Ok(false);
        };
        drop(session);
        let mut tx = self.0.store.write().await?;
        let Some(backup) = tx.backup(backup.id).await? else {
            return Ok(true);
        };
        let known = tx.backup_copy(backup.id).await?;
        let copy = self.running(backup.id, archive.place(), known);
        let label = label(&mut tx, &backup).await?;
        tx.put_backup_copy(&copy).await?;
        tx.commit().await?;
        self.changed();
        let under_way = self.0.under_way.begin(backup.id);
        let copying = async {
            let label = label.ok_or_else(|| {
                let cause = format!("backup {} does not say what it holds", backup.id);
                PortError::fatal(Refusal::internal(cause))
            })?;
            let counter = &*under_way.counter;
            archive
                .export(backup.id, backup.snapshot, &label, counter)
                .await
        };
        let copied = self.while_wanted(backup.id, copying).await;
        drop(under_way);
        match copied {
            // Deleted meanwhile: what there is of it is removed next.
            Ok(None) => {}
            Ok(Some(exported)) => self.copied(&backup, copy, exported).await?,
            Err(fail) if fail.superseded() => return Err(fail),
            Err(fail) => self.not_copied(&backup, copy, &fail).await?,
        }
        self.changed();
        Ok(true)
    }

    fn running(&self, backup: BackupId, place: Place, known: Option<BackupCopy>) -> BackupCopy {
        let now = self.now();
        BackupCopy {
            backup,
            place,
            state: CopyState::Running,
            bytes: 0,
            stored: 0,
            attempts: known.as_ref().map_or(0, |c| c.attempts),
            failure: None,
            retry_at: None,
            created_at: known.map_or(now, |c| c.created_at),
            updated_at: now,
            exported_at: None,
        }
    }

    async fn copied(
        &self,
        backup: &Backup,
        copy: BackupCopy,
        exported: Exported,
    ) -> Result<(), Fail> {
        let now = self.now();
        let mut tx = self.0.store.write().await?;
        if !still_running(&mut tx, backup.id).await? {
            return Ok(());
        }
        tx.put_backup_copy(&BackupCopy {
            state: CopyState::Exported,
            bytes: exported.bytes,
            stored: exported.stored,
            attempts: 0,
            exported_at: Some(now),
            updated_at: now,
            ..copy
        })
        .await?;
        self.note_backup(&mut tx, backup, &Actor::System, "backup.exported", "")
            .await?;
        tx.commit().await?;
        counter!("offshoot_off_site_copied_bytes_total").increment(exported.bytes);
        counter!("offshoot_off_site_stored_bytes_total").increment(exported.stored);
        tracing::info!(backup.id = %backup.id, bytes = exported.bytes, stored = exported.stored, "copied off-site");
        Ok(())
    }

    async fn not_copied(&self, backup: &Backup, copy: BackupCopy, fail: &Fail) -> Result<(), Fail> {
        counter!("offshoot_off_site_failures_total").increment(1);
        let now = self.now();
        let attempts = copy.attempts.saturating_add(1);
        let pause = plan_copy_retry(attempts, fail.transient());
        let cause = fail.cause().map(tracing::field::display);
        tracing::warn!(backup.id = %backup.id, attempts, error = %fail, cause, ?pause, "not copied off-site; will be tried again");
        let mut tx = self.0.store.write().await?;
        if !still_running(&mut tx, backup.id).await? {
            return Ok(());
        }
        let reason = fail.to_string();
        if attempts == 1 {
            let action = "backup.export_failed";
            self.note_backup(&mut tx, backup, &Actor::System, action, &reason)
                .await?;
        }
        tx.put_backup_copy(&BackupCopy {
            state: CopyState::Failed,
            attempts,
            failure: Some(reason),
            retry_at: Some(now.checked_add(pause).unwrap_or(now)),
            updated_at: now,
            ..copy
        })
        .await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Nobody has said meanwhile that it is to go.
async fn still_running(tx: &mut Tx, backup: BackupId) -> Result<bool, StoreError> {
    let copy = tx.backup_copy(backup).await?;
    Ok(copy.is_some_and(|c| c.state == CopyState::Running))
}

/// What is said of a backup beside its files.
async fn label(tx: &mut Tx, backup: &Backup) -> Result<Option<Label>, StoreError> {
    let Some(database) = tx.database_by_id(backup.database_id).await? else {
        return Ok(None);
    };
    let organization = tx.organization(database.organization_id.as_str()).await?;
    let (Some(organization), Some(examined), Some(verified_at)) =
        (organization, backup.examined.clone(), backup.verified_at)
    else {
        return Ok(None);
    };
    Ok(Some(Label {
        organization: organization.name.to_string(),
        database: database.name.to_string(),
        schema: database.schema_name,
        branch: backup.branch_name.clone(),
        branch_id: backup.branch_id,
        production: backup.production,
        name: backup.name.clone(),
        engine: backup.engine,
        position: backup.position.clone(),
        copied: backup.copied,
        examined,
        size: backup.size,
        created_at: backup.created_at,
        verified_at,
    }))
}
