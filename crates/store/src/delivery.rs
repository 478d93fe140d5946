//! Deliveries: stored as they came, then with what became of them.

use crate::error::StoreResult;
use crate::row::{
    corrupt, count, json, micros, opt_json, opt_text, opt_time, parsed, signed, text, time,
};
use crate::session::{Session, Tx};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use offshoot_core::delivery::{Delivery, DeliveryState, RawRequest, Told};
use offshoot_core::id::{DeliveryId, IntegrationId};
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite};

#[derive(Serialize, Deserialize)]
struct Head {
    url: String,
    headers: Vec<(String, String)>,
}

/// All but the request, which may be long.
const COLUMNS: &str = "id, integration_id, key, origin, event, size, state, reason, told, seen, \
     received_at, processed_at";

fn from_row(row: &SqliteRow) -> StoreResult<Delivery> {
    Ok(Delivery {
        id: parsed(row, "id")?,
        integration_id: parsed(row, "integration_id")?,
        key: text(row, "key")?,
        origin: parsed(row, "origin")?,
        event: opt_text(row, "event")?,
        state: parsed(row, "state")?,
        reason: opt_text(row, "reason")?,
        told: opt_json(row, "told")?.unwrap_or_default(),
        seen: count(row, "seen")?,
        size: count(row, "size")?,
        received_at: time(row, "received_at")?,
        processed_at: opt_time(row, "processed_at")?,
    })
}

impl Session {
    pub async fn delivery(&mut self, id: DeliveryId) -> StoreResult<Option<Delivery>> {
        QueryBuilder::<Sqlite>::new("SELECT ")
            .push(COLUMNS)
            .push(" FROM deliveries WHERE id = ")
            .push_bind(id.as_str().to_owned())
            .build()
            .fetch_optional(self.db())
            .await?
            .map(|r| from_row(&r))
            .transpose()
    }

    /// Newest first, with the number of all.
    pub async fn deliveries(
        &mut self,
        integration: IntegrationId,
        state: Option<DeliveryState>,
        offset: u64,
        limit: u64,
    ) -> StoreResult<(Vec<Delivery>, u64)> {
        let filter = |sql: &mut QueryBuilder<Sqlite>| {
            sql.push(" FROM deliveries WHERE integration_id = ")
                .push_bind(integration.as_str().to_owned());
            if let Some(state) = state {
                sql.push(" AND state = ").push_bind(state.as_str());
            }
        };
        let mut total = QueryBuilder::<Sqlite>::new("SELECT COUNT(*) AS n");
        filter(&mut total);
        let total = count(&total.build().fetch_one(self.db()).await?, "n")?;
        let mut sql = QueryBuilder::<Sqlite>::new("SELECT ");
        sql.push(COLUMNS);
        filter(&mut sql);
        sql.push(" ORDER BY received_at DESC, id DESC LIMIT ")
            .push_bind(signed(limit))
            .push(" OFFSET ")
            .push_bind(signed(offset));
        let rows = sql.build().fetch_all(self.db()).await?;
        let found = rows.iter().map(from_row).collect::<StoreResult<_>>()?;
        Ok((found, total))
    }

    /// Those that nothing was done with yet, oldest first.
    pub async fn received_deliveries(&mut self, limit: u64) -> StoreResult<Vec<Delivery>> {
        QueryBuilder::<Sqlite>::new("SELECT ")
            .push(COLUMNS)
            .push(" FROM deliveries WHERE state = 'received' ORDER BY received_at, id LIMIT ")
            .push_bind(signed(limit))
            .build()
            .fetch_all(self.db())
            .await?
            .iter()
            .map(from_row)
            .collect()
    }

    /// As it came; `None` for what was polled.
    pub async fn delivery_request(&mut self, id: DeliveryId) -> StoreResult<Option<RawRequest>> {
        let row = sqlx::query("SELECT request, body FROM deliveries WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.db())
            .await?;
        let Some(row) = row else { return Ok(None) };
        let (Some(head), Some(body)) =
            (opt_json::<Head>(&row, "request")?, opt_text(&row, "body")?)
        else {
            return Ok(None);
        };
        Ok(Some(RawRequest {
            url: head.url,
            headers: head.headers,
            body: STANDARD.decode(body).map_err(|_| corrupt("body"))?,
        }))
    }
}

impl Tx {
    /// `false`: the same event is there already, and is counted.
    pub async fn insert_delivery(
        &mut self,
        d: &Delivery,
        request: Option<&RawRequest>,
    ) -> StoreResult<bool> {
        let head = request.map(|r| Head {
            url: r.url.clone(),
            headers: r.headers.clone(),
        });
        let again = sqlx::query(
            "UPDATE deliveries SET seen = seen + 1 WHERE integration_id = $1 AND key = $2",
        )
        .bind(d.integration_id.as_str())
        .bind(&d.key)
        .execute(self.db())
        .await?;
        if again.rows_affected() > 0 {
            return Ok(false);
        }
        sqlx::query(
            "INSERT INTO deliveries (id, integration_id, key, origin, event, request, body, size, state, \
             reason, told, seen, received_at, processed_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1, $12, $13)",
        )
        .bind(d.id.as_str())
        .bind(d.integration_id.as_str())
        .bind(&d.key)
        .bind(d.origin.as_str())
        .bind(&d.event)
        .bind(json(head.as_ref())?)
        .bind(request.map(|r| STANDARD.encode(&r.body)))
        .bind(signed(d.size))
        .bind(d.state.as_str())
        .bind(&d.reason)
        .bind(json(Some(&d.told).filter(|t| !t.is_empty()))?)
        .bind(micros(d.received_at))
        .bind(d.processed_at.map(micros))
        .execute(self.db())
        .await?;
        sqlx::query("UPDATE integrations SET last_delivery_at = $2 WHERE id = $1")
            .bind(d.integration_id.as_str())
            .bind(micros(d.received_at))
            .execute(self.db())
            .await?;
        Ok(true)
    }

    /// What became of it.
    pub async fn settle_delivery(
        &mut self,
        id: DeliveryId,
        state: DeliveryState,
        reason: Option<&str>,
        told: &[Told],
        now: Timestamp,
    ) -> StoreResult<()> {
        sqlx::query(
            "UPDATE deliveries SET state = $2, reason = $3, told = $4, processed_at = $5 WHERE id = $1",
        )
        .bind(id.as_str())
        .bind(state.as_str())
        .bind(reason)
        .bind(json(Some(&told).filter(|t| !t.is_empty()))?)
        .bind((state != DeliveryState::Received).then_some(micros(now)))
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Forgets those that were worked on before then.
    pub async fn delete_deliveries_until(&mut self, until: Timestamp) -> StoreResult<()> {
        sqlx::query("DELETE FROM deliveries WHERE received_at < $1 AND state <> 'received'")
            .bind(micros(until))
            .execute(self.db())
            .await?;
        Ok(())
    }
}
