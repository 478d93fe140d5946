//! Iterations: what is known of each.

use crate::error::StoreResult;
use crate::row::{
    corrupt, count, json, micros, opt_json, opt_micros, opt_time, parsed, signed, time,
};
use crate::session::{Session, Tx};
use jiff::Timestamp;
use offshoot_core::id::{IntegrationId, IterationId, OrganizationId};
use offshoot_core::iteration::{IterationState, Record};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite};

/// An iteration as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownIteration {
    pub id: IterationId,
    pub integration_id: IntegrationId,
    pub record: Record,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Which iterations a list holds.
#[derive(Clone, Copy, Debug, Default)]
pub struct IterationQuery {
    pub integration: Option<IntegrationId>,
    pub state: Option<IterationState>,
    pub offset: u64,
    pub limit: u64,
}

fn from_row(row: &SqliteRow) -> StoreResult<KnownIteration> {
    Ok(KnownIteration {
        id: parsed(row, "id")?,
        integration_id: parsed(row, "integration_id")?,
        record: Record {
            iteration: opt_json(row, "iteration")?.ok_or_else(|| corrupt("iteration"))?,
            state: parsed(row, "state")?,
            seen_at: time(row, "seen_at")?,
            gone_at: opt_time(row, "gone_at")?,
        },
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

impl Session {
    pub async fn iteration(&mut self, id: IterationId) -> StoreResult<Option<KnownIteration>> {
        sqlx::query("SELECT * FROM iterations WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.db())
            .await?
            .map(|r| from_row(&r))
            .transpose()
    }

    pub async fn iteration_from(
        &mut self,
        integration: IntegrationId,
        source_id: &str,
    ) -> StoreResult<Option<KnownIteration>> {
        sqlx::query("SELECT * FROM iterations WHERE integration_id = $1 AND source_id = $2")
            .bind(integration.as_str())
            .bind(source_id)
            .fetch_optional(self.db())
            .await?
            .map(|r| from_row(&r))
            .transpose()
    }

    /// All of an integration, oldest first.
    pub async fn iterations_of(
        &mut self,
        integration: IntegrationId,
    ) -> StoreResult<Vec<KnownIteration>> {
        sqlx::query("SELECT * FROM iterations WHERE integration_id = $1 ORDER BY created_at, id")
            .bind(integration.as_str())
            .fetch_all(self.db())
            .await?
            .iter()
            .map(from_row)
            .collect()
    }

    /// Newest first, with the number of all that match.
    pub async fn iterations(
        &mut self,
        organization: OrganizationId,
        query: &IterationQuery,
    ) -> StoreResult<(Vec<KnownIteration>, u64)> {
        let filter = |sql: &mut QueryBuilder<Sqlite>| {
            sql.push(
                " FROM iterations i JOIN integrations n ON n.id = i.integration_id \
                 WHERE n.organization_id = ",
            )
            .push_bind(organization.as_str().to_owned());
            if let Some(integration) = query.integration {
                sql.push(" AND i.integration_id = ")
                    .push_bind(integration.as_str().to_owned());
            }
            if let Some(state) = query.state {
                sql.push(" AND i.state = ").push_bind(state.as_str());
            }
        };
        let mut total = QueryBuilder::<Sqlite>::new("SELECT COUNT(*) AS n");
        filter(&mut total);
        let total = count(&total.build().fetch_one(self.db()).await?, "n")?;
        let mut sql = QueryBuilder::<Sqlite>::new("SELECT i.*");
        filter(&mut sql);
        sql.push(" ORDER BY i.created_at DESC, i.id DESC LIMIT ")
            .push_bind(signed(query.limit))
            .push(" OFFSET ")
            .push_bind(signed(query.offset));
        let rows = sql.build().fetch_all(self.db()).await?;
        let found = rows.iter().map(from_row).collect::<StoreResult<_>>()?;
        Ok((found, total))
    }

    /// Those that automations have not looked at since they changed.
    pub async fn pending_iterations(&mut self, limit: u64) -> StoreResult<Vec<KnownIteration>> {
        sqlx::query(
            "SELECT * FROM iterations WHERE pending = TRUE ORDER BY updated_at, id LIMIT $1",
        )
        .bind(signed(limit))
        .fetch_all(self.db())
        .await?
        .iter()
        .map(from_row)
        .collect()
    }

    /// Those whose dates say something else by now.
    pub async fn iterations_to_tick(&mut self, now: Timestamp) -> StoreResult<Vec<KnownIteration>> {
        sqlx::query("SELECT * FROM iterations WHERE next_at <= $1 ORDER BY next_at, id")
            .bind(micros(now))
            .fetch_all(self.db())
            .await?
            .iter()
            .map(from_row)
            .collect()
    }

    /// The next moment at which an iteration's dates, or a binding, want to be looked at.
    pub async fn next_planning_at(&mut self) -> StoreResult<Option<Timestamp>> {
        let row = sqlx::query(
            "SELECT MIN(at) AS at FROM (SELECT MIN(next_at) AS at FROM iterations \
             UNION ALL SELECT MIN(check_at) AS at FROM bindings) AS both",
        )
        .fetch_one(self.db())
        .await?;
        opt_time(&row, "at")
    }
}

impl Tx {
    /// Makes it or writes it anew. `pending`: automations have to look at it.
    pub async fn put_iteration(&mut self, i: &KnownIteration, pending: bool) -> StoreResult<()> {
        let record = &i.record;
        let next_at = record.next_change(i.updated_at);
        let changed = sqlx::query(
            "UPDATE iterations SET iteration = $2, name = $3, state = $4, seen_at = $5, gone_at = $6, \
             next_at = $7, pending = CASE WHEN $8 THEN TRUE ELSE pending END, updated_at = $9 WHERE id = $1",
        )
        .bind(i.id.as_str())
        .bind(json(Some(&record.iteration))?)
        .bind(&record.iteration.name)
        .bind(record.state.as_str())
        .bind(micros(record.seen_at))
        .bind(opt_micros(record.gone_at))
        .bind(opt_micros(next_at))
        .bind(pending)
        .bind(micros(i.updated_at))
        .execute(self.db())
        .await?
        .rows_affected();
        if changed > 0 {
            return Ok(());
        }
        sqlx::query(
            "INSERT INTO iterations (id, integration_id, source_id, iteration, name, state, seen_at, \
             gone_at, next_at, pending, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        )
        .bind(i.id.as_str())
        .bind(i.integration_id.as_str())
        .bind(&record.iteration.source_id)
        .bind(json(Some(&record.iteration))?)
        .bind(&record.iteration.name)
        .bind(record.state.as_str())
        .bind(micros(record.seen_at))
        .bind(opt_micros(record.gone_at))
        .bind(opt_micros(next_at))
        .bind(pending)
        .bind(micros(i.created_at))
        .bind(micros(i.updated_at))
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Automations have looked at it.
    pub async fn iteration_matched(&mut self, id: IterationId) -> StoreResult<()> {
        sqlx::query("UPDATE iterations SET pending = FALSE WHERE id = $1")
            .bind(id.as_str())
            .execute(self.db())
            .await?;
        Ok(())
    }
}
