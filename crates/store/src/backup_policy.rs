//! Backup policies of databases.

use crate::error::StoreResult;
use crate::row::{
    corrupt, count, micros, opt_count, opt_micros, opt_text, opt_time, parsed, signed, text, time,
};
use crate::session::{Session, Tx};
use jiff::Timestamp;
use offshoot_core::backup_policy::{BackupPolicy, Every, Retention, Schedule};
use offshoot_core::id::{BackupPolicyId, DatabaseId};
use sqlx::sqlite::SqliteRow;

fn from_row(row: &SqliteRow) -> StoreResult<BackupPolicy> {
    let small = |column| count(row, column).and_then(|n| fitting(column, n));
    let drill = match (opt_count(row, "drill_value")?, opt_text(row, "drill_unit")?) {
        (Some(value), Some(unit)) => Some(Every::new(
            fitting("drill_value", value)?,
            unit.parse().map_err(|_| corrupt("drill_unit"))?,
        )),
        _ => None,
    };
    Ok(BackupPolicy {
        id: parsed(row, "id")?,
        database_id: parsed(row, "database_id")?,
        name: text(row, "name")?,
        target: parsed(row, "target")?,
        schedule: Schedule {
            every: Every::new(small("frequency_value")?, parsed(row, "frequency_unit")?),
            minute: small("schedule_minute")?,
            day: opt_small(row, "schedule_day")?,
            week: opt_small(row, "schedule_week")?,
        },
        retention: Retention::new(small("retention_value")?, parsed(row, "retention_unit")?),
        drill,
        required: opt_text(row, "required_database_id")?.is_some(),
        last_ran_at: opt_time(row, "last_ran_at")?,
        next_run_at: time(row, "next_run_at")?,
        last_drilled_at: opt_time(row, "last_drilled_at")?,
        next_drill_at: opt_time(row, "next_drill_at")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

fn fitting<T: TryFrom<u64>>(column: &str, n: u64) -> StoreResult<T> {
    T::try_from(n).map_err(|_| corrupt(column))
}

fn opt_small(row: &SqliteRow, column: &str) -> StoreResult<Option<u8>> {
    opt_count(row, column)?
        .map(|n| fitting(column, n))
        .transpose()
}

impl Session {
    pub async fn backup_policy(&mut self, id: BackupPolicyId) -> StoreResult<Option<BackupPolicy>> {
        sqlx::query("SELECT * FROM backup_policies WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.db())
            .await?
            .map(|r| from_row(&r))
            .transpose()
    }

    /// Oldest first, with the number of all.
    pub async fn backup_policies(
        &mut self,
        database: DatabaseId,
        offset: u64,
        limit: u64,
    ) -> StoreResult<(Vec<BackupPolicy>, u64)> {
        let total = sqlx::query("SELECT COUNT(*) AS n FROM backup_policies WHERE database_id = $1")
            .bind(database.as_str())
            .fetch_one(self.db())
            .await?;
        let rows = sqlx::query(
            "SELECT * FROM backup_policies WHERE database_id = $1 \
             ORDER BY created_at, id LIMIT $2 OFFSET $3",
        )
        .bind(database.as_str())
        .bind(signed(limit))
        .bind(signed(offset))
        .fetch_all(self.db())
        .await?;
        let policies = rows.iter().map(from_row).collect::<StoreResult<_>>()?;
        Ok((policies, count(&total, "n")?))
    }

    /// Policies whose backups or drills are due, the longest overdue first.
    pub async fn due_backup_policies(&mut self, now: Timestamp) -> StoreResult<Vec<BackupPolicy>> {
        sqlx::query(
            "SELECT p.* FROM backup_policies p JOIN databases d ON d.id = p.database_id \
             WHERE d.deleting = FALSE AND (p.next_run_at <= $1 OR p.next_drill_at <= $1) \
             ORDER BY p.next_run_at, p.id",
        )
        .bind(micros(now))
        .fetch_all(self.db())
        .await?
        .iter()
        .map(from_row)
        .collect()
    }

    /// Databases that lack the policy which every database has.
    pub async fn databases_without_policy(&mut self) -> StoreResult<Vec<DatabaseId>> {
        sqlx::query(
            "SELECT d.id FROM databases d WHERE d.deleting = FALSE AND NOT EXISTS \
             (SELECT 1 FROM backup_policies p WHERE p.required_database_id = d.id)",
        )
        .fetch_all(self.db())
        .await?
        .iter()
        .map(|r| parsed(r, "id"))
        .collect()
    }
}

impl Tx {
    pub async fn insert_backup_policy(&mut self, p: &BackupPolicy) -> StoreResult<()> {
        sqlx::query(
            "INSERT INTO backup_policies (id, database_id, required_database_id, name, target, \
             frequency_value, frequency_unit, schedule_minute, schedule_day, schedule_week, \
             retention_value, retention_unit, drill_value, drill_unit, last_ran_at, next_run_at, \
             last_drilled_at, next_drill_at, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, \
             $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)",
        )
        .bind(p.id.as_str())
        .bind(p.database_id.as_str())
        .bind(p.required.then_some(p.database_id.as_str()))
        .bind(&p.name)
        .bind(p.target.as_str())
        .bind(i64::from(p.schedule.every.value))
        .bind(p.schedule.every.unit.as_str())
        .bind(i64::from(p.schedule.minute))
        .bind(p.schedule.day.map(i64::from))
        .bind(p.schedule.week.map(i64::from))
        .bind(i64::from(p.retention.value))
        .bind(p.retention.unit.as_str())
        .bind(p.drill.map(|d| i64::from(d.value)))
        .bind(p.drill.map(|d| d.unit.as_str()))
        .bind(opt_micros(p.last_ran_at))
        .bind(micros(p.next_run_at))
        .bind(opt_micros(p.last_drilled_at))
        .bind(opt_micros(p.next_drill_at))
        .bind(micros(p.created_at))
        .bind(micros(p.updated_at))
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Writes what people may change, and what is due next because of it.
    pub async fn update_backup_policy(&mut self, p: &BackupPolicy) -> StoreResult<()> {
        sqlx::query(
            "UPDATE backup_policies SET name = $2, target = $3, frequency_value = $4, \
             frequency_unit = $5, schedule_minute = $6, schedule_day = $7, schedule_week = $8, \
             retention_value = $9, retention_unit = $10, drill_value = $11, drill_unit = $12, \
             next_run_at = $13, next_drill_at = $14, updated_at = $15 WHERE id = $1",
        )
        .bind(p.id.as_str())
        .bind(&p.name)
        .bind(p.target.as_str())
        .bind(i64::from(p.schedule.every.value))
        .bind(p.schedule.every.unit.as_str())
        .bind(i64::from(p.schedule.minute))
        .bind(p.schedule.day.map(i64::from))
        .bind(p.schedule.week.map(i64::from))
        .bind(i64::from(p.retention.value))
        .bind(p.retention.unit.as_str())
        .bind(p.drill.map(|d| i64::from(d.value)))
        .bind(p.drill.map(|d| d.unit.as_str()))
        .bind(micros(p.next_run_at))
        .bind(opt_micros(p.next_drill_at))
        .bind(micros(p.updated_at))
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// All backups of a run are begun.
    pub async fn backup_policy_ran(
        &mut self,
        id: BackupPolicyId,
        at: Timestamp,
        next: Timestamp,
    ) -> StoreResult<()> {
        sqlx::query("UPDATE backup_policies SET last_ran_at = $2, next_run_at = $3 WHERE id = $1")
            .bind(id.as_str())
            .bind(micros(at))
            .bind(micros(next))
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// All drills of a run are begun.
    pub async fn backup_policy_drilled(
        &mut self,
        id: BackupPolicyId,
        at: Timestamp,
        next: Timestamp,
    ) -> StoreResult<()> {
        sqlx::query(
            "UPDATE backup_policies SET last_drilled_at = $2, next_drill_at = $3 \
             WHERE id = $1 AND drill_value IS NOT NULL",
        )
        .bind(id.as_str())
        .bind(micros(at))
        .bind(micros(next))
        .execute(self.db())
        .await?;
        Ok(())
    }

    pub async fn delete_backup_policy(&mut self, id: BackupPolicyId) -> StoreResult<()> {
        sqlx::query("DELETE FROM backup_policies WHERE id = $1")
            .bind(id.as_str())
            .execute(self.db())
            .await?;
        Ok(())
    }
}
