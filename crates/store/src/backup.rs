//! Backups.

use crate::error::StoreResult;
use crate::row::{
    containing, corrupt, count, flag, json, micros, opt_json, opt_micros, opt_parsed, opt_text,
    opt_time, parsed, signed, text, time,
};
use crate::session::{Session, Tx};
use jiff::Timestamp;
use offshoot_core::backup::{Backup, BackupState, Copied, Examined, Position};
use offshoot_core::branch::Origin;
use offshoot_core::id::{BackupId, BackupPolicyId, BranchId, DatabaseId};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite};
use std::collections::HashSet;

/// A branch on one side of a backup, that can be seen: it was made of it, or was backed up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    pub id: BranchId,
    pub name: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Which backups a list holds. `None` = whatever.
#[derive(Clone, Debug, Default)]
pub struct BackupQuery<'a> {
    /// `None` = of all branches of the database, those that are gone included.
    pub branch: Option<BranchId>,
    pub state: Option<BackupState>,
    pub policy: Option<BackupPolicyId>,
    pub production: Option<bool>,
    /// Made in this time, its end excluded.
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    /// Was being made at this moment.
    pub running_at: Option<Timestamp>,
    /// Part of the name.
    pub q: Option<&'a str>,
    pub offset: u64,
    pub limit: u64,
}

pub(crate) fn from_row(row: &SqliteRow) -> StoreResult<Backup> {
    let state = text(row, "state")?;
    Ok(Backup {
        id: parsed(row, "id")?,
        database_id: parsed(row, "database_id")?,
        branch_id: parsed(row, "branch_id")?,
        branch_name: text(row, "branch_name")?,
        production: flag(row, "production")?,
        name: text(row, "name")?,
        state: BackupState::ALL
            .into_iter()
            .find(|s| s.as_str() == state)
            .ok_or_else(|| corrupt("state"))?,
        engine: parsed(row, "engine")?,
        snapshot: parsed(row, "snapshot_id")?,
        copied: opt_json(row, "copied")?,
        position: opt_json(row, "position")?,
        examined: opt_json(row, "examined")?,
        verified_at: opt_time(row, "verified_at")?,
        drilled: opt_json(row, "drilled")?,
        failure: opt_text(row, "failure")?,
        size: count(row, "size")?,
        protected: flag(row, "protected")?,
        required: flag(row, "required")?,
        policy: opt_parsed(row, "policy_id")?,
        imported_from: opt_parsed(row, "imported_from")?,
        actor: text(row, "actor")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
        started_at: opt_time(row, "started_at")?,
        completed_at: opt_time(row, "completed_at")?,
        expires_at: opt_time(row, "expires_at")?,
    })
}

pub(crate) fn restored(row: &SqliteRow) -> StoreResult<Restored> {
    Ok(Restored {
        id: parsed(row, "id")?,
        name: text(row, "name")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

impl Session {
    pub async fn backup(&mut self, id: BackupId) -> StoreResult<Option<Backup>> {
        sqlx::query("SELECT * FROM backups WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.db())
            .await?
            .map(|r| from_row(&r))
            .transpose()
    }

    /// The newest backup of a branch that succeeded and whose last drill did not fail.
    pub async fn last_good_backup(&mut self, branch: BranchId) -> StoreResult<Option<Backup>> {
        sqlx::query(
            "SELECT * FROM backups WHERE branch_id = $1 AND state = 'success' AND damaged = FALSE \
             ORDER BY created_at DESC, id DESC LIMIT 1",
        )
        .bind(branch.as_str())
        .fetch_optional(self.db())
        .await?
        .map(|r| from_row(&r))
        .transpose()
    }

    /// The newest backup of a branch that succeeded, whatever its drills found.
    pub async fn newest_backup(&mut self, branch: BranchId) -> StoreResult<Option<Backup>> {
        sqlx::query(
            "SELECT * FROM backups WHERE branch_id = $1 AND state = 'success' \
             AND examined IS NOT NULL ORDER BY created_at DESC, id DESC LIMIT 1",
        )
        .bind(branch.as_str())
        .fetch_optional(self.db())
        .await?
        .map(|r| from_row(&r))
        .transpose()
    }

    /// Every backup of a branch, oldest first.
    pub async fn backups_of_branch(&mut self, branch: BranchId) -> StoreResult<Vec<Backup>> {
        sqlx::query("SELECT * FROM backups WHERE branch_id = $1 ORDER BY created_at, id")
            .bind(branch.as_str())
            .fetch_all(self.db())
            .await?
            .iter()
            .map(from_row)
            .collect()
    }

    /// How many backups of a branch succeeded, those whose last drill failed aside.
    pub async fn good_backups(&mut self, branch: BranchId) -> StoreResult<u64> {
        let row = sqlx::query(
            "SELECT COUNT(*) AS n FROM backups WHERE branch_id = $1 AND state = 'success' \
             AND damaged = FALSE",
        )
        .bind(branch.as_str())
        .fetch_one(self.db())
        .await?;
        count(&row, "n")
    }

    /// Backups of a database, newest first, with the number of all that match.
    pub async fn backups(
        &mut self,
        database: DatabaseId,
        query: &BackupQuery<'_>,
    ) -> StoreResult<(Vec<Backup>, u64)> {
        let mut total = QueryBuilder::<Sqlite>::new("SELECT COUNT(*) AS n FROM backups WHERE ");
        filter(&mut total, database, query);
        let total = count(&total.build().fetch_one(self.db()).await?, "n")?;
        let mut sql = QueryBuilder::<Sqlite>::new("SELECT * FROM backups WHERE ");
        filter(&mut sql, database, query);
        sql.push(" ORDER BY created_at DESC, id DESC LIMIT ")
            .push_bind(signed(query.limit))
            .push(" OFFSET ")
            .push_bind(signed(query.offset));
        let rows = sql.build().fetch_all(self.db()).await?;
        let found = rows.iter().map(from_row).collect::<StoreResult<_>>()?;
        Ok((found, total))
    }

    /// Every backup of every database, oldest first.
    pub async fn all_backups(&mut self) -> StoreResult<Vec<Backup>> {
        sqlx::query("SELECT * FROM backups ORDER BY created_at, id")
            .fetch_all(self.db())
            .await?
            .iter()
            .map(from_row)
            .collect()
    }

    /// Branches that were made of a backup and can be seen.
    pub async fn branches_of_backup(&mut self, id: BackupId) -> StoreResult<Vec<Restored>> {
        sqlx::query(
            "SELECT id, name, created_at, updated_at FROM branches WHERE deleting = FALSE AND origin LIKE $1 ESCAPE '!' \
             ORDER BY created_at, id",
        )
        .bind(containing(&format!("\"backup\":\"{id}\"")))
        .fetch_all(self.db())
        .await?
        .iter()
        .map(restored)
        .collect()
    }

    /// All backups of every branch that has one whose time is over, protected ones aside.
    pub async fn backups_beside_expired(&mut self, now: Timestamp) -> StoreResult<Vec<Backup>> {
        sqlx::query(
            "SELECT * FROM backups WHERE branch_id IN (SELECT branch_id FROM backups \
             WHERE expires_at <= $1 AND protected = FALSE) ORDER BY created_at, id",
        )
        .bind(micros(now))
        .fetch_all(self.db())
        .await?
        .iter()
        .map(from_row)
        .collect()
    }

    /// Backups that branches are being made of.
    pub async fn backups_in_use(&mut self) -> StoreResult<HashSet<BackupId>> {
        let rows = sqlx::query(
            "SELECT origin FROM branches WHERE state = 'pending' AND deleting = FALSE \
             AND origin IS NOT NULL",
        )
        .fetch_all(self.db())
        .await?;
        let mut ids = HashSet::new();
        for row in &rows {
            ids.extend(opt_json::<Origin>(row, "origin")?.and_then(|o| o.backup));
        }
        Ok(ids)
    }

    /// Branches of which a policy has begun backups since.
    pub async fn backed_up_since(
        &mut self,
        policy: BackupPolicyId,
        since: Timestamp,
    ) -> StoreResult<HashSet<BranchId>> {
        sqlx::query("SELECT branch_id FROM backups WHERE policy_id = $1 AND created_at >= $2")
            .bind(policy.as_str())
            .bind(micros(since))
            .fetch_all(self.db())
            .await?
            .iter()
            .map(|r| parsed(r, "branch_id"))
            .collect()
    }

    /// How many backups of policies are being made.
    pub async fn policy_backups_under_way(&mut self) -> StoreResult<u64> {
        let row = sqlx::query(
            "SELECT COUNT(*) AS n FROM backups WHERE policy_id IS NOT NULL \
             AND state IN ('pending', 'running')",
        )
        .fetch_one(self.db())
        .await?;
        count(&row, "n")
    }

    /// Production or development branches of a database, oldest first, each with whether it could be
    /// copied now: it is there, and no import of it is open.
    pub async fn branches_to_back_up(
        &mut self,
        database: DatabaseId,
        production: bool,
    ) -> StoreResult<Vec<(BranchId, bool)>> {
        sqlx::query(
            "SELECT b.id, (b.state <> 'pending' AND i.id IS NULL) AS ready FROM branches b \
             LEFT JOIN imports i ON i.live_branch_id = b.id \
             WHERE b.database_id = $1 AND b.production = $2 AND b.deleting = FALSE \
             ORDER BY b.created_at, b.id",
        )
        .bind(database.as_str())
        .bind(production)
        .fetch_all(self.db())
        .await?
        .iter()
        .map(|r| Ok((parsed(r, "id")?, flag(r, "ready")?)))
        .collect()
    }
}

fn filter(sql: &mut QueryBuilder<Sqlite>, database: DatabaseId, query: &BackupQuery<'_>) {
    sql.push("database_id = ")
        .push_bind(database.as_str().to_owned());
    if let Some(branch) = query.branch {
        sql.push(" AND branch_id = ")
            .push_bind(branch.as_str().to_owned());
    }
    if let Some(state) = query.state {
        sql.push(" AND state = ").push_bind(state.as_str());
    }
    if let Some(policy) = query.policy {
        sql.push(" AND policy_id = ")
            .push_bind(policy.as_str().to_owned());
    }
    if let Some(production) = query.production {
        sql.push(" AND production = ").push_bind(production);
    }
    if let Some(from) = query.from {
        sql.push(" AND created_at >= ").push_bind(micros(from));
    }
    if let Some(to) = query.to {
        sql.push(" AND created_at < ").push_bind(micros(to));
    }
    if let Some(at) = query.running_at {
        sql.push(" AND created_at <= ")
            .push_bind(micros(at))
            .push(" AND (completed_at IS NULL OR completed_at >= ")
            .push_bind(micros(at))
            .push(")");
    }
    if let Some(q) = query.q {
        sql.push(" AND name LIKE ")
            .push_bind(containing(q))
            .push(" ESCAPE '!'");
    }
}

impl Tx {
    pub async fn insert_backup(&mut self, b: &Backup) -> StoreResult<()> {
        sqlx::query(
            "INSERT INTO backups (id, database_id, branch_id, branch_name, production, name, state, \
             engine, snapshot_id, copied, position, examined, verified_at, failure, size, protected, \
             required, policy_id, actor, created_at, updated_at, started_at, completed_at, expires_at, \
             imported_from) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, \
             $16, $17, $18, $19, $20, $21, $22, $23, $24, $25)",
        )
        .bind(b.id.as_str())
        .bind(b.database_id.as_str())
        .bind(b.branch_id.as_str())
        .bind(&b.branch_name)
        .bind(b.production)
        .bind(&b.name)
        .bind(b.state.as_str())
        .bind(b.engine.to_string())
        .bind(b.snapshot.as_str())
        .bind(json(b.copied.as_ref())?)
        .bind(json(b.position.as_ref())?)
        .bind(json(b.examined.as_ref())?)
        .bind(opt_micros(b.verified_at))
        .bind(&b.failure)
        .bind(signed(b.size))
        .bind(b.protected)
        .bind(b.required)
        .bind(b.policy.map(|p| p.to_string()))
        .bind(&b.actor)
        .bind(micros(b.created_at))
        .bind(micros(b.updated_at))
        .bind(opt_micros(b.started_at))
        .bind(opt_micros(b.completed_at))
        .bind(opt_micros(b.expires_at))
        .bind(b.imported_from.map(|id| id.to_string()))
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Its off-site copy has been fetched; it is being checked.
    pub async fn backup_fetched(&mut self, id: BackupId, now: Timestamp) -> StoreResult<()> {
        sqlx::query("UPDATE backups SET state = 'running', updated_at = $2 WHERE id = $1")
            .bind(id.as_str())
            .bind(micros(now))
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// Its branch has been copied; the copy is being checked.
    pub async fn backup_copied(
        &mut self,
        id: BackupId,
        copied: &Copied,
        now: Timestamp,
    ) -> StoreResult<()> {
        sqlx::query(
            "UPDATE backups SET state = 'running', copied = $2, started_at = COALESCE(started_at, $3), \
             updated_at = $3 WHERE id = $1",
        )
        .bind(id.as_str())
        .bind(json(Some(copied))?)
        .bind(micros(now))
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// It can be restored from now on. `size` in bytes.
    pub async fn backup_succeeded(
        &mut self,
        id: BackupId,
        position: &Position,
        examined: &Examined,
        size: u64,
        now: Timestamp,
    ) -> StoreResult<()> {
        sqlx::query(
            "UPDATE backups SET state = 'success', position = $2, examined = $3, size = $4, \
             verified_at = $5, completed_at = $5, updated_at = $5 WHERE id = $1",
        )
        .bind(id.as_str())
        .bind(json(Some(position))?)
        .bind(json(Some(examined))?)
        .bind(signed(size))
        .bind(micros(now))
        .execute(self.db())
        .await?;
        Ok(())
    }

    pub async fn backup_failed(
        &mut self,
        id: BackupId,
        reason: &str,
        now: Timestamp,
    ) -> StoreResult<()> {
        sqlx::query(
            "UPDATE backups SET state = 'failed', failure = $2, completed_at = $3, updated_at = $3 \
             WHERE id = $1",
        )
        .bind(id.as_str())
        .bind(reason)
        .bind(micros(now))
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Writes what people change: name, protection, expiry.
    pub async fn update_backup(&mut self, b: &Backup) -> StoreResult<()> {
        sqlx::query(
            "UPDATE backups SET name = $2, protected = $3, expires_at = $4, updated_at = $5 \
             WHERE id = $1",
        )
        .bind(b.id.as_str())
        .bind(&b.name)
        .bind(b.protected)
        .bind(opt_micros(b.expires_at))
        .bind(micros(b.updated_at))
        .execute(self.db())
        .await?;
        Ok(())
    }

    pub async fn delete_backup(&mut self, id: BackupId) -> StoreResult<()> {
        sqlx::query("DELETE FROM backups WHERE id = $1")
            .bind(id.as_str())
            .execute(self.db())
            .await?;
        Ok(())
    }
}
