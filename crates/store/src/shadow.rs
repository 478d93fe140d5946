//! Shadows of production branches.

use crate::error::StoreResult;
use crate::row::{
    corrupt, count, duration, flag, json, micros, opt_duration, opt_json, opt_micros, opt_parsed,
    opt_text, opt_time, parsed, signed, text, time,
};
use crate::session::{Session, Tx};
use offshoot_core::backup::{Method, Position};
use offshoot_core::id::{BranchId, InstanceId};
use offshoot_core::shadow::{Shadow, ShadowState};
use sqlx::sqlite::SqliteRow;

fn from_row(row: &SqliteRow) -> StoreResult<Shadow> {
    let state = text(row, "state")?;
    let method = opt_text(row, "method")?;
    Ok(Shadow {
        branch: parsed(row, "branch_id")?,
        volume: parsed(row, "volume_id")?,
        instance: parsed(row, "instance_id")?,
        source: parsed(row, "source_id")?,
        state: ShadowState::ALL
            .into_iter()
            .find(|s| s.as_str() == state)
            .ok_or_else(|| corrupt("state"))?,
        reason: opt_text(row, "reason")?,
        every: opt_duration(row, "every")?,
        position: opt_json::<Position>(row, "position")?,
        history: opt_parsed(row, "history_id")?,
        next: count(row, "next_number")?,
        complete_at: opt_time(row, "complete_at")?,
        fed_at: opt_time(row, "fed_at")?,
        opened: flag(row, "opened")?,
        backup: opt_parsed(row, "backup_id")?,
        method: match method {
            None => None,
            Some(method) => Some(
                Method::ALL
                    .into_iter()
                    .find(|m| m.as_str() == method)
                    .ok_or_else(|| corrupt("method"))?,
            ),
        },
        made_at: opt_time(row, "made_at")?,
        failures: u32::try_from(count(row, "failures")?).map_err(|_| corrupt("failures"))?,
        retry_at: opt_time(row, "retry_at")?,
        copies: count(row, "copies")?,
        copied_at: opt_time(row, "copied_at")?,
        passed_over_at: opt_time(row, "passed_over_at")?,
        passed_over: opt_text(row, "passed_over")?,
        actor: text(row, "actor")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

impl Session {
    /// The shadow of a branch.
    pub async fn shadow(&mut self, branch: BranchId) -> StoreResult<Option<Shadow>> {
        sqlx::query("SELECT * FROM shadows WHERE branch_id = $1")
            .bind(branch.as_str())
            .fetch_optional(self.db())
            .await?
            .map(|r| from_row(&r))
            .transpose()
    }

    /// All of them, in the order in which they were asked for.
    pub async fn shadows(&mut self) -> StoreResult<Vec<Shadow>> {
        sqlx::query("SELECT * FROM shadows ORDER BY created_at, branch_id")
            .fetch_all(self.db())
            .await?
            .iter()
            .map(from_row)
            .collect()
    }
}

impl Tx {
    pub async fn insert_shadow(&mut self, s: &Shadow) -> StoreResult<()> {
        let sql = "INSERT INTO shadows (volume_id, instance_id, source_id, state, reason, every, \
             position, history_id, next_number, complete_at, fed_at, opened, backup_id, method, made_at, \
             failures, retry_at, copies, copied_at, passed_over_at, passed_over, actor, created_at, \
             updated_at, branch_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, \
             $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25)";
        self.write_shadow(sql, s, None).await.map(drop)
    }

    /// Writes a shadow down as it is now. `false`: it is gone, or on another instance than `was`.
    pub async fn update_shadow(&mut self, s: &Shadow, was: InstanceId) -> StoreResult<bool> {
        let sql = "UPDATE shadows SET volume_id = $1, instance_id = $2, source_id = $3, state = $4, \
             reason = $5, every = $6, position = $7, history_id = $8, next_number = $9, complete_at = $10, \
             fed_at = $11, opened = $12, backup_id = $13, method = $14, made_at = $15, failures = $16, \
             retry_at = $17, copies = $18, copied_at = $19, passed_over_at = $20, passed_over = $21, \
             actor = $22, created_at = $23, updated_at = $24 WHERE branch_id = $25 AND instance_id = $26";
        Ok(self.write_shadow(sql, s, Some(was)).await? == 1)
    }

    async fn write_shadow(
        &mut self,
        sql: &'static str,
        s: &Shadow,
        was: Option<InstanceId>,
    ) -> StoreResult<u64> {
        let query = sqlx::query(sql)
            .bind(s.volume.as_str())
            .bind(s.instance.as_str())
            .bind(s.source.as_str())
            .bind(s.state.as_str())
            .bind(&s.reason)
            .bind(duration(s.every))
            .bind(json(s.position.as_ref())?)
            .bind(s.history.map(|h| h.to_string()))
            .bind(signed(s.next))
            .bind(opt_micros(s.complete_at))
            .bind(opt_micros(s.fed_at))
            .bind(s.opened)
            .bind(s.backup.map(|b| b.to_string()))
            .bind(s.method.map(Method::as_str))
            .bind(opt_micros(s.made_at))
            .bind(i64::from(s.failures))
            .bind(opt_micros(s.retry_at))
            .bind(signed(s.copies))
            .bind(opt_micros(s.copied_at))
            .bind(opt_micros(s.passed_over_at))
            .bind(&s.passed_over)
            .bind(&s.actor)
            .bind(micros(s.created_at))
            .bind(micros(s.updated_at))
            .bind(s.branch.as_str());
        let query = match was {
            Some(was) => query.bind(was.to_string()),
            None => query,
        };
        Ok(query.execute(self.db()).await?.rows_affected())
    }

    pub async fn delete_shadow(&mut self, branch: BranchId) -> StoreResult<()> {
        sqlx::query("DELETE FROM shadows WHERE branch_id = $1")
            .bind(branch.as_str())
            .execute(self.db())
            .await?;
        Ok(())
    }
}
