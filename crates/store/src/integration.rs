//! Integrations and their secrets.

use crate::error::{StoreError, StoreResult};
use crate::key::MasterKey;
use crate::row::{
    corrupt, count, duration, flag, json, micros, opt_duration, opt_json, opt_micros, opt_text,
    opt_time, parsed, signed, text, time,
};
use crate::session::{Session, Tx};
use jiff::Timestamp;
use offshoot_core::id::{IntegrationId, IntegrationSecretId, OrganizationId};
use offshoot_core::integration::{Integration, IntegrationSecrets, Polling, SecretInfo};
use offshoot_core::name::IntegrationName;
use secrecy::{ExposeSecret, SecretString};
use sqlx::sqlite::SqliteRow;

fn token_identity(id: IntegrationId) -> String {
    format!("integrations.token.{id}")
}

fn secret_identity(id: IntegrationSecretId) -> String {
    format!("integration_secrets.secret.{id}")
}

/// A sealed text as it was.
pub(crate) fn opened(key: &MasterKey, identity: &str, sealed: &str) -> StoreResult<SecretString> {
    let bytes = key.open(identity, sealed)?;
    let text = std::str::from_utf8(bytes.expose_secret()).map_err(|_| StoreError::Seal)?;
    Ok(SecretString::from(text.to_owned()))
}

fn from_row(row: &SqliteRow) -> StoreResult<Integration> {
    Ok(Integration {
        id: parsed(row, "id")?,
        organization_id: parsed(row, "organization_id")?,
        name: IntegrationName::parse(&text(row, "name")?).map_err(|_| corrupt("name"))?,
        tool: text(row, "tool")?,
        settings: opt_json(row, "settings")?.ok_or_else(|| corrupt("settings"))?,
        enabled: flag(row, "enabled")?,
        poll_every: opt_duration(row, "poll_every")?,
        has_token: opt_text(row, "token")?.is_some(),
        polling: Polling {
            next_at: opt_time(row, "poll_next_at")?,
            last_at: opt_time(row, "poll_last_at")?,
            failure: opt_text(row, "poll_failure")?,
            failures: u32::try_from(count(row, "poll_failures")?)
                .map_err(|_| corrupt("poll_failures"))?,
        },
        last_delivery_at: opt_time(row, "last_delivery_at")?,
        actor: text(row, "actor")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

impl Session {
    pub async fn integration(&mut self, id: IntegrationId) -> StoreResult<Option<Integration>> {
        sqlx::query("SELECT * FROM integrations WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.db())
            .await?
            .map(|r| from_row(&r))
            .transpose()
    }

    pub async fn integration_named(
        &mut self,
        organization: OrganizationId,
        name_or_id: &str,
    ) -> StoreResult<Option<Integration>> {
        sqlx::query(
            "SELECT * FROM integrations WHERE organization_id = $1 AND (name = $2 OR id = $2) \
             ORDER BY CASE WHEN name = $2 THEN 0 ELSE 1 END LIMIT 1",
        )
        .bind(organization.as_str())
        .bind(name_or_id)
        .fetch_optional(self.db())
        .await?
        .map(|r| from_row(&r))
        .transpose()
    }

    /// By name, with the number of all.
    pub async fn integrations(
        &mut self,
        organization: OrganizationId,
        offset: u64,
        limit: u64,
    ) -> StoreResult<(Vec<Integration>, u64)> {
        let total =
            sqlx::query("SELECT COUNT(*) AS n FROM integrations WHERE organization_id = $1")
                .bind(organization.as_str())
                .fetch_one(self.db())
                .await?;
        let rows = sqlx::query(
            "SELECT * FROM integrations WHERE organization_id = $1 ORDER BY name LIMIT $2 OFFSET $3",
        )
        .bind(organization.as_str())
        .bind(signed(limit))
        .bind(signed(offset))
        .fetch_all(self.db())
        .await?;
        let found = rows.iter().map(from_row).collect::<StoreResult<_>>()?;
        Ok((found, count(&total, "n")?))
    }

    /// Those whose tool is to be asked by now, the longest overdue first.
    pub async fn integrations_to_poll(&mut self, now: Timestamp) -> StoreResult<Vec<Integration>> {
        sqlx::query(
            "SELECT * FROM integrations WHERE enabled = TRUE AND poll_next_at <= $1 \
             ORDER BY poll_next_at, id",
        )
        .bind(micros(now))
        .fetch_all(self.db())
        .await?
        .iter()
        .map(from_row)
        .collect()
    }

    /// The newest first, without the secrets themselves.
    pub async fn integration_secret_infos(
        &mut self,
        id: IntegrationId,
    ) -> StoreResult<Vec<SecretInfo>> {
        sqlx::query(
            "SELECT id, created_at FROM integration_secrets WHERE integration_id = $1 \
             ORDER BY created_at DESC, id",
        )
        .bind(id.as_str())
        .fetch_all(self.db())
        .await?
        .iter()
        .map(|r| {
            Ok(SecretInfo {
                id: parsed(r, "id")?,
                created_at: time(r, "created_at")?,
            })
        })
        .collect()
    }

    /// Unsealed.
    pub async fn integration_secrets(
        &mut self,
        id: IntegrationId,
    ) -> StoreResult<IntegrationSecrets> {
        let rows = sqlx::query(
            "SELECT id, secret FROM integration_secrets WHERE integration_id = $1 \
             ORDER BY created_at DESC, id",
        )
        .bind(id.as_str())
        .fetch_all(self.db())
        .await?;
        let signing = rows
            .iter()
            .map(|r| {
                let identity = secret_identity(parsed(r, "id")?);
                opened(&self.key, &identity, &text(r, "secret")?)
            })
            .collect::<StoreResult<_>>()?;
        let row = sqlx::query("SELECT token FROM integrations WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.db())
            .await?;
        let sealed = row.map(|r| opt_text(&r, "token")).transpose()?.flatten();
        let token = sealed
            .map(|sealed| opened(&self.key, &token_identity(id), &sealed))
            .transpose()?;
        Ok(IntegrationSecrets { signing, token })
    }

    /// Automations that go by an integration.
    pub async fn automations_of_integration(&mut self, id: IntegrationId) -> StoreResult<u64> {
        let row = sqlx::query("SELECT COUNT(*) AS n FROM automations WHERE integration_id = $1")
            .bind(id.as_str())
            .fetch_one(self.db())
            .await?;
        count(&row, "n")
    }
}

impl Tx {
    /// `Taken`: the organization has one of that name.
    pub async fn insert_integration(&mut self, i: &Integration) -> StoreResult<()> {
        sqlx::query(
            "INSERT INTO integrations (id, organization_id, name, tool, settings, enabled, poll_every, \
             poll_next_at, poll_failures, actor, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $10, $11)",
        )
        .bind(i.id.as_str())
        .bind(i.organization_id.as_str())
        .bind(i.name.as_str())
        .bind(&i.tool)
        .bind(json(Some(&i.settings))?)
        .bind(i.enabled)
        .bind(duration(i.poll_every))
        .bind(opt_micros(i.polling.next_at))
        .bind(&i.actor)
        .bind(micros(i.created_at))
        .bind(micros(i.updated_at))
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Writes what people change.
    pub async fn update_integration(&mut self, i: &Integration) -> StoreResult<()> {
        sqlx::query(
            "UPDATE integrations SET name = $2, settings = $3, enabled = $4, poll_every = $5, \
             poll_next_at = $6, updated_at = $7 WHERE id = $1",
        )
        .bind(i.id.as_str())
        .bind(i.name.as_str())
        .bind(json(Some(&i.settings))?)
        .bind(i.enabled)
        .bind(duration(i.poll_every))
        .bind(opt_micros(i.polling.next_at))
        .bind(micros(i.updated_at))
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// How asking its tool went; not where that was switched off meanwhile.
    pub async fn note_poll(&mut self, id: IntegrationId, polling: &Polling) -> StoreResult<()> {
        sqlx::query(
            "UPDATE integrations SET poll_next_at = $2, poll_last_at = $3, poll_failure = $4, \
             poll_failures = $5 WHERE id = $1 AND poll_every IS NOT NULL",
        )
        .bind(id.as_str())
        .bind(opt_micros(polling.next_at))
        .bind(opt_micros(polling.last_at))
        .bind(&polling.failure)
        .bind(i64::from(polling.failures))
        .execute(self.db())
        .await?;
        Ok(())
    }

    pub async fn set_integration_token(
        &mut self,
        id: IntegrationId,
        token: Option<&SecretString>,
    ) -> StoreResult<()> {
        let sealed = token
            .map(|t| {
                let plain = t.expose_secret().as_bytes();
                self.key.seal(&token_identity(id), plain)
            })
            .transpose()?;
        sqlx::query("UPDATE integrations SET token = $2 WHERE id = $1")
            .bind(id.as_str())
            .bind(sealed)
            .execute(self.db())
            .await?;
        Ok(())
    }

    pub async fn insert_integration_secret(
        &mut self,
        integration: IntegrationId,
        info: &SecretInfo,
        secret: &SecretString,
    ) -> StoreResult<()> {
        let plain = secret.expose_secret().as_bytes();
        let sealed = self.key.seal(&secret_identity(info.id), plain)?;
        sqlx::query(
            "INSERT INTO integration_secrets (id, integration_id, secret, created_at) \
             VALUES ($1, $2, $3, $4)",
        )
        .bind(info.id.as_str())
        .bind(integration.as_str())
        .bind(sealed)
        .bind(micros(info.created_at))
        .execute(self.db())
        .await?;
        Ok(())
    }

    pub async fn delete_integration_secret(
        &mut self,
        integration: IntegrationId,
        id: IntegrationSecretId,
    ) -> StoreResult<()> {
        sqlx::query("DELETE FROM integration_secrets WHERE id = $1 AND integration_id = $2")
            .bind(id.as_str())
            .bind(integration.as_str())
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// With its secrets, deliveries and iterations. No automation may go by it.
    pub async fn delete_integration(&mut self, id: IntegrationId) -> StoreResult<()> {
        sqlx::query("DELETE FROM integrations WHERE id = $1")
            .bind(id.as_str())
            .execute(self.db())
            .await?;
        Ok(())
    }
}
