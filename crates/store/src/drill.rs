//! Restore drills.

use crate::error::StoreResult;
use crate::row::{
    corrupt, count, duration, flag, json, micros, opt_duration, opt_json, opt_micros, opt_parsed,
    opt_text, opt_time, parsed, signed, text, time,
};
use crate::session::{Session, Tx};
use jiff::Timestamp;
use offshoot_core::drill::{Drill, DrillState, Drilled, Outcome};
use offshoot_core::id::{BackupId, BackupPolicyId, BranchId, DatabaseId, DrillId};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite};
use std::collections::HashSet;

/// Which drills a list holds. `None` = whatever.
#[derive(Clone, Copy, Debug, Default)]
pub struct DrillQuery {
    pub backup: Option<BackupId>,
    pub state: Option<DrillState>,
    pub offset: u64,
    pub limit: u64,
}

fn from_row(row: &SqliteRow) -> StoreResult<Drill> {
    let state = text(row, "state")?;
    Ok(Drill {
        id: parsed(row, "id")?,
        database_id: parsed(row, "database_id")?,
        branch_id: parsed(row, "branch_id")?,
        branch_name: text(row, "branch_name")?,
        backup_id: parsed(row, "backup_id")?,
        backup_name: text(row, "backup_name")?,
        policy: opt_parsed(row, "policy_id")?,
        state: DrillState::ALL
            .into_iter()
            .find(|s| s.as_str() == state)
            .ok_or_else(|| corrupt("state"))?,
        expected: opt_json(row, "expected")?.ok_or_else(|| corrupt("expected"))?,
        outcome: Outcome {
            found: opt_json(row, "found")?,
            differences: opt_json(row, "differences")?.unwrap_or_default(),
            failure: opt_text(row, "failure")?,
            restored_in: opt_duration(row, "restored_in")?,
        },
        actor: text(row, "actor")?,
        created_at: time(row, "created_at")?,
        started_at: opt_time(row, "started_at")?,
        completed_at: opt_time(row, "completed_at")?,
    })
}

impl Session {
    pub async fn drill(&mut self, id: DrillId) -> StoreResult<Option<Drill>> {
        sqlx::query("SELECT * FROM drills WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.db())
            .await?
            .map(|r| from_row(&r))
            .transpose()
    }

    /// Newest first, with the number of all that match.
    pub async fn drills(
        &mut self,
        database: DatabaseId,
        query: &DrillQuery,
    ) -> StoreResult<(Vec<Drill>, u64)> {
        let mut total = QueryBuilder::<Sqlite>::new("SELECT COUNT(*) AS n FROM drills WHERE ");
        filter(&mut total, database, query);
        let total = count(&total.build().fetch_one(self.db()).await?, "n")?;
        let mut sql = QueryBuilder::<Sqlite>::new("SELECT * FROM drills WHERE ");
        filter(&mut sql, database, query);
        sql.push(" ORDER BY created_at DESC, id DESC LIMIT ")
            .push_bind(signed(query.limit))
            .push(" OFFSET ")
            .push_bind(signed(query.offset));
        let rows = sql.build().fetch_all(self.db()).await?;
        let found = rows.iter().map(from_row).collect::<StoreResult<_>>()?;
        Ok((found, total))
    }

    /// The drill of a backup that has not ended.
    pub async fn drill_under_way(&mut self, backup: BackupId) -> StoreResult<Option<Drill>> {
        sqlx::query("SELECT * FROM drills WHERE backup_id = $1 AND state IN ('pending', 'running')")
            .bind(backup.as_str())
            .fetch_optional(self.db())
            .await?
            .map(|r| from_row(&r))
            .transpose()
    }

    /// Backups that are being drilled.
    pub async fn backups_being_drilled(&mut self) -> StoreResult<HashSet<BackupId>> {
        sqlx::query("SELECT backup_id FROM drills WHERE state IN ('pending', 'running')")
            .fetch_all(self.db())
            .await?
            .iter()
            .map(|r| parsed(r, "backup_id"))
            .collect()
    }

    /// How many drills of policies are under way.
    pub async fn policy_drills_under_way(&mut self) -> StoreResult<u64> {
        let row = sqlx::query(
            "SELECT COUNT(*) AS n FROM drills WHERE policy_id IS NOT NULL \
             AND state IN ('pending', 'running')",
        )
        .fetch_one(self.db())
        .await?;
        count(&row, "n")
    }

    /// Branches of whose backups a policy has begun drills since.
    pub async fn drilled_since(
        &mut self,
        policy: BackupPolicyId,
        since: Timestamp,
    ) -> StoreResult<HashSet<BranchId>> {
        sqlx::query("SELECT branch_id FROM drills WHERE policy_id = $1 AND created_at >= $2")
            .bind(policy.as_str())
            .bind(micros(since))
            .fetch_all(self.db())
            .await?
            .iter()
            .map(|r| parsed(r, "branch_id"))
            .collect()
    }

    /// Production or development branches of a database that have a backup, or get their first one,
    /// oldest first, each with whether its newest one can be drilled now: none is being made, and
    /// none is being drilled.
    pub async fn branches_to_drill(
        &mut self,
        database: DatabaseId,
        production: bool,
    ) -> StoreResult<Vec<(BranchId, bool)>> {
        sqlx::query(
            "SELECT b.id, (NOT EXISTS (SELECT 1 FROM backups k WHERE k.branch_id = b.id \
             AND k.state IN ('pending', 'running')) AND NOT EXISTS (SELECT 1 FROM drills r \
             WHERE r.branch_id = b.id AND r.state IN ('pending', 'running'))) AS ready \
             FROM branches b WHERE b.database_id = $1 AND b.production = $2 AND b.deleting = FALSE \
             AND EXISTS (SELECT 1 FROM backups k WHERE k.branch_id = b.id \
             AND (k.state IN ('pending', 'running') OR (k.state = 'success' AND k.examined IS NOT NULL))) \
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

    /// When a drill succeeded last, of any backup.
    pub async fn last_good_drill(&mut self) -> StoreResult<Option<Timestamp>> {
        let row = sqlx::query("SELECT MAX(completed_at) AS at FROM drills WHERE state = 'success'")
            .fetch_one(self.db())
            .await?;
        opt_time(&row, "at")
    }

    /// How many backups there are whose last drill failed.
    pub async fn damaged_backups(&mut self) -> StoreResult<u64> {
        let row = sqlx::query("SELECT COUNT(*) AS n FROM backups WHERE damaged = TRUE")
            .fetch_one(self.db())
            .await?;
        count(&row, "n")
    }
}

fn filter(sql: &mut QueryBuilder<Sqlite>, database: DatabaseId, query: &DrillQuery) {
    sql.push("database_id = ")
        .push_bind(database.as_str().to_owned());
    if let Some(backup) = query.backup {
        sql.push(" AND backup_id = ")
            .push_bind(backup.as_str().to_owned());
    }
    if let Some(state) = query.state {
        sql.push(" AND state = ").push_bind(state.as_str());
    }
}

impl Tx {
    pub async fn insert_drill(&mut self, d: &Drill) -> StoreResult<()> {
        sqlx::query(
            "INSERT INTO drills (id, database_id, branch_id, branch_name, backup_id, backup_name, \
             policy_id, state, expected, found, differences, failure, restored_in, actor, created_at, \
             started_at, completed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, \
             $13, $14, $15, $16, $17)",
        )
        .bind(d.id.as_str())
        .bind(d.database_id.as_str())
        .bind(d.branch_id.as_str())
        .bind(&d.branch_name)
        .bind(d.backup_id.as_str())
        .bind(&d.backup_name)
        .bind(d.policy.map(|p| p.to_string()))
        .bind(d.state.as_str())
        .bind(json(Some(&d.expected))?)
        .bind(json(d.outcome.found.as_ref())?)
        .bind(json(Some(&d.outcome.differences))?)
        .bind(&d.outcome.failure)
        .bind(duration(d.outcome.restored_in))
        .bind(&d.actor)
        .bind(micros(d.created_at))
        .bind(opt_micros(d.started_at))
        .bind(opt_micros(d.completed_at))
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Its backup is being restored.
    pub async fn drill_started(&mut self, id: DrillId, now: Timestamp) -> StoreResult<()> {
        sqlx::query(
            "UPDATE drills SET state = 'running', started_at = COALESCE(started_at, $2) \
             WHERE id = $1 AND state = 'pending'",
        )
        .bind(id.as_str())
        .bind(micros(now))
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// It is over: `state` is `Success`, `Failed` or `Error`.
    pub async fn drill_ended(
        &mut self,
        id: DrillId,
        state: DrillState,
        outcome: &Outcome,
        now: Timestamp,
    ) -> StoreResult<()> {
        sqlx::query(
            "UPDATE drills SET state = $2, found = $3, differences = $4, failure = $5, \
             restored_in = $6, completed_at = $7 WHERE id = $1",
        )
        .bind(id.as_str())
        .bind(state.as_str())
        .bind(json(outcome.found.as_ref())?)
        .bind(json(Some(&outcome.differences))?)
        .bind(&outcome.failure)
        .bind(duration(outcome.restored_in))
        .bind(micros(now))
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// What a drill found, at its backup and at that one's branch, where they are there.
    pub async fn set_drilled(&mut self, branch: BranchId, drilled: &Drilled) -> StoreResult<()> {
        let value = json(Some(drilled))?;
        sqlx::query("UPDATE backups SET drilled = $2, damaged = $3 WHERE id = $1")
            .bind(drilled.backup.as_str())
            .bind(&value)
            .bind(drilled.state == DrillState::Failed)
            .execute(self.db())
            .await?;
        sqlx::query("UPDATE branches SET drilled = $2 WHERE id = $1")
            .bind(branch.as_str())
            .bind(&value)
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// Removes the oldest drills of a database that have ended, all but `keep`.
    pub async fn forget_old_drills(&mut self, database: DatabaseId, keep: u64) -> StoreResult<()> {
        let oldest = sqlx::query(
            "SELECT created_at FROM drills WHERE database_id = $1 \
             ORDER BY created_at DESC, id DESC LIMIT 1 OFFSET $2",
        )
        .bind(database.as_str())
        .bind(signed(keep))
        .fetch_optional(self.db())
        .await?;
        let Some(oldest) = oldest else { return Ok(()) };
        sqlx::query(
            "DELETE FROM drills WHERE database_id = $1 AND created_at <= $2 \
             AND completed_at IS NOT NULL",
        )
        .bind(database.as_str())
        .bind(micros(time(&oldest, "created_at")?))
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Removes the drills of a database.
    pub async fn delete_drills(&mut self, database: DatabaseId) -> StoreResult<()> {
        sqlx::query("DELETE FROM drills WHERE database_id = $1")
            .bind(database.as_str())
            .execute(self.db())
            .await?;
        Ok(())
    }
}
