//! Templates: one for each engine, and one for each parent branch whose schema was copied.

use crate::error::StoreResult;
use crate::row::{corrupt, count, micros, opt_parsed, parsed, signed, time};
use crate::session::{Session, Tx};
use jiff::Timestamp;
use offshoot_core::engine::EngineRef;
use offshoot_core::id::{BranchId, TemplateId};
use offshoot_core::template::Template;
use sqlx::sqlite::SqliteRow;

fn from_row(row: &SqliteRow) -> StoreResult<Template> {
    Ok(Template {
        id: parsed(row, "id")?,
        engine: parsed(row, "engine")?,
        parent: opt_parsed(row, "parent_id")?,
        snapshot: parsed(row, "snapshot_id")?,
        generation: u32::try_from(count(row, "generation")?).map_err(|_| corrupt("generation"))?,
        used_at: time(row, "used_at")?,
        created_at: time(row, "created_at")?,
    })
}

fn scope(t: &Template) -> String {
    t.parent
        .map_or_else(|| t.engine.to_string(), |p| p.to_string())
}

impl Session {
    pub async fn engine_template(&mut self, engine: EngineRef) -> StoreResult<Option<Template>> {
        self.template(&engine.to_string()).await
    }

    pub async fn schema_template(&mut self, parent: BranchId) -> StoreResult<Option<Template>> {
        self.template(parent.as_str()).await
    }

    async fn template(&mut self, scope: &str) -> StoreResult<Option<Template>> {
        sqlx::query("SELECT * FROM templates WHERE scope = $1")
            .bind(scope)
            .fetch_optional(self.db())
            .await?
            .map(|r| from_row(&r))
            .transpose()
    }

    /// Schema templates, most recently used first.
    pub async fn recent_templates(&mut self, limit: u64) -> StoreResult<Vec<Template>> {
        sqlx::query(
            "SELECT * FROM templates WHERE parent_id IS NOT NULL ORDER BY used_at DESC, id LIMIT $1",
        )
        .bind(signed(limit))
        .fetch_all(self.db())
        .await?
        .iter()
        .map(from_row)
        .collect()
    }
}

impl Tx {
    /// Puts a template in the place of the one of the same scope, where there is one.
    pub async fn put_template(&mut self, t: &Template) -> StoreResult<()> {
        sqlx::query("DELETE FROM templates WHERE scope = $1")
            .bind(scope(t))
            .execute(self.db())
            .await?;
        sqlx::query(
            "INSERT INTO templates (id, scope, engine, parent_id, snapshot_id, generation, used_at, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(t.id.as_str())
        .bind(scope(t))
        .bind(t.engine.to_string())
        .bind(t.parent.map(|p| p.to_string()))
        .bind(t.snapshot.as_str())
        .bind(i64::from(t.generation))
        .bind(micros(t.used_at))
        .bind(micros(t.created_at))
        .execute(self.db())
        .await?;
        Ok(())
    }

    pub async fn delete_template(&mut self, id: TemplateId) -> StoreResult<()> {
        sqlx::query("DELETE FROM templates WHERE id = $1")
            .bind(id.as_str())
            .execute(self.db())
            .await?;
        Ok(())
    }

    pub async fn touch_template(&mut self, id: TemplateId, now: Timestamp) -> StoreResult<()> {
        sqlx::query("UPDATE templates SET used_at = $2 WHERE id = $1")
            .bind(id.as_str())
            .bind(micros(now))
            .execute(self.db())
            .await?;
        Ok(())
    }
}
