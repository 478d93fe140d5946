//! Logins of programs that are under way, and the sessions that they led to.

use crate::error::StoreResult;
use crate::row::{count, hex, micros, opt_parsed, opt_text, parsed, text, time, unhex};
use crate::session::{Session, Tx};
use crate::token;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use offshoot_core::id::{DeviceLoginId, OrganizationId, UserId};
use offshoot_core::login::{DeviceLogin, LoginState};
use offshoot_core::token::ServiceToken;
use sha2::Sha256;
use sqlx::sqlite::SqliteRow;

fn from_row(row: &SqliteRow) -> StoreResult<DeviceLogin> {
    let digest = |name| opt_text(row, name)?.map(|_| unhex(row, name)).transpose();
    Ok(DeviceLogin {
        id: parsed(row, "id")?,
        device: unhex(row, "device")?,
        client: text(row, "client")?,
        scopes: text(row, "scopes")?,
        remote_ip: opt_text(row, "remote_ip")?,
        state: parsed::<LoginState>(row, "state")?,
        user: opt_parsed(row, "user_id")?,
        browser: digest("browser")?,
        errand: digest("errand")?,
        created_at: time(row, "created_at")?,
        expires_at: time(row, "expires_at")?,
    })
}

impl Session {
    /// What a user code is found by: it is short, so a plain digest could be searched.
    fn code_digest(&self, code: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key.derive("device_logins.code"))
            .expect("any key length fits HMAC");
        mac.update(code.as_bytes());
        let digest: [u8; 32] = mac.finalize().into_bytes().into();
        hex(&digest)
    }

    /// By the SHA-256 of its device code.
    pub async fn login_of_device(&mut self, device: &[u8; 32]) -> StoreResult<Option<DeviceLogin>> {
        sqlx::query("SELECT * FROM device_logins WHERE device = $1")
            .bind(hex(device))
            .fetch_optional(self.db())
            .await?
            .map(|r| from_row(&r))
            .transpose()
    }

    /// By its user code.
    pub async fn login_of_code(&mut self, code: &str) -> StoreResult<Option<DeviceLogin>> {
        let digest = self.code_digest(code);
        sqlx::query("SELECT * FROM device_logins WHERE code = $1")
            .bind(digest)
            .fetch_optional(self.db())
            .await?
            .map(|r| from_row(&r))
            .transpose()
    }

    pub async fn login_count(&mut self) -> StoreResult<u64> {
        let row = sqlx::query("SELECT COUNT(*) AS n FROM device_logins")
            .fetch_one(self.db())
            .await?;
        count(&row, "n")
    }

    /// Newest first, each with the e-mail address of its user; of one user alone, where one is given.
    pub async fn sessions(
        &mut self,
        organization: OrganizationId,
        user: Option<UserId>,
    ) -> StoreResult<Vec<(ServiceToken, String)>> {
        let mut sql = sqlx::QueryBuilder::<sqlx::Sqlite>::new(
            "SELECT t.*, u.email AS email FROM service_tokens t JOIN users u ON u.id = t.user_id \
             WHERE t.organization_id = ",
        );
        sql.push_bind(organization.as_str().to_owned());
        if let Some(user) = user {
            sql.push(" AND t.user_id = ").push_bind(user.to_string());
        }
        sql.push(" ORDER BY t.created_at DESC, t.id DESC");
        let rows = sql.build().fetch_all(self.db()).await?;
        rows.iter()
            .map(|r| Ok((token::from_row(r)?, text(r, "email")?)))
            .collect()
    }
}

impl Tx {
    pub async fn insert_login(&mut self, login: &DeviceLogin, code: &str) -> StoreResult<()> {
        let code = self.code_digest(code);
        sqlx::query(
            "INSERT INTO device_logins (id, device, code, client, scopes, remote_ip, state, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(login.id.as_str())
        .bind(hex(&login.device))
        .bind(code)
        .bind(&login.client)
        .bind(&login.scopes)
        .bind(&login.remote_ip)
        .bind(login.state.as_str())
        .bind(micros(login.created_at))
        .bind(micros(login.expires_at))
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// State, user, browser and errand.
    pub async fn update_login(&mut self, login: &DeviceLogin) -> StoreResult<()> {
        sqlx::query(
            "UPDATE device_logins SET state = $2, user_id = $3, browser = $4, errand = $5 WHERE id = $1",
        )
        .bind(login.id.as_str())
        .bind(login.state.as_str())
        .bind(login.user.map(|u| u.to_string()))
        .bind(login.browser.as_ref().map(|b| hex(b)))
        .bind(login.errand.as_ref().map(|e| hex(e)))
        .execute(self.db())
        .await?;
        Ok(())
    }

    pub async fn delete_login(&mut self, id: DeviceLoginId) -> StoreResult<()> {
        sqlx::query("DELETE FROM device_logins WHERE id = $1")
            .bind(id.as_str())
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// Logins and sessions that are over.
    pub async fn delete_expired_logins(&mut self, now: Timestamp) -> StoreResult<()> {
        sqlx::query("DELETE FROM device_logins WHERE expires_at <= $1")
            .bind(micros(now))
            .execute(self.db())
            .await?;
        sqlx::query("DELETE FROM service_tokens WHERE user_id IS NOT NULL AND expires_at <= $1")
            .bind(micros(now))
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// All sessions of a user, and what logins are under way.
    pub async fn delete_sessions_of(&mut self, user: UserId) -> StoreResult<()> {
        for sql in [
            "DELETE FROM service_tokens WHERE user_id = $1",
            "DELETE FROM device_logins WHERE user_id = $1",
        ] {
            sqlx::query(sql)
                .bind(user.as_str())
                .execute(self.db())
                .await?;
        }
        Ok(())
    }
}
