//! Off-site copies of backups: how far each is.

use crate::error::StoreResult;
use crate::row::{
    corrupt, count, micros, opt_micros, opt_text, opt_time, parsed, signed, text, time,
};
use crate::session::{Session, Tx};
use jiff::Timestamp;
use offshoot_core::backup::Backup;
use offshoot_core::id::BackupId;
use offshoot_core::off_site::{Automatic, BackupCopy, CopyState, Place};
use sqlx::sqlite::SqliteRow;
use std::collections::HashSet;

fn from_row(row: &SqliteRow) -> StoreResult<BackupCopy> {
    let state = text(row, "state")?;
    Ok(BackupCopy {
        backup: parsed(row, "backup_id")?,
        place: Place {
            store: text(row, "store")?,
            key: text(row, "key_id")?,
        },
        state: CopyState::ALL
            .into_iter()
            .find(|s| s.as_str() == state)
            .ok_or_else(|| corrupt("state"))?,
        bytes: count(row, "bytes")?,
        stored: count(row, "stored")?,
        attempts: u32::try_from(count(row, "attempts")?).unwrap_or(u32::MAX),
        failure: opt_text(row, "failure")?,
        retry_at: opt_time(row, "retry_at")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
        exported_at: opt_time(row, "exported_at")?,
    })
}

/// Good backups `b` with their copies `c` that have, or are to have, one, which is not made yet.
/// `$1`: all of them are copied unasked, `$2`: those of production branches are.
macro_rules! wanted {
    ($what:literal, $more:literal) => {
        concat!(
            "SELECT ",
            $what,
            " FROM backups b LEFT JOIN off_site_copies c ON c.backup_id = b.id \
             WHERE b.state = 'success' AND (c.state IN ('pending', 'running', 'failed') OR \
             (c.backup_id IS NULL AND b.damaged = FALSE AND b.imported_from IS NULL AND \
             ($1 = TRUE OR ($2 = TRUE AND b.production = TRUE))))",
            $more
        )
    };
}

/// For [`wanted`].
fn flags(automatic: Automatic) -> (bool, bool) {
    (automatic.takes(false), automatic.takes(true))
}

impl Session {
    /// What is known of a backup's copy; one that is being removed included.
    pub async fn backup_copy(&mut self, backup: BackupId) -> StoreResult<Option<BackupCopy>> {
        sqlx::query("SELECT * FROM off_site_copies WHERE backup_id = $1")
            .bind(backup.as_str())
            .fetch_optional(self.db())
            .await?
            .map(|r| from_row(&r))
            .transpose()
    }

    /// Every copy that something is known of, oldest first.
    pub async fn backup_copies(&mut self) -> StoreResult<Vec<BackupCopy>> {
        sqlx::query("SELECT * FROM off_site_copies ORDER BY created_at, backup_id")
            .fetch_all(self.db())
            .await?
            .iter()
            .map(from_row)
            .collect()
    }

    /// Backups whose copies are whole.
    pub async fn backups_off_site(&mut self) -> StoreResult<HashSet<BackupId>> {
        sqlx::query("SELECT backup_id FROM off_site_copies WHERE state = 'exported'")
            .fetch_all(self.db())
            .await?
            .iter()
            .map(|r| parsed(r, "backup_id"))
            .collect()
    }

    /// The backup that is to be copied next: one that was asked for, else the newest.
    pub async fn next_to_copy(
        &mut self,
        automatic: Automatic,
        now: Timestamp,
    ) -> StoreResult<Option<Backup>> {
        let (all, production) = flags(automatic);
        sqlx::query(wanted!(
            "b.*",
            " AND (c.retry_at IS NULL OR c.retry_at <= $3) ORDER BY \
             CASE WHEN c.state = 'pending' THEN 0 ELSE 1 END, b.created_at DESC, b.id DESC LIMIT 1"
        ))
        .bind(all)
        .bind(production)
        .bind(micros(now))
        .fetch_optional(self.db())
        .await?
        .map(|r| crate::backup::from_row(&r))
        .transpose()
    }

    /// When the oldest backup that waits for its copy was verified.
    pub async fn waits_for_copy_since(
        &mut self,
        automatic: Automatic,
    ) -> StoreResult<Option<Timestamp>> {
        let (all, production) = flags(automatic);
        let row = sqlx::query(wanted!("MIN(b.verified_at) AS at", ""))
            .bind(all)
            .bind(production)
            .fetch_one(self.db())
            .await?;
        opt_time(&row, "at")
    }

    /// Copies that are to be removed now, oldest first.
    pub async fn copies_to_delete(&mut self, now: Timestamp) -> StoreResult<Vec<BackupCopy>> {
        sqlx::query(
            "SELECT * FROM off_site_copies WHERE state = 'deleting' \
             AND (retry_at IS NULL OR retry_at <= $1) ORDER BY created_at, backup_id",
        )
        .bind(micros(now))
        .fetch_all(self.db())
        .await?
        .iter()
        .map(from_row)
        .collect()
    }
}

impl Tx {
    /// Writes what is known of a copy, in the place of what was.
    pub async fn put_backup_copy(&mut self, c: &BackupCopy) -> StoreResult<()> {
        self.delete_backup_copy(c.backup).await?;
        sqlx::query(
            "INSERT INTO off_site_copies (backup_id, store, key_id, state, bytes, stored, attempts, \
             failure, retry_at, created_at, updated_at, exported_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        )
        .bind(c.backup.as_str())
        .bind(&c.place.store)
        .bind(&c.place.key)
        .bind(c.state.as_str())
        .bind(signed(c.bytes))
        .bind(signed(c.stored))
        .bind(i64::from(c.attempts))
        .bind(&c.failure)
        .bind(opt_micros(c.retry_at))
        .bind(micros(c.created_at))
        .bind(micros(c.updated_at))
        .bind(opt_micros(c.exported_at))
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Nothing is known of it any more.
    pub async fn delete_backup_copy(&mut self, backup: BackupId) -> StoreResult<()> {
        sqlx::query("DELETE FROM off_site_copies WHERE backup_id = $1")
            .bind(backup.as_str())
            .execute(self.db())
            .await?;
        Ok(())
    }
}
