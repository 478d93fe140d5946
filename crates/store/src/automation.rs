//! Automations of databases.

use crate::error::StoreResult;
use crate::integration::opened;
use crate::row::{
    corrupt, count, flag, json, micros, opt_json, opt_text, parsed, signed, text, time,
};
use crate::session::{Session, Tx};
use offshoot_core::automation::Automation;
use offshoot_core::id::{AutomationId, DatabaseId, IntegrationId};
use offshoot_core::name::AutomationName;
use secrecy::{ExposeSecret, SecretString};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

/// What [`Session::automations_stamp`] compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AutomationsStamp(u64, i64);

fn identity(id: AutomationId) -> String {
    format!("automations.webhook_secret.{id}")
}

fn from_row(row: &SqliteRow) -> StoreResult<Automation> {
    Ok(Automation {
        id: parsed(row, "id")?,
        database_id: parsed(row, "database_id")?,
        integration_id: parsed(row, "integration_id")?,
        name: AutomationName::parse(&text(row, "name")?).map_err(|_| corrupt("name"))?,
        enabled: flag(row, "enabled")?,
        rule: opt_json(row, "rule")?.ok_or_else(|| corrupt("rule"))?,
        actor: text(row, "actor")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

impl Session {
    pub async fn automation(&mut self, id: AutomationId) -> StoreResult<Option<Automation>> {
        sqlx::query("SELECT * FROM automations WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.db())
            .await?
            .map(|r| from_row(&r))
            .transpose()
    }

    pub async fn automation_named(
        &mut self,
        database: DatabaseId,
        name_or_id: &str,
    ) -> StoreResult<Option<Automation>> {
        sqlx::query(
            "SELECT * FROM automations WHERE database_id = $1 AND (name = $2 OR id = $2) \
             ORDER BY CASE WHEN name = $2 THEN 0 ELSE 1 END LIMIT 1",
        )
        .bind(database.as_str())
        .bind(name_or_id)
        .fetch_optional(self.db())
        .await?
        .map(|r| from_row(&r))
        .transpose()
    }

    /// By name, with the number of all.
    pub async fn automations(
        &mut self,
        database: DatabaseId,
        offset: u64,
        limit: u64,
    ) -> StoreResult<(Vec<Automation>, u64)> {
        let total = sqlx::query("SELECT COUNT(*) AS n FROM automations WHERE database_id = $1")
            .bind(database.as_str())
            .fetch_one(self.db())
            .await?;
        let rows = sqlx::query(
            "SELECT * FROM automations WHERE database_id = $1 ORDER BY name LIMIT $2 OFFSET $3",
        )
        .bind(database.as_str())
        .bind(signed(limit))
        .bind(signed(offset))
        .fetch_all(self.db())
        .await?;
        let found = rows.iter().map(from_row).collect::<StoreResult<_>>()?;
        Ok((found, count(&total, "n")?))
    }

    /// Those that go by an integration, of databases that are not being deleted.
    pub async fn automations_by(&mut self, id: IntegrationId) -> StoreResult<Vec<Automation>> {
        sqlx::query(
            "SELECT a.* FROM automations a JOIN databases d ON d.id = a.database_id \
             WHERE a.integration_id = $1 AND d.deleting = FALSE ORDER BY a.created_at, a.id",
        )
        .bind(id.as_str())
        .fetch_all(self.db())
        .await?
        .iter()
        .map(from_row)
        .collect()
    }

    /// Tells those that go by an integration from those of another moment: any change of one is another stamp.
    pub async fn automations_stamp(&mut self, id: IntegrationId) -> StoreResult<AutomationsStamp> {
        // The remainder keeps the sum within 64 bits for billions of them.
        let row = sqlx::query(
            "SELECT COUNT(*) AS n, COALESCE(SUM(a.updated_at % 1000000007), 0) AS at \
             FROM automations a JOIN databases d ON d.id = a.database_id \
             WHERE a.integration_id = $1 AND d.deleting = FALSE",
        )
        .bind(id.as_str())
        .fetch_one(self.db())
        .await?;
        Ok(AutomationsStamp(count(&row, "n")?, row.try_get("at")?))
    }

    /// Those that have not looked at the iterations since they changed.
    pub async fn pending_automations(&mut self) -> StoreResult<Vec<Automation>> {
        sqlx::query(
            "SELECT a.* FROM automations a JOIN databases d ON d.id = a.database_id \
             WHERE a.pending = TRUE AND d.deleting = FALSE ORDER BY a.updated_at, a.id",
        )
        .fetch_all(self.db())
        .await?
        .iter()
        .map(from_row)
        .collect()
    }

    /// What its webhooks are signed with.
    pub async fn webhook_secret(&mut self, id: AutomationId) -> StoreResult<Option<SecretString>> {
        let row = sqlx::query("SELECT webhook_secret FROM automations WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.db())
            .await?;
        let sealed = row
            .map(|r| opt_text(&r, "webhook_secret"))
            .transpose()?
            .flatten();
        sealed
            .map(|sealed| opened(&self.key, &identity(id), &sealed))
            .transpose()
    }
}

impl Tx {
    /// `Taken`: the database has one of that name.
    pub async fn insert_automation(&mut self, a: &Automation) -> StoreResult<()> {
        sqlx::query(
            "INSERT INTO automations (id, database_id, integration_id, name, enabled, rule, pending, actor, \
             created_at, updated_at, tells) VALUES ($1, $2, $3, $4, $5, $6, TRUE, $7, $8, $9, $10)",
        )
        .bind(a.id.as_str())
        .bind(a.database_id.as_str())
        .bind(a.integration_id.as_str())
        .bind(a.name.as_str())
        .bind(a.enabled)
        .bind(json(Some(&a.rule))?)
        .bind(&a.actor)
        .bind(micros(a.created_at))
        .bind(micros(a.updated_at))
        .bind(!a.rule.tell.is_silent())
        .execute(self.db())
        .await?;
        Ok(())
    }

    pub async fn update_automation(&mut self, a: &Automation) -> StoreResult<()> {
        sqlx::query(
            "UPDATE automations SET integration_id = $2, name = $3, enabled = $4, rule = $5, \
             pending = TRUE, actor = $6, updated_at = $7, tells = $8 WHERE id = $1",
        )
        .bind(a.id.as_str())
        .bind(a.integration_id.as_str())
        .bind(a.name.as_str())
        .bind(a.enabled)
        .bind(json(Some(&a.rule))?)
        .bind(&a.actor)
        .bind(micros(a.updated_at))
        .bind(!a.rule.tell.is_silent())
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// It has looked at all iterations.
    pub async fn automation_matched(&mut self, id: AutomationId) -> StoreResult<()> {
        sqlx::query("UPDATE automations SET pending = FALSE WHERE id = $1")
            .bind(id.as_str())
            .execute(self.db())
            .await?;
        Ok(())
    }

    pub async fn set_webhook_secret(
        &mut self,
        id: AutomationId,
        secret: &SecretString,
    ) -> StoreResult<()> {
        let plain = secret.expose_secret().as_bytes();
        let sealed = self.key.seal(&identity(id), plain)?;
        sqlx::query("UPDATE automations SET webhook_secret = $2 WHERE id = $1")
            .bind(id.as_str())
            .bind(sealed)
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// What it made stays; that it made it is forgotten.
    pub async fn delete_automation(&mut self, id: AutomationId) -> StoreResult<()> {
        sqlx::query("DELETE FROM automations WHERE id = $1")
            .bind(id.as_str())
            .execute(self.db())
            .await?;
        Ok(())
    }
}
