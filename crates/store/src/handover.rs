//! Handovers: secrets that are on their way, sealed until they have arrived.

use crate::error::StoreResult;
use crate::integration::opened;
use crate::row::{
    corrupt, count, json, micros, opt_duration, opt_json, opt_micros, opt_text, opt_time, parsed,
    text, time,
};
use crate::session::{Session, Tx};
use jiff::Timestamp;
use offshoot_core::automation::Deliver;
use offshoot_core::handover::{Handover, Issued, Life};
use offshoot_core::id::{AutomationId, BindingId, BranchId, HandoverId, IntegrationId};
use secrecy::{ExposeSecret, SecretString};
use sqlx::sqlite::SqliteRow;

fn secret_identity(id: HandoverId) -> String {
    format!("handovers.secret.{id}")
}

fn link_identity(id: HandoverId) -> String {
    format!("handovers.link.{id}")
}

fn number(row: &SqliteRow, column: &str) -> StoreResult<u32> {
    u32::try_from(count(row, column)?).map_err(|_| corrupt(column))
}

fn from_row(row: &SqliteRow) -> StoreResult<Handover> {
    Ok(Handover {
        id: parsed(row, "id")?,
        binding_id: parsed(row, "binding_id")?,
        password_id: parsed(row, "password_id")?,
        credential: text(row, "credential")?,
        generation: number(row, "generation")?,
        deliver: opt_json(row, "deliver")?.ok_or_else(|| corrupt("deliver"))?,
        state: parsed(row, "state")?,
        attempts: number(row, "attempts")?,
        retry_at: opt_time(row, "retry_at")?,
        failure: opt_text(row, "failure")?,
        expires_at: opt_time(row, "expires_at")?,
        delivered_at: opt_time(row, "delivered_at")?,
        created_at: time(row, "created_at")?,
    })
}

impl Session {
    pub async fn handover(&mut self, id: HandoverId) -> StoreResult<Option<Handover>> {
        sqlx::query("SELECT * FROM handovers WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.db())
            .await?
            .map(|r| from_row(&r))
            .transpose()
    }

    /// The credentials that a branch was given by its rule, the newest of each name.
    pub async fn issued(&mut self, branch: BranchId) -> StoreResult<Vec<Issued>> {
        sqlx::query(
            "SELECT h.credential, h.generation, p.ttl, p.expires_at FROM handovers h \
             LEFT JOIN passwords p ON p.id = h.password_id \
             WHERE h.branch_id = $1 AND h.generation = (SELECT MAX(n.generation) FROM handovers n \
             WHERE n.branch_id = h.branch_id AND n.credential = h.credential) ORDER BY h.credential",
        )
        .bind(branch.as_str())
        .fetch_all(self.db())
        .await?
        .iter()
        .map(|r| {
            let life = opt_duration(r, "ttl")?.zip(opt_time(r, "expires_at")?);
            Ok(Issued {
                credential: text(r, "credential")?,
                generation: number(r, "generation")?,
                life: life.map(|(ttl, expires_at)| Life { ttl, expires_at }),
            })
        })
        .collect()
    }

    /// Of one credential of a branch, the newest first.
    pub async fn handovers_of_credential(
        &mut self,
        branch: BranchId,
        credential: &str,
    ) -> StoreResult<Vec<Handover>> {
        sqlx::query(
            "SELECT * FROM handovers WHERE branch_id = $1 AND credential = $2 ORDER BY generation DESC",
        )
        .bind(branch.as_str())
        .bind(credential)
        .fetch_all(self.db())
        .await?
        .iter()
        .map(from_row)
        .collect()
    }

    /// Of a binding's branch of today, by name, the newest of each name first.
    pub async fn handovers_of(&mut self, binding: BindingId) -> StoreResult<Vec<Handover>> {
        sqlx::query(
            "SELECT h.* FROM handovers h JOIN bindings b ON b.id = h.binding_id AND b.branch_id = h.branch_id \
             WHERE h.binding_id = $1 ORDER BY h.credential, h.generation DESC",
        )
        .bind(binding.as_str())
        .fetch_all(self.db())
        .await?
        .iter()
        .map(from_row)
        .collect()
    }

    /// Those that may be sent now: their branch is made, and the schema that it began with is known. Links
    /// wait for whoever opens them.
    pub async fn handovers_to_send(&mut self, now: Timestamp) -> StoreResult<Vec<Handover>> {
        sqlx::query(
            "SELECT h.* FROM handovers h JOIN bindings b ON b.id = h.binding_id AND b.branch_id = h.branch_id \
             JOIN branches r ON r.id = h.branch_id AND r.deleting = FALSE AND r.state <> 'pending' \
             WHERE h.state = 'pending' AND h.link IS NULL AND b.base IS NOT NULL \
             AND (h.retry_at IS NULL OR h.retry_at <= $1) ORDER BY h.created_at, h.id",
        )
        .bind(micros(now))
        .fetch_all(self.db())
        .await?
        .iter()
        .map(from_row)
        .collect()
    }

    /// Those whose time is over, or whose branch or password is gone.
    pub async fn handovers_to_expire(&mut self, now: Timestamp) -> StoreResult<Vec<Handover>> {
        sqlx::query(
            "SELECT h.* FROM handovers h LEFT JOIN branches r ON r.id = h.branch_id AND r.deleting = FALSE \
             LEFT JOIN passwords p ON p.id = h.password_id \
             WHERE h.state = 'pending' AND (h.expires_at <= $1 OR r.id IS NULL OR p.id IS NULL)",
        )
        .bind(micros(now))
        .fetch_all(self.db())
        .await?
        .iter()
        .map(from_row)
        .collect()
    }

    /// Its branch; usable when the schema that it began with is known.
    pub async fn handover_branch(
        &mut self,
        id: HandoverId,
    ) -> StoreResult<Option<(BranchId, bool)>> {
        let row = sqlx::query(
            "SELECT h.branch_id, b.base FROM handovers h JOIN bindings b ON b.id = h.binding_id WHERE h.id = $1",
        )
        .bind(id.as_str())
        .fetch_optional(self.db())
        .await?;
        row.map(|r| Ok((parsed(&r, "branch_id")?, opt_text(&r, "base")?.is_some())))
            .transpose()
    }

    /// The secret that is on its way; `None` when it is not any more.
    pub async fn handover_secret(&mut self, id: HandoverId) -> StoreResult<Option<SecretString>> {
        self.sealed_of(id, "secret", &secret_identity(id)).await
    }

    /// What the link's address ends with; `None` for other handovers, and when it was opened.
    pub async fn handover_link(&mut self, id: HandoverId) -> StoreResult<Option<SecretString>> {
        self.sealed_of(id, "link", &link_identity(id)).await
    }

    async fn sealed_of(
        &mut self,
        id: HandoverId,
        column: &str,
        identity: &str,
    ) -> StoreResult<Option<SecretString>> {
        let row = sqlx::query("SELECT secret, link FROM handovers WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.db())
            .await?;
        let sealed = row.map(|r| opt_text(&r, column)).transpose()?.flatten();
        sealed
            .map(|sealed| opened(&self.key, identity, &sealed))
            .transpose()
    }
}

impl Tx {
    /// `Taken`: the branch has that generation of the credential.
    pub async fn insert_handover(
        &mut self,
        h: &Handover,
        branch: BranchId,
        secret: &SecretString,
        link: Option<&SecretString>,
    ) -> StoreResult<()> {
        let plain = secret.expose_secret().as_bytes();
        let sealed = self.key.seal(&secret_identity(h.id), plain)?;
        let link = link
            .map(|l| {
                let plain = l.expose_secret().as_bytes();
                self.key.seal(&link_identity(h.id), plain)
            })
            .transpose()?;
        sqlx::query(
            "INSERT INTO handovers (id, binding_id, branch_id, password_id, credential, generation, deliver, \
             state, secret, link, attempts, expires_at, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, $11, $12)",
        )
        .bind(h.id.as_str())
        .bind(h.binding_id.as_str())
        .bind(branch.as_str())
        .bind(h.password_id.as_str())
        .bind(&h.credential)
        .bind(i64::from(h.generation))
        .bind(json(Some(&h.deliver))?)
        .bind(h.state.as_str())
        .bind(sealed)
        .bind(link)
        .bind(opt_micros(h.expires_at))
        .bind(micros(h.created_at))
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// It has arrived: the secret is gone from here. `false`: it was not pending any more.
    pub async fn handover_delivered(
        &mut self,
        id: HandoverId,
        now: Timestamp,
    ) -> StoreResult<bool> {
        self.end_handover(id, "delivered", Some(now)).await
    }

    pub async fn handover_expired(&mut self, id: HandoverId) -> StoreResult<bool> {
        self.end_handover(id, "expired", None).await
    }

    async fn end_handover(
        &mut self,
        id: HandoverId,
        state: &str,
        delivered_at: Option<Timestamp>,
    ) -> StoreResult<bool> {
        let ended = sqlx::query(
            "UPDATE handovers SET state = $2, secret = NULL, link = NULL, retry_at = NULL, \
             failure = CASE WHEN $3 IS NULL THEN failure ELSE NULL END, delivered_at = $3 \
             WHERE id = $1 AND state = 'pending'",
        )
        .bind(id.as_str())
        .bind(state)
        .bind(opt_micros(delivered_at))
        .execute(self.db())
        .await?;
        Ok(ended.rows_affected() > 0)
    }

    /// A try failed.
    pub async fn handover_failed(
        &mut self,
        id: HandoverId,
        failure: &str,
        retry_at: Timestamp,
    ) -> StoreResult<()> {
        sqlx::query(
            "UPDATE handovers SET attempts = attempts + 1, failure = $2, retry_at = $3 \
             WHERE id = $1 AND state = 'pending'",
        )
        .bind(id.as_str())
        .bind(failure)
        .bind(micros(retry_at))
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// The rule says otherwise by now how it is to be delivered.
    pub async fn redirect_handover(
        &mut self,
        id: HandoverId,
        deliver: &Deliver,
    ) -> StoreResult<()> {
        sqlx::query("UPDATE handovers SET deliver = $2 WHERE id = $1 AND state = 'pending'")
            .bind(id.as_str())
            .bind(json(Some(deliver))?)
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// What did not arrive is sent again now: its rule, or a token, is another.
    pub async fn retry_handovers_of(&mut self, automation: AutomationId) -> StoreResult<()> {
        sqlx::query(
            "UPDATE handovers SET retry_at = NULL WHERE state = 'pending' AND binding_id IN \
             (SELECT id FROM bindings WHERE automation_id = $1)",
        )
        .bind(automation.as_str())
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// The same for all automations of an integration.
    pub async fn retry_handovers_by(&mut self, integration: IntegrationId) -> StoreResult<()> {
        sqlx::query(
            "UPDATE handovers SET retry_at = NULL WHERE state = 'pending' AND binding_id IN \
             (SELECT b.id FROM bindings b JOIN automations a ON a.id = b.automation_id \
             WHERE a.integration_id = $1)",
        )
        .bind(integration.as_str())
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Forgets one whose password is gone.
    pub async fn delete_handover(&mut self, id: HandoverId) -> StoreResult<()> {
        sqlx::query("DELETE FROM handovers WHERE id = $1")
            .bind(id.as_str())
            .execute(self.db())
            .await?;
        Ok(())
    }
}
