//! Passwords of branches, and the lookup the gateway makes.

use crate::error::StoreResult;
use crate::row::{
    containing, corrupt, count, duration, flag, hex, micros, opt_count, opt_duration, opt_micros,
    opt_parsed, opt_text, opt_time, parsed, signed, text, time, unhex,
};
use crate::session::{Session, Tx};
use ipnet::IpNet;
use jiff::Timestamp;
use offshoot_core::credential::Verifier;
use offshoot_core::engine::EngineRef;
use offshoot_core::id::{BranchId, DatabaseId, PasswordId};
use offshoot_core::password::Password;
use offshoot_core::port::Credential;
use offshoot_core::size::Size;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite};

/// A password with what lists show.
#[derive(Clone, Debug)]
pub struct PasswordDetail {
    pub password: Password,
    pub branch: String,
    pub engine: EngineRef,
    pub production: bool,
}

/// Whose passwords a list holds.
#[derive(Clone, Copy, Debug)]
pub enum PasswordsOf {
    Branch(BranchId),
    Database(DatabaseId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordWhere {
    Active,
    Renewable,
    Expired,
}

#[derive(Clone, Debug)]
pub struct PasswordQuery<'a> {
    pub of: PasswordsOf,
    pub q: Option<&'a str>,
    pub status: Option<PasswordWhere>,
    pub now: Timestamp,
    pub offset: u64,
    pub limit: u64,
}

const DETAIL: &str = "SELECT p.*, b.name AS branch_name, b.engine AS engine, b.production AS production \
     FROM passwords p JOIN branches b ON b.id = p.branch_id WHERE b.deleting = FALSE";

fn verifier(row: &SqliteRow) -> StoreResult<Verifier> {
    Ok(Verifier {
        native: unhex(row, "verifier_native")?,
        sha2: unhex(row, "verifier_sha2")?,
    })
}

fn cidrs(row: &SqliteRow) -> StoreResult<Vec<IpNet>> {
    text(row, "cidrs")?
        .split_ascii_whitespace()
        .map(|c| c.parse().map_err(|_| corrupt("cidrs")))
        .collect()
}

fn cidr_text(cidrs: &[IpNet]) -> String {
    cidrs
        .iter()
        .map(IpNet::to_string)
        .collect::<Vec<_>>()
        .join(" ")
}

fn from_row(row: &SqliteRow) -> StoreResult<Password> {
    Ok(Password {
        id: parsed(row, "id")?,
        branch_id: parsed(row, "branch_id")?,
        name: text(row, "name")?,
        username: text(row, "username")?,
        verifier: verifier(row)?,
        role: parsed(row, "role")?,
        cidrs: cidrs(row)?,
        ttl: opt_duration(row, "ttl")?,
        expires_at: opt_time(row, "expires_at")?,
        last_used_at: opt_time(row, "last_used_at")?,
        last_refused: opt_time(row, "last_refused_at")?.zip(opt_text(row, "last_refusal")?),
        actor: text(row, "actor")?,
        created_at: time(row, "created_at")?,
    })
}

fn detail(row: &SqliteRow) -> StoreResult<PasswordDetail> {
    Ok(PasswordDetail {
        password: from_row(row)?,
        branch: text(row, "branch_name")?,
        engine: parsed(row, "engine")?,
        production: flag(row, "production")?,
    })
}

impl Session {
    /// What the gateway needs to let a client in: of a branch that can be seen, expired ones included.
    pub async fn credential(&mut self, username: &str) -> StoreResult<Option<Credential>> {
        sqlx::query(
            "SELECT p.id, p.branch_id, b.engine, p.role, p.verifier_native, p.verifier_sha2, p.cidrs, p.expires_at, \
             b.max_connections, b.size, d.schema_name \
             FROM passwords p JOIN branches b ON b.id = p.branch_id JOIN databases d ON d.id = b.database_id \
             WHERE p.username = $1 AND b.deleting = FALSE",
        )
        .bind(username)
        .fetch_optional(self.db())
        .await?
        .map(|row| {
            Ok(Credential {
                password: parsed(&row, "id")?,
                branch: parsed(&row, "branch_id")?,
                schema: text(&row, "schema_name")?,
                engine: parsed(&row, "engine")?,
                role: parsed(&row, "role")?,
                verifier: verifier(&row)?,
                cidrs: cidrs(&row)?,
                expires_at: opt_time(&row, "expires_at")?,
                max_connections: opt_count(&row, "max_connections")?
                    .and_then(|n| u32::try_from(n).ok())
                    .or(opt_parsed(&row, "size")?.map(Size::connections)),
            })
        })
        .transpose()
    }

    pub async fn password(
        &mut self,
        branch: BranchId,
        id: &str,
    ) -> StoreResult<Option<PasswordDetail>> {
        QueryBuilder::<Sqlite>::new(DETAIL)
            .push(" AND p.branch_id = ")
            .push_bind(branch.as_str().to_owned())
            .push(" AND p.id = ")
            .push_bind(id.to_owned())
            .build()
            .fetch_optional(self.db())
            .await?
            .map(|r| detail(&r))
            .transpose()
    }

    /// Newest first, with the number of all that match.
    pub async fn passwords(
        &mut self,
        query: &PasswordQuery<'_>,
    ) -> StoreResult<(Vec<PasswordDetail>, u64)> {
        let mut total = QueryBuilder::<Sqlite>::new(
            "SELECT COUNT(*) AS n FROM passwords p JOIN branches b ON b.id = p.branch_id WHERE b.deleting = FALSE",
        );
        filter(&mut total, query);
        let total = count(&total.build().fetch_one(self.db()).await?, "n")?;
        let mut sql = QueryBuilder::<Sqlite>::new(DETAIL);
        filter(&mut sql, query);
        sql.push(" ORDER BY p.created_at DESC, p.id DESC LIMIT ")
            .push_bind(signed(query.limit))
            .push(" OFFSET ")
            .push_bind(signed(query.offset));
        let rows = sql.build().fetch_all(self.db()).await?;
        Ok((rows.iter().map(detail).collect::<StoreResult<_>>()?, total))
    }

    /// Expired ones whose sessions were not ended yet.
    pub async fn newly_expired_passwords(
        &mut self,
        now: Timestamp,
    ) -> StoreResult<Vec<PasswordId>> {
        sqlx::query("SELECT id FROM passwords WHERE closed = FALSE AND expires_at <= $1")
            .bind(micros(now))
            .fetch_all(self.db())
            .await?
            .iter()
            .map(|r| parsed(r, "id"))
            .collect()
    }

    /// Where a password belongs, for the audit log: its name, branch and organization.
    pub async fn password_place(
        &mut self,
        id: PasswordId,
    ) -> StoreResult<Option<(String, BranchId, offshoot_core::id::OrganizationId)>> {
        sqlx::query(
            "SELECT p.name, p.branch_id, d.organization_id FROM passwords p \
             JOIN branches b ON b.id = p.branch_id JOIN databases d ON d.id = b.database_id WHERE p.id = $1",
        )
        .bind(id.as_str())
        .fetch_optional(self.db())
        .await?
        .map(|r| {
            Ok((
                text(&r, "name")?,
                parsed(&r, "branch_id")?,
                parsed(&r, "organization_id")?,
            ))
        })
        .transpose()
    }
}

fn filter(sql: &mut QueryBuilder<Sqlite>, query: &PasswordQuery<'_>) {
    match query.of {
        PasswordsOf::Branch(id) => sql.push(" AND p.branch_id = ").push_bind(id.to_string()),
        PasswordsOf::Database(id) => sql.push(" AND b.database_id = ").push_bind(id.to_string()),
    };
    if let Some(q) = query.q {
        sql.push(" AND (p.name LIKE ")
            .push_bind(containing(q))
            .push(" ESCAPE '!' OR p.username LIKE ")
            .push_bind(containing(q))
            .push(" ESCAPE '!')");
    }
    let now = micros(query.now);
    match query.status {
        Some(PasswordWhere::Active) => sql
            .push(" AND (p.expires_at IS NULL OR p.expires_at > ")
            .push_bind(now)
            .push(")"),
        Some(PasswordWhere::Expired) => sql.push(" AND p.expires_at <= ").push_bind(now),
        Some(PasswordWhere::Renewable) => sql.push(" AND p.ttl IS NOT NULL"),
        None => sql,
    };
}

impl Tx {
    /// Takes the username for ever.
    pub async fn insert_password(&mut self, p: &Password) -> StoreResult<()> {
        sqlx::query("INSERT INTO usernames (username, created_at) VALUES ($1, $2)")
            .bind(&p.username)
            .bind(micros(p.created_at))
            .execute(self.db())
            .await?;
        sqlx::query(
            "INSERT INTO passwords (id, branch_id, name, username, verifier_native, verifier_sha2, role, \
             cidrs, ttl, expires_at, closed, actor, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, FALSE, $11, $12)",
        )
        .bind(p.id.as_str())
        .bind(p.branch_id.as_str())
        .bind(&p.name)
        .bind(&p.username)
        .bind(hex(&p.verifier.native))
        .bind(hex(&p.verifier.sha2))
        .bind(p.role.as_str())
        .bind(cidr_text(&p.cidrs))
        .bind(duration(p.ttl))
        .bind(opt_micros(p.expires_at))
        .bind(&p.actor)
        .bind(micros(p.created_at))
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Writes what may change: name, addresses, verifier, expiry.
    pub async fn update_password(&mut self, p: &Password) -> StoreResult<()> {
        sqlx::query(
            "UPDATE passwords SET name = $2, cidrs = $3, verifier_native = $4, verifier_sha2 = $5, \
             expires_at = $6, closed = FALSE WHERE id = $1",
        )
        .bind(p.id.as_str())
        .bind(&p.name)
        .bind(cidr_text(&p.cidrs))
        .bind(hex(&p.verifier.native))
        .bind(hex(&p.verifier.sha2))
        .bind(opt_micros(p.expires_at))
        .execute(self.db())
        .await?;
        Ok(())
    }

    pub async fn delete_password(&mut self, id: PasswordId) -> StoreResult<()> {
        sqlx::query("DELETE FROM passwords WHERE id = $1")
            .bind(id.as_str())
            .execute(self.db())
            .await?;
        Ok(())
    }

    pub async fn mark_password_closed(&mut self, id: PasswordId) -> StoreResult<()> {
        sqlx::query("UPDATE passwords SET closed = TRUE WHERE id = $1")
            .bind(id.as_str())
            .execute(self.db())
            .await?;
        Ok(())
    }

    pub async fn touch_password(&mut self, id: PasswordId, at: Timestamp) -> StoreResult<()> {
        sqlx::query("UPDATE passwords SET last_used_at = $2 WHERE id = $1")
            .bind(id.as_str())
            .bind(micros(at))
            .execute(self.db())
            .await?;
        Ok(())
    }

    pub async fn note_refusal(
        &mut self,
        id: PasswordId,
        at: Timestamp,
        why: &str,
    ) -> StoreResult<()> {
        sqlx::query("UPDATE passwords SET last_refused_at = $2, last_refusal = $3 WHERE id = $1")
            .bind(id.as_str())
            .bind(micros(at))
            .bind(why)
            .execute(self.db())
            .await?;
        Ok(())
    }
}
