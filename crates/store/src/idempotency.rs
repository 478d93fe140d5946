//! What creating requests made, by the keys that their clients gave them.

use crate::error::StoreResult;
use crate::row::{hex, micros, opt_parsed, parsed, time, unhex};
use crate::session::{Session, Tx};
use jiff::Timestamp;
use offshoot_core::id::{PasswordId, RawId, ServiceTokenId};

/// A request that made something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keyed {
    /// Digest of token, method, path and key.
    pub scope: [u8; 32],
    pub token: ServiceTokenId,
    /// Digest of the body.
    pub body: [u8; 32],
    /// Id of what was made.
    pub subject: RawId,
    /// The password that was made along.
    pub password: Option<PasswordId>,
    pub created_at: Timestamp,
}

impl Session {
    pub async fn keyed(&mut self, scope: &[u8; 32]) -> StoreResult<Option<Keyed>> {
        sqlx::query("SELECT * FROM idempotency_keys WHERE scope = $1")
            .bind(hex(scope))
            .fetch_optional(self.db())
            .await?
            .map(|row| {
                Ok(Keyed {
                    scope: unhex(&row, "scope")?,
                    token: parsed(&row, "token_id")?,
                    body: unhex(&row, "body")?,
                    subject: parsed(&row, "subject_id")?,
                    password: opt_parsed(&row, "password_id")?,
                    created_at: time(&row, "created_at")?,
                })
            })
            .transpose()
    }
}

impl Tx {
    /// `Taken` when another request with that key has made something since `expired`.
    pub async fn insert_keyed(&mut self, keyed: &Keyed, expired: Timestamp) -> StoreResult<()> {
        sqlx::query("DELETE FROM idempotency_keys WHERE scope = $1 AND created_at <= $2")
            .bind(hex(&keyed.scope))
            .bind(micros(expired))
            .execute(self.db())
            .await?;
        sqlx::query(
            "INSERT INTO idempotency_keys (scope, token_id, body, subject_id, password_id, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(hex(&keyed.scope))
        .bind(keyed.token.as_str())
        .bind(hex(&keyed.body))
        .bind(keyed.subject.as_str())
        .bind(keyed.password.map(|p| p.to_string()))
        .bind(micros(keyed.created_at))
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Forgets those made until then.
    pub async fn delete_keyed_until(&mut self, until: Timestamp) -> StoreResult<()> {
        sqlx::query("DELETE FROM idempotency_keys WHERE created_at <= $1")
            .bind(micros(until))
            .execute(self.db())
            .await?;
        Ok(())
    }
}
