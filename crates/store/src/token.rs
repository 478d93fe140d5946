//! Service tokens and what they are granted.

use crate::error::{StoreError, StoreResult};
use crate::row::{
    count, flag, hex, micros, opt_micros, opt_parsed, opt_text, opt_time, parsed, signed, text,
    time, unhex,
};
use crate::session::{Session, Tx};
use jiff::Timestamp;
use offshoot_core::access::Access;
use offshoot_core::id::{DatabaseId, OrganizationId, ServiceTokenId, UserId};
use offshoot_core::token::{Grant, ServiceToken, UserSession};
use sqlx::sqlite::SqliteRow;

pub(crate) fn from_row(row: &SqliteRow) -> StoreResult<ServiceToken> {
    let user: Option<UserId> = opt_parsed(row, "user_id")?;
    let session = user
        .map(|user| {
            Ok::<_, StoreError>(UserSession {
                user,
                client: text(row, "client")?,
                scopes: text(row, "scopes")?,
            })
        })
        .transpose()?;
    Ok(ServiceToken {
        id: parsed(row, "id")?,
        organization_id: parsed(row, "organization_id")?,
        name: opt_text(row, "name")?,
        digest: unhex(row, "digest")?,
        root: flag(row, "root")?,
        session,
        expires_at: opt_time(row, "expires_at")?,
        last_used_at: opt_time(row, "last_used_at")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

fn scope(database: Option<DatabaseId>) -> String {
    database.map_or_else(|| "organization".to_owned(), |d| d.to_string())
}

impl Session {
    pub async fn token(&mut self, id: &str) -> StoreResult<Option<ServiceToken>> {
        sqlx::query("SELECT * FROM service_tokens WHERE id = $1")
            .bind(id)
            .fetch_optional(self.db())
            .await?
            .map(|r| from_row(&r))
            .transpose()
    }

    /// The token's grants; with a database's name where they are on one.
    pub async fn grants(
        &mut self,
        id: ServiceTokenId,
    ) -> StoreResult<Vec<(Grant, Option<String>)>> {
        sqlx::query(
            "SELECT g.access, g.database_id, d.name AS database_name FROM grants g \
             LEFT JOIN databases d ON d.id = g.database_id WHERE g.token_id = $1 ORDER BY g.scope, g.access",
        )
        .bind(id.as_str())
        .fetch_all(self.db())
        .await?
        .iter()
        .map(|r| {
            Ok((
                Grant {
                    access: parsed(r, "access")?,
                    database_id: opt_parsed(r, "database_id")?,
                },
                opt_text(r, "database_name")?,
            ))
        })
        .collect()
    }

    /// All but the root token and the sessions of users, newest first, with their number.
    pub async fn tokens(
        &mut self,
        organization: OrganizationId,
        offset: u64,
        limit: u64,
    ) -> StoreResult<(Vec<ServiceToken>, u64)> {
        let total = sqlx::query(
            "SELECT COUNT(*) AS n FROM service_tokens WHERE organization_id = $1 AND root = FALSE AND user_id IS NULL",
        )
        .bind(organization.as_str())
        .fetch_one(self.db())
        .await?;
        let rows = sqlx::query(
            "SELECT * FROM service_tokens WHERE organization_id = $1 AND root = FALSE AND user_id IS NULL \
             ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3",
        )
        .bind(organization.as_str())
        .bind(signed(limit))
        .bind(signed(offset))
        .fetch_all(self.db())
        .await?;
        Ok((
            rows.iter().map(from_row).collect::<StoreResult<_>>()?,
            count(&total, "n")?,
        ))
    }
}

impl Tx {
    pub async fn insert_token(&mut self, t: &ServiceToken) -> StoreResult<()> {
        sqlx::query(
            "INSERT INTO service_tokens (id, organization_id, name, digest, root, expires_at, created_at, updated_at, user_id, client, scopes) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9, $10)",
        )
        .bind(t.id.as_str())
        .bind(t.organization_id.as_str())
        .bind(&t.name)
        .bind(hex(&t.digest))
        .bind(t.root)
        .bind(opt_micros(t.expires_at))
        .bind(micros(t.created_at))
        .bind(t.session.as_ref().map(|s| s.user.to_string()))
        .bind(t.session.as_ref().map(|s| s.client.as_str()))
        .bind(t.session.as_ref().map(|s| s.scopes.as_str()))
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Its digest, and the time of the change.
    pub async fn replace_token_text(&mut self, t: &ServiceToken) -> StoreResult<()> {
        sqlx::query("UPDATE service_tokens SET digest = $2, updated_at = $3 WHERE id = $1")
            .bind(t.id.as_str())
            .bind(hex(&t.digest))
            .bind(micros(t.updated_at))
            .execute(self.db())
            .await?;
        Ok(())
    }

    pub async fn delete_root_tokens(&mut self) -> StoreResult<()> {
        sqlx::query("DELETE FROM service_tokens WHERE root = TRUE")
            .execute(self.db())
            .await?;
        Ok(())
    }

    pub async fn delete_token(&mut self, id: ServiceTokenId) -> StoreResult<()> {
        sqlx::query("DELETE FROM service_tokens WHERE id = $1")
            .bind(id.as_str())
            .execute(self.db())
            .await?;
        Ok(())
    }

    pub async fn touch_token(&mut self, id: ServiceTokenId, at: Timestamp) -> StoreResult<()> {
        sqlx::query("UPDATE service_tokens SET last_used_at = $2 WHERE id = $1")
            .bind(id.as_str())
            .bind(micros(at))
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// Granting what is granted already changes nothing.
    pub async fn grant(
        &mut self,
        id: ServiceTokenId,
        access: Access,
        database: Option<DatabaseId>,
    ) -> StoreResult<()> {
        self.revoke(id, access, database).await?;
        sqlx::query(
            "INSERT INTO grants (token_id, access, scope, database_id) VALUES ($1, $2, $3, $4)",
        )
        .bind(id.as_str())
        .bind(access.as_str())
        .bind(scope(database))
        .bind(database.map(|d| d.to_string()))
        .execute(self.db())
        .await?;
        Ok(())
    }

    pub async fn revoke(
        &mut self,
        id: ServiceTokenId,
        access: Access,
        database: Option<DatabaseId>,
    ) -> StoreResult<()> {
        sqlx::query("DELETE FROM grants WHERE token_id = $1 AND access = $2 AND scope = $3")
            .bind(id.as_str())
            .bind(access.as_str())
            .bind(scope(database))
            .execute(self.db())
            .await?;
        Ok(())
    }
}
