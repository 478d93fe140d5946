//! The machine itself, and its pool.

use crate::error::StoreResult;
use crate::row::{micros, parsed};
use crate::session::{Session, Tx};
use jiff::Timestamp;
use offshoot_core::id::{NodeId, PoolId};

impl Session {
    /// This machine, as its first start named it.
    pub async fn node(&mut self) -> StoreResult<Option<(NodeId, PoolId)>> {
        sqlx::query("SELECT id, pool_id FROM nodes ORDER BY created_at LIMIT 1")
            .fetch_optional(self.db())
            .await?
            .map(|row| Ok((parsed(&row, "id")?, parsed(&row, "pool_id")?)))
            .transpose()
    }
}

impl Tx {
    pub async fn insert_node(
        &mut self,
        id: NodeId,
        pool: PoolId,
        at: Timestamp,
    ) -> StoreResult<()> {
        sqlx::query("INSERT INTO nodes (id, pool_id, created_at) VALUES ($1, $2, $3)")
            .bind(id.as_str())
            .bind(pool.as_str())
            .bind(micros(at))
            .execute(self.db())
            .await?;
        Ok(())
    }
}
