//! Webhooks, and the events on their way to them: the outbox.

use crate::error::StoreResult;
use crate::integration::opened;
use crate::row::{
    corrupt, count, duration, flag, json, micros, opt_count, opt_duration, opt_json, opt_micros,
    opt_text, opt_time, parsed, signed, text, time,
};
use crate::session::{Session, Tx};
use jiff::Timestamp;
use offshoot_core::audit::AuditEvent;
use offshoot_core::id::{DatabaseId, RawId, WebhookDeliveryId, WebhookId};
use offshoot_core::webhook::{
    AfterTry, EventName, Happened, LastSent, SendState, Tried, Webhook, WebhookDelivery,
};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite};

/// Which deliveries a list holds.
#[derive(Clone, Copy, Debug, Default)]
pub struct SentQuery {
    pub state: Option<SendState>,
    pub event: Option<EventName>,
    pub offset: u64,
    pub limit: u64,
}

fn identity(id: WebhookId) -> String {
    format!("webhooks.secret.{id}")
}

fn from_row(row: &SqliteRow) -> StoreResult<Webhook> {
    Ok(Webhook {
        id: parsed(row, "id")?,
        database_id: parsed(row, "database_id")?,
        url: text(row, "url")?,
        enabled: flag(row, "enabled")?,
        events: opt_json(row, "events")?.ok_or_else(|| corrupt("events"))?,
        disabled_reason: opt_text(row, "disabled_reason")?,
        failures: u32::try_from(count(row, "failures")?).map_err(|_| corrupt("failures"))?,
        retry_at: opt_time(row, "retry_at")?,
        last: opt_json(row, "last")?,
        actor: text(row, "actor")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

fn delivery(row: &SqliteRow) -> StoreResult<WebhookDelivery> {
    Ok(WebhookDelivery {
        id: parsed(row, "id")?,
        webhook_id: parsed(row, "webhook_id")?,
        event: parsed(row, "event")?,
        subject_type: text(row, "subject_type")?,
        subject_id: text(row, "subject_id")?,
        subject: text(row, "subject")?,
        body: opt_text(row, "body")?,
        state: parsed(row, "state")?,
        attempts: u32::try_from(count(row, "attempts")?).map_err(|_| corrupt("attempts"))?,
        retry_at: opt_time(row, "retry_at")?,
        status: opt_count(row, "status")?
            .map(u16::try_from)
            .transpose()
            .map_err(|_| corrupt("status"))?,
        took: opt_duration(row, "took")?,
        failure: opt_text(row, "failure")?,
        tried_at: opt_time(row, "tried_at")?,
        happened_at: time(row, "happened_at")?,
    })
}

/// The same event to the same webhook has the same id, whoever writes it down.
fn delivery_id(happened: &Happened, webhook: WebhookId) -> WebhookDeliveryId {
    let mut digest = Sha256::new();
    digest.update(happened.id.as_str());
    digest.update(webhook.as_str());
    let digest: [u8; 32] = digest.finalize().into();
    let mut entropy = [0; offshoot_core::id::LENGTH];
    entropy.copy_from_slice(&digest[..offshoot_core::id::LENGTH]);
    RawId::from_entropy(entropy).into()
}

impl Session {
    pub async fn webhook(&mut self, id: WebhookId) -> StoreResult<Option<Webhook>> {
        sqlx::query("SELECT * FROM webhooks WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.db())
            .await?
            .map(|r| from_row(&r))
            .transpose()
    }

    /// The oldest first.
    pub async fn webhooks(&mut self, database: DatabaseId) -> StoreResult<Vec<Webhook>> {
        sqlx::query("SELECT * FROM webhooks WHERE database_id = $1 ORDER BY created_at, id")
            .bind(database.as_str())
            .fetch_all(self.db())
            .await?
            .iter()
            .map(from_row)
            .collect()
    }

    /// What its bodies are signed with.
    pub async fn webhook_signing(&mut self, id: WebhookId) -> StoreResult<Option<SecretString>> {
        let row = sqlx::query("SELECT secret FROM webhooks WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.db())
            .await?;
        row.map(|r| opened(&self.key, &identity(id), &text(&r, "secret")?))
            .transpose()
    }

    /// Those to which something may be sent now.
    pub async fn webhooks_to_send(&mut self, now: Timestamp) -> StoreResult<Vec<WebhookId>> {
        sqlx::query(
            "SELECT DISTINCT w.id FROM webhook_deliveries v JOIN webhooks w ON w.id = v.webhook_id \
             WHERE v.state = 'pending' AND (v.retry_at IS NULL OR v.retry_at <= $1) \
             AND (v.event = 'webhook.test' \
                  OR (w.enabled = TRUE AND (w.retry_at IS NULL OR w.retry_at <= $1)))",
        )
        .bind(micros(now))
        .fetch_all(self.db())
        .await?
        .iter()
        .map(|r| parsed(r, "id"))
        .collect()
    }

    /// What is sent to it next: tests first, then what happened first.
    pub async fn next_delivery(
        &mut self,
        id: WebhookId,
        now: Timestamp,
    ) -> StoreResult<Option<(Webhook, WebhookDelivery)>> {
        let Some(webhook) = self.webhook(id).await? else {
            return Ok(None);
        };
        let open = webhook.enabled && webhook.retry_at.is_none_or(|at| at <= now);
        let row = sqlx::query(
            "SELECT * FROM webhook_deliveries WHERE webhook_id = $1 AND state = 'pending' \
             AND (retry_at IS NULL OR retry_at <= $2) AND (event = 'webhook.test' OR $3 = TRUE) \
             ORDER BY CASE WHEN event = 'webhook.test' THEN 0 ELSE 1 END, seq LIMIT 1",
        )
        .bind(id.as_str())
        .bind(micros(now))
        .bind(open)
        .fetch_optional(self.db())
        .await?;
        row.map(|r| Ok((webhook, delivery(&r)?))).transpose()
    }

    /// A delivery with its webhook, while they are there.
    pub async fn delivery_with_webhook(
        &mut self,
        webhook: WebhookId,
        delivery: WebhookDeliveryId,
    ) -> StoreResult<Option<(Webhook, WebhookDelivery)>> {
        let webhook = self.webhook(webhook).await?;
        let delivery = self.webhook_delivery(delivery).await?;
        Ok(webhook.zip(delivery))
    }

    /// Of one webhook, the newest first, with the number of all that match.
    pub async fn webhook_deliveries(
        &mut self,
        webhook: WebhookId,
        query: &SentQuery,
    ) -> StoreResult<(Vec<WebhookDelivery>, u64)> {
        let filter = |sql: &mut QueryBuilder<Sqlite>| {
            sql.push(" FROM webhook_deliveries WHERE webhook_id = ")
                .push_bind(webhook.as_str().to_owned());
            if let Some(state) = query.state {
                sql.push(" AND state = ").push_bind(state.as_str());
            }
            if let Some(event) = query.event {
                sql.push(" AND event = ").push_bind(event.as_str());
            }
        };
        let mut total = QueryBuilder::<Sqlite>::new("SELECT COUNT(*) AS n");
        filter(&mut total);
        let total = count(&total.build().fetch_one(self.db()).await?, "n")?;
        let mut sql = QueryBuilder::<Sqlite>::new("SELECT *");
        filter(&mut sql);
        sql.push(" ORDER BY seq DESC LIMIT ")
            .push_bind(signed(query.limit))
            .push(" OFFSET ")
            .push_bind(signed(query.offset));
        let rows = sql.build().fetch_all(self.db()).await?;
        let found = rows.iter().map(delivery).collect::<StoreResult<_>>()?;
        Ok((found, total))
    }

    pub async fn webhook_delivery(
        &mut self,
        id: WebhookDeliveryId,
    ) -> StoreResult<Option<WebhookDelivery>> {
        sqlx::query("SELECT * FROM webhook_deliveries WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.db())
            .await?
            .map(|r| delivery(&r))
            .transpose()
    }

    /// Somebody may be listening: nothing is looked up for events where nobody is.
    pub async fn anybody_listens(&mut self) -> StoreResult<bool> {
        let row = sqlx::query("SELECT 1 FROM webhooks WHERE enabled = TRUE LIMIT 1")
            .fetch_optional(self.db())
            .await?;
        Ok(row.is_some())
    }

    /// What the audit log tells, as an event of a database; `None` = it is none.
    async fn happened(&mut self, e: &AuditEvent) -> StoreResult<Option<Happened>> {
        let Some(event) = EventName::of_action(&e.action) else {
            return Ok(None);
        };
        let drill = e
            .metadata
            .get("drill")
            .filter(|_| e.action.starts_with("drill."));
        let (subject_type, subject_id) = match (drill, &e.subject_id) {
            (Some(drill), _) => ("Drill", drill.clone()),
            (None, Some(id)) => (e.subject_type, id.clone()),
            (None, None) => return Ok(None),
        };
        let row = match subject_type {
            "Branch" => sqlx::query("SELECT database_id AS id FROM branches WHERE id = $1"),
            "Backup" => sqlx::query("SELECT database_id AS id FROM backups WHERE id = $1"),
            _ => sqlx::query("SELECT database_id AS id FROM automations WHERE id = $1"),
        };
        let row = row.bind(&subject_id).fetch_optional(self.db()).await?;
        let database_id = match row {
            Some(row) => Some(parsed(&row, "id")?),
            // It is gone by now, and its event says where it was.
            None => self.database_told(e).await?,
        };
        Ok(database_id.map(|database_id| Happened {
            id: RawId::from(e.id).into(),
            event,
            database_id,
            subject_type,
            subject_id,
            subject: e.subject.clone(),
            at: e.at,
        }))
    }

    async fn database_told(&mut self, e: &AuditEvent) -> StoreResult<Option<DatabaseId>> {
        let Some(name) = e.metadata.get("database") else {
            return Ok(None);
        };
        sqlx::query("SELECT id FROM databases WHERE organization_id = $1 AND live_name = $2")
            .bind(e.organization_id.as_str())
            .bind(name)
            .fetch_optional(self.db())
            .await?
            .map(|r| parsed(&r, "id"))
            .transpose()
    }
}

impl Tx {
    pub async fn insert_webhook(&mut self, w: &Webhook, secret: &SecretString) -> StoreResult<()> {
        let plain = secret.expose_secret().as_bytes();
        let sealed = self.key.seal(&identity(w.id), plain)?;
        sqlx::query(
            "INSERT INTO webhooks (id, database_id, url, secret, enabled, events, failures, actor, \
             created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $9)",
        )
        .bind(w.id.as_str())
        .bind(w.database_id.as_str())
        .bind(&w.url)
        .bind(sealed)
        .bind(w.enabled)
        .bind(json(Some(&w.events))?)
        .bind(&w.actor)
        .bind(micros(w.created_at))
        .bind(micros(w.updated_at))
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Writes what people change, and what a change ends.
    pub async fn update_webhook(&mut self, w: &Webhook) -> StoreResult<()> {
        sqlx::query(
            "UPDATE webhooks SET url = $2, enabled = $3, events = $4, disabled_reason = $5, \
             failures = $6, retry_at = $7, updated_at = $8 WHERE id = $1",
        )
        .bind(w.id.as_str())
        .bind(&w.url)
        .bind(w.enabled)
        .bind(json(Some(&w.events))?)
        .bind(&w.disabled_reason)
        .bind(i64::from(w.failures))
        .bind(opt_micros(w.retry_at))
        .bind(micros(w.updated_at))
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// With what was on its way to it.
    pub async fn delete_webhook(&mut self, id: WebhookId) -> StoreResult<()> {
        sqlx::query("DELETE FROM webhooks WHERE id = $1")
            .bind(id.as_str())
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// Puts the event of an action into the outbox, where it is one.
    pub(crate) async fn publish_audit(&mut self, e: &AuditEvent) -> StoreResult<()> {
        if EventName::of_action(&e.action).is_none() || !self.anybody_listens().await? {
            return Ok(());
        }
        match self.happened(e).await? {
            Some(happened) => self.publish(&happened).await.map(drop),
            None => Ok(()),
        }
    }

    /// Puts an event into the outbox, in the transaction that makes it true: one delivery for each webhook
    /// that asked for it. How many there are.
    pub async fn publish(&mut self, happened: &Happened) -> StoreResult<usize> {
        let mut told = 0;
        for webhook in self.webhooks(happened.database_id).await? {
            if webhook.enabled && webhook.events.contains(&happened.event) {
                self.insert_webhook_delivery(webhook.id, happened).await?;
                told += 1;
            }
        }
        Ok(told)
    }

    /// To one webhook, also where it is switched off or asked for something else.
    pub async fn insert_webhook_delivery(
        &mut self,
        webhook: WebhookId,
        happened: &Happened,
    ) -> StoreResult<WebhookDeliveryId> {
        let id = delivery_id(happened, webhook);
        sqlx::query(
            "INSERT INTO webhook_deliveries (id, webhook_id, seq, event, subject_type, subject_id, \
             subject, state, attempts, happened_at) \
             SELECT $1, $2, COALESCE(MAX(seq), 0) + 1, $3, $4, $5, $6, 'pending', 0, $7 \
             FROM webhook_deliveries",
        )
        .bind(id.as_str())
        .bind(webhook.as_str())
        .bind(happened.event.as_str())
        .bind(happened.subject_type)
        .bind(&happened.subject_id)
        .bind(&happened.subject)
        .bind(micros(happened.at))
        .execute(self.db())
        .await?;
        Ok(id)
    }

    /// What is sent from now on, unless that is known already.
    pub async fn set_delivery_body(
        &mut self,
        id: WebhookDeliveryId,
        body: &str,
    ) -> StoreResult<()> {
        sqlx::query("UPDATE webhook_deliveries SET body = $2 WHERE id = $1 AND body IS NULL")
            .bind(id.as_str())
            .bind(body)
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// What became of a try, at the delivery and at its webhook.
    pub async fn delivery_tried(
        &mut self,
        webhook: &Webhook,
        id: WebhookDeliveryId,
        tried: &Tried,
        after: &AfterTry,
    ) -> StoreResult<()> {
        sqlx::query(
            "UPDATE webhook_deliveries SET state = $2, attempts = $3, retry_at = $4, status = $5, \
             took = $6, failure = $7, tried_at = $8 WHERE id = $1",
        )
        .bind(id.as_str())
        .bind(after.state.as_str())
        .bind(i64::from(after.attempts))
        .bind(opt_micros(after.retry_at))
        .bind(tried.status.map(i64::from))
        .bind(duration(Some(tried.took)))
        .bind(&tried.failure)
        .bind(micros(tried.at))
        .execute(self.db())
        .await?;
        let last = LastSent {
            at: tried.at,
            success: tried.failure.is_none(),
            result: match (&tried.failure, tried.status) {
                (Some(failure), _) => failure.clone(),
                (None, Some(status)) => status.to_string(),
                (None, None) => String::new(),
            },
        };
        let disable = after.disable.as_ref().filter(|_| webhook.enabled);
        sqlx::query(
            "UPDATE webhooks SET failures = $2, retry_at = $3, last = $4, \
             enabled = CASE WHEN $5 IS NULL THEN enabled ELSE FALSE END, \
             disabled_reason = COALESCE($5, disabled_reason) WHERE id = $1",
        )
        .bind(webhook.id.as_str())
        .bind(i64::from(after.failures))
        .bind(opt_micros(after.pause_until))
        .bind(json(Some(&last))?)
        .bind(disable)
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Sends a delivery again, from the beginning, under its id and with its body.
    pub async fn replay_webhook_delivery(&mut self, id: WebhookDeliveryId) -> StoreResult<()> {
        sqlx::query(
            "UPDATE webhook_deliveries SET state = 'pending', attempts = 0, retry_at = NULL, \
             failure = NULL WHERE id = $1",
        )
        .bind(id.as_str())
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Forgets what happened before then, and of each webhook all but the newest `kept`.
    pub async fn sweep_webhook_deliveries(
        &mut self,
        until: Timestamp,
        kept: u64,
    ) -> StoreResult<()> {
        sqlx::query("DELETE FROM webhook_deliveries WHERE happened_at < $1")
            .bind(micros(until))
            .execute(self.db())
            .await?;
        let full = sqlx::query(
            "SELECT webhook_id FROM webhook_deliveries GROUP BY webhook_id HAVING COUNT(*) > $1",
        )
        .bind(signed(kept))
        .fetch_all(self.db())
        .await?;
        for row in full {
            let webhook = text(&row, "webhook_id")?;
            let last = sqlx::query(
                "SELECT seq FROM webhook_deliveries WHERE webhook_id = $1 \
                 ORDER BY seq DESC LIMIT 1 OFFSET $2",
            )
            .bind(&webhook)
            .bind(signed(kept))
            .fetch_one(self.db())
            .await?;
            sqlx::query("DELETE FROM webhook_deliveries WHERE webhook_id = $1 AND seq <= $2")
                .bind(&webhook)
                .bind(signed(count(&last, "seq")?))
                .execute(self.db())
                .await?;
        }
        Ok(())
    }
}
