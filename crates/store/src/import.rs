//! Imports of branches.

use crate::error::StoreResult;
use crate::row::{corrupt, count, duration, micros, opt_duration, parsed, signed, text, time};
use crate::session::{Session, Tx};
use jiff::Timestamp;
use offshoot_core::id::{BranchId, ImportId};
use offshoot_core::import::{Import, ImportState};
use sqlx::sqlite::SqliteRow;

const ALL: [ImportState; 5] = [
    ImportState::Pending,
    ImportState::Open,
    ImportState::Completed,
    ImportState::Reverting,
    ImportState::Reverted,
];

fn from_row(row: &SqliteRow) -> StoreResult<Import> {
    let state = text(row, "state")?;
    Ok(Import {
        id: parsed(row, "id")?,
        branch_id: parsed(row, "branch_id")?,
        snapshot: parsed(row, "snapshot_id")?,
        state: ALL
            .into_iter()
            .find(|s| s.as_str() == state)
            .ok_or_else(|| corrupt("state"))?,
        ttl: opt_duration(row, "ttl")?.ok_or_else(|| corrupt("ttl"))?,
        expires_at: time(row, "expires_at")?,
        actor: text(row, "actor")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

impl Session {
    pub async fn import(&mut self, id: ImportId) -> StoreResult<Option<Import>> {
        sqlx::query("SELECT * FROM imports WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.db())
            .await?
            .map(|r| from_row(&r))
            .transpose()
    }

    /// Imports of a branch, newest first, and how many there are.
    pub async fn imports(
        &mut self,
        branch: BranchId,
        offset: u64,
        limit: u64,
    ) -> StoreResult<(Vec<Import>, u64)> {
        let total = sqlx::query("SELECT COUNT(*) AS n FROM imports WHERE branch_id = $1")
            .bind(branch.as_str())
            .fetch_one(self.db())
            .await?;
        let found = sqlx::query(
            "SELECT * FROM imports WHERE branch_id = $1 \
             ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3",
        )
        .bind(branch.as_str())
        .bind(signed(limit))
        .bind(signed(offset))
        .fetch_all(self.db())
        .await?
        .iter()
        .map(from_row)
        .collect::<StoreResult<_>>()?;
        Ok((found, count(&total, "n")?))
    }

    /// The import of a branch that has not ended.
    pub async fn live_import(&mut self, branch: BranchId) -> StoreResult<Option<Import>> {
        sqlx::query("SELECT * FROM imports WHERE live_branch_id = $1")
            .bind(branch.as_str())
            .fetch_optional(self.db())
            .await?
            .map(|r| from_row(&r))
            .transpose()
    }

    /// Imports that were not renewed in time.
    pub async fn expired_imports(&mut self, now: Timestamp) -> StoreResult<Vec<Import>> {
        sqlx::query("SELECT * FROM imports WHERE state IN ('pending', 'open') AND expires_at <= $1")
            .bind(micros(now))
            .fetch_all(self.db())
            .await?
            .iter()
            .map(from_row)
            .collect()
    }
}

impl Tx {
    pub async fn insert_import(&mut self, i: &Import) -> StoreResult<()> {
        sqlx::query(
            "INSERT INTO imports (id, branch_id, live_branch_id, snapshot_id, state, ttl, expires_at, \
             actor, created_at, updated_at) VALUES ($1, $2, $2, $3, $4, $5, $6, $7, $8, $8)",
        )
        .bind(i.id.as_str())
        .bind(i.branch_id.as_str())
        .bind(i.snapshot.as_str())
        .bind(i.state.as_str())
        .bind(duration(Some(i.ttl)))
        .bind(micros(i.expires_at))
        .bind(&i.actor)
        .bind(micros(i.created_at))
        .execute(self.db())
        .await?;
        Ok(())
    }

    pub async fn set_import(
        &mut self,
        id: ImportId,
        state: ImportState,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> StoreResult<()> {
        sqlx::query(
            "UPDATE imports SET state = $2, expires_at = $3, updated_at = $4, \
             live_branch_id = CASE WHEN $5 THEN NULL ELSE branch_id END WHERE id = $1",
        )
        .bind(id.as_str())
        .bind(state.as_str())
        .bind(micros(expires_at))
        .bind(micros(now))
        .bind(state.ended())
        .execute(self.db())
        .await?;
        Ok(())
    }
}
