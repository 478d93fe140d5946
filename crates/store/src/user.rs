//! Users, and what verifies their passwords.

use crate::error::StoreResult;
use crate::row::{
    corrupt, count, flag, micros, opt_micros, opt_text, opt_time, parsed, text, time,
};
use crate::session::{Session, Tx};
use jiff::Timestamp;
use offshoot_core::id::{OrganizationId, UserId};
use offshoot_core::user::{Email, Link, User};
use sqlx::sqlite::SqliteRow;

pub(crate) fn from_row(row: &SqliteRow) -> StoreResult<User> {
    let (issuer, subject) = (
        opt_text(row, "oidc_issuer")?,
        opt_text(row, "oidc_subject")?,
    );
    Ok(User {
        id: parsed(row, "id")?,
        organization_id: parsed(row, "organization_id")?,
        email: Email::parse(&text(row, "email")?).map_err(|_| corrupt("email"))?,
        name: text(row, "name")?,
        role: parsed(row, "role")?,
        password: !text(row, "password")?.is_empty(),
        link: issuer
            .zip(subject)
            .map(|(issuer, subject)| Link { issuer, subject }),
        last_login_at: opt_time(row, "last_login_at")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

impl Session {
    pub async fn user(&mut self, id: UserId) -> StoreResult<Option<User>> {
        sqlx::query("SELECT * FROM users WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.db())
            .await?
            .map(|r| from_row(&r))
            .transpose()
    }

    /// With the PHC string that verifies the password; empty: they have none.
    pub async fn user_of_email(&mut self, email: &Email) -> StoreResult<Option<(User, String)>> {
        sqlx::query("SELECT * FROM users WHERE email = $1")
            .bind(email.as_str())
            .fetch_optional(self.db())
            .await?
            .map(|r| Ok((from_row(&r)?, text(&r, "password")?)))
            .transpose()
    }

    /// Who is linked with that account of an OIDC provider.
    pub async fn user_of_link(&mut self, link: &Link) -> StoreResult<Option<User>> {
        sqlx::query("SELECT * FROM users WHERE oidc_issuer = $1 AND oidc_subject = $2")
            .bind(&link.issuer)
            .bind(&link.subject)
            .fetch_optional(self.db())
            .await?
            .map(|r| from_row(&r))
            .transpose()
    }

    /// By e-mail address.
    pub async fn users(&mut self, organization: OrganizationId) -> StoreResult<Vec<User>> {
        sqlx::query("SELECT * FROM users WHERE organization_id = $1 ORDER BY email")
            .bind(organization.as_str())
            .fetch_all(self.db())
            .await?
            .iter()
            .map(from_row)
            .collect()
    }

    /// Whether there is an administrator beside this one.
    pub async fn other_admin(&mut self, user: &User) -> StoreResult<bool> {
        let row = sqlx::query(
            "SELECT COUNT(*) > 0 AS others FROM users WHERE organization_id = $1 AND role = 'admin' AND id <> $2",
        )
        .bind(user.organization_id.as_str())
        .bind(user.id.as_str())
        .fetch_one(self.db())
        .await?;
        flag(&row, "others")
    }

    pub async fn user_count(&mut self) -> StoreResult<u64> {
        let row = sqlx::query("SELECT COUNT(*) AS n FROM users")
            .fetch_one(self.db())
            .await?;
        count(&row, "n")
    }
}

impl Tx {
    /// `password`: PHC string; `None`: the user has none.
    pub async fn insert_user(&mut self, u: &User, password: Option<&str>) -> StoreResult<()> {
        sqlx::query(
            "INSERT INTO users (id, organization_id, email, name, role, password, last_login_at, created_at, updated_at, oidc_issuer, oidc_subject) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(u.id.as_str())
        .bind(u.organization_id.as_str())
        .bind(u.email.as_str())
        .bind(&u.name)
        .bind(u.role.as_str())
        .bind(password.unwrap_or_default())
        .bind(opt_micros(u.last_login_at))
        .bind(micros(u.created_at))
        .bind(micros(u.updated_at))
        .bind(u.link.as_ref().map(|l| l.issuer.as_str()))
        .bind(u.link.as_ref().map(|l| l.subject.as_str()))
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Name and role.
    pub async fn update_user(&mut self, u: &User) -> StoreResult<()> {
        sqlx::query("UPDATE users SET name = $2, role = $3, updated_at = $4 WHERE id = $1")
            .bind(u.id.as_str())
            .bind(&u.name)
            .bind(u.role.as_str())
            .bind(micros(u.updated_at))
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// `password`: PHC string.
    pub async fn set_user_password(
        &mut self,
        id: UserId,
        password: &str,
        at: Timestamp,
    ) -> StoreResult<()> {
        sqlx::query("UPDATE users SET password = $2, updated_at = $3 WHERE id = $1")
            .bind(id.as_str())
            .bind(password)
            .bind(micros(at))
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// In the place of what the user was linked with before.
    pub async fn link_user(&mut self, id: UserId, link: &Link, at: Timestamp) -> StoreResult<()> {
        sqlx::query(
            "UPDATE users SET oidc_issuer = $2, oidc_subject = $3, updated_at = $4 WHERE id = $1",
        )
        .bind(id.as_str())
        .bind(&link.issuer)
        .bind(&link.subject)
        .bind(micros(at))
        .execute(self.db())
        .await?;
        Ok(())
    }

    pub async fn touch_user(&mut self, id: UserId, at: Timestamp) -> StoreResult<()> {
        sqlx::query("UPDATE users SET last_login_at = $2 WHERE id = $1")
            .bind(id.as_str())
            .bind(micros(at))
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// With all sessions and logins, and the link with an OIDC provider's account.
    pub async fn delete_user(&mut self, id: UserId) -> StoreResult<()> {
        sqlx::query("DELETE FROM users WHERE id = $1")
            .bind(id.as_str())
            .execute(self.db())
            .await?;
        Ok(())
    }
}
