//! Tokens that receivers of credentials are reached with, one for each credential of a rule.

use crate::error::StoreResult;
use crate::integration::opened;
use crate::row::{micros, text};
use crate::session::{Session, Tx};
use jiff::Timestamp;
use offshoot_core::id::AutomationId;
use secrecy::{ExposeSecret, SecretString};

/// Which credentials of a rule have a token, and the address that it goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiverToken {
    pub credential: String,
    pub origin: String,
}

/// A token that was moved to another credential or address does not open.
fn identity(id: AutomationId, credential: &str, origin: &str) -> String {
    format!("automation_tokens.token.{id}.{credential}.{origin}")
}

impl Session {
    /// By credential, without the tokens themselves.
    pub async fn receiver_tokens(&mut self, id: AutomationId) -> StoreResult<Vec<ReceiverToken>> {
        sqlx::query(
            "SELECT credential, origin FROM automation_tokens WHERE automation_id = $1 ORDER BY credential",
        )
        .bind(id.as_str())
        .fetch_all(self.db())
        .await?
        .iter()
        .map(|r| {
            Ok(ReceiverToken {
                credential: text(r, "credential")?,
                origin: text(r, "origin")?,
            })
        })
        .collect()
    }

    /// The token of a credential, where it was given for this address.
    pub async fn receiver_token(
        &mut self,
        id: AutomationId,
        credential: &str,
        origin: &str,
    ) -> StoreResult<Option<SecretString>> {
        let row = sqlx::query(
            "SELECT token FROM automation_tokens WHERE automation_id = $1 AND credential = $2 AND origin = $3",
        )
        .bind(id.as_str())
        .bind(credential)
        .bind(origin)
        .fetch_optional(self.db())
        .await?;
        row.map(|r| {
            let sealed = text(&r, "token")?;
            opened(&self.key, &identity(id, credential, origin), &sealed)
        })
        .transpose()
    }
}

impl Tx {
    /// In the place of an earlier one.
    pub async fn set_receiver_token(
        &mut self,
        id: AutomationId,
        of: &ReceiverToken,
        token: &SecretString,
        now: Timestamp,
    ) -> StoreResult<()> {
        let plain = token.expose_secret().as_bytes();
        let sealed = self
            .key
            .seal(&identity(id, &of.credential, &of.origin), plain)?;
        self.delete_receiver_token(id, &of.credential).await?;
        sqlx::query(
            "INSERT INTO automation_tokens (automation_id, credential, origin, token, created_at) \
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(id.as_str())
        .bind(&of.credential)
        .bind(&of.origin)
        .bind(sealed)
        .bind(micros(now))
        .execute(self.db())
        .await?;
        Ok(())
    }

    pub async fn delete_receiver_token(
        &mut self,
        id: AutomationId,
        credential: &str,
    ) -> StoreResult<()> {
        sqlx::query("DELETE FROM automation_tokens WHERE automation_id = $1 AND credential = $2")
            .bind(id.as_str())
            .bind(credential)
            .execute(self.db())
            .await?;
        Ok(())
    }
}
