//! Seed rules: their versions, the secret that masks are keyed with, and tests.

use crate::error::{StoreError, StoreResult};
use crate::key::MasterKey;
use crate::row::{
    corrupt, count, json, micros, opt_count, opt_json, opt_text, opt_time, parsed, signed, text,
    time,
};
use crate::session::{Session, Tx};
use jiff::Timestamp;
use offshoot_core::id::{BranchId, DatabaseId, RulesTestId};
use offshoot_core::seed_rules::{
    MaskSecret, Rules, RulesTest, RulesVersion, Seeded, SeededTable, TestState, Unfit,
};
use secrecy::ExposeSecret;
use sqlx::sqlite::SqliteRow;

fn identity(id: DatabaseId) -> String {
    format!("databases.mask_secret.{id}")
}

fn opened(key: &MasterKey, id: DatabaseId, sealed: &str) -> StoreResult<MaskSecret> {
    let secret = key.open(&identity(id), sealed)?;
    let bytes: [u8; 32] = secret
        .expose_secret()
        .as_slice()
        .try_into()
        .map_err(|_| StoreError::Seal)?;
    Ok(MaskSecret::new(bytes))
}

fn number(row: &SqliteRow, column: &str) -> StoreResult<u32> {
    u32::try_from(count(row, column)?).map_err(|_| corrupt(column))
}

fn from_row(row: &SqliteRow) -> StoreResult<RulesVersion> {
    Ok(RulesVersion {
        database_id: parsed(row, "database_id")?,
        version: number(row, "version")?,
        rules: opt_json(row, "rules")?,
        actor: text(row, "actor")?,
        created_at: time(row, "created_at")?,
    })
}

fn test(row: &SqliteRow) -> StoreResult<RulesTest> {
    Ok(RulesTest {
        id: parsed(row, "id")?,
        database_id: parsed(row, "database_id")?,
        branch_id: parsed(row, "branch_id")?,
        branch_name: text(row, "branch_name")?,
        version: opt_count(row, "version")?
            .map(u32::try_from)
            .transpose()
            .map_err(|_| corrupt("version"))?,
        rules: opt_json::<Rules>(row, "rules")?.ok_or_else(|| corrupt("rules"))?,
        state: match text(row, "state")?.as_str() {
            "running" => TestState::Running,
            "passed" => TestState::Passed,
            "failed" => TestState::Failed,
            _ => return Err(corrupt("state")),
        },
        tables: opt_json(row, "tables")?.unwrap_or_default(),
        unfit: opt_json(row, "unfit")?.unwrap_or_default(),
        failure: opt_text(row, "failure")?,
        actor: text(row, "actor")?,
        created_at: time(row, "created_at")?,
        completed_at: opt_time(row, "completed_at")?,
    })
}

impl Session {
    /// The newest version, also one without rules; `None` before the first.
    pub async fn newest_seed_rules(
        &mut self,
        database: DatabaseId,
    ) -> StoreResult<Option<RulesVersion>> {
        sqlx::query("SELECT * FROM seed_rules WHERE database_id = $1 ORDER BY version DESC LIMIT 1")
            .bind(database.as_str())
            .fetch_optional(self.db())
            .await?
            .map(|r| from_row(&r))
            .transpose()
    }

    pub async fn seed_rules(
        &mut self,
        database: DatabaseId,
        version: u32,
    ) -> StoreResult<Option<RulesVersion>> {
        sqlx::query("SELECT * FROM seed_rules WHERE database_id = $1 AND version = $2")
            .bind(database.as_str())
            .bind(i64::from(version))
            .fetch_optional(self.db())
            .await?
            .map(|r| from_row(&r))
            .transpose()
    }

    /// Newest first, with the number of all.
    pub async fn seed_rules_versions(
        &mut self,
        database: DatabaseId,
        offset: u64,
        limit: u64,
    ) -> StoreResult<(Vec<RulesVersion>, u64)> {
        let total = sqlx::query("SELECT COUNT(*) AS n FROM seed_rules WHERE database_id = $1")
            .bind(database.as_str())
            .fetch_one(self.db())
            .await?;
        let rows = sqlx::query(
            "SELECT * FROM seed_rules WHERE database_id = $1 ORDER BY version DESC LIMIT $2 OFFSET $3",
        )
        .bind(database.as_str())
        .bind(signed(limit))
        .bind(signed(offset))
        .fetch_all(self.db())
        .await?;
        let found = rows.iter().map(from_row).collect::<StoreResult<_>>()?;
        Ok((found, count(&total, "n")?))
    }

    /// What a database's masks are keyed with; `None` before its first rules.
    pub async fn mask_secret(&mut self, database: DatabaseId) -> StoreResult<Option<MaskSecret>> {
        let row = sqlx::query("SELECT mask_secret FROM databases WHERE id = $1")
            .bind(database.as_str())
            .fetch_optional(self.db())
            .await?;
        let Some(row) = row else { return Ok(None) };
        opt_text(&row, "mask_secret")?
            .map(|sealed| opened(&self.key, database, &sealed))
            .transpose()
    }

    pub async fn seed_rules_test(&mut self, id: RulesTestId) -> StoreResult<Option<RulesTest>> {
        sqlx::query("SELECT * FROM seed_rules_tests WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.db())
            .await?
            .map(|r| test(&r))
            .transpose()
    }

    /// A database's tests, newest first.
    pub async fn seed_rules_tests(&mut self, database: DatabaseId) -> StoreResult<Vec<RulesTest>> {
        sqlx::query(
            "SELECT * FROM seed_rules_tests WHERE database_id = $1 ORDER BY created_at DESC, id DESC",
        )
        .bind(database.as_str())
        .fetch_all(self.db())
        .await?
        .iter()
        .map(test)
        .collect()
    }
}

impl Tx {
    /// `Taken`: that version is there.
    pub async fn insert_seed_rules(&mut self, v: &RulesVersion) -> StoreResult<()> {
        sqlx::query(
            "INSERT INTO seed_rules (database_id, version, rules, actor, created_at) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(v.database_id.as_str())
        .bind(i64::from(v.version))
        .bind(json(v.rules.as_ref())?)
        .bind(&v.actor)
        .bind(micros(v.created_at))
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Keeps the secret, sealed, unless there is one. Branches made with another would not fit together.
    pub async fn set_mask_secret(
        &mut self,
        database: DatabaseId,
        secret: &MaskSecret,
    ) -> StoreResult<()> {
        let sealed = self.key.seal(&identity(database), secret.bytes())?;
        sqlx::query("UPDATE databases SET mask_secret = $2 WHERE id = $1 AND mask_secret IS NULL")
            .bind(database.as_str())
            .bind(sealed)
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// With which rules a branch was made; `None` = without, or not yet.
    pub async fn set_seeded(&mut self, id: BranchId, seeded: Option<&Seeded>) -> StoreResult<()> {
        sqlx::query("UPDATE branches SET seeded = $2 WHERE id = $1")
            .bind(id.as_str())
            .bind(json(seeded)?)
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// One that runs.
    pub async fn insert_seed_rules_test(&mut self, t: &RulesTest) -> StoreResult<()> {
        sqlx::query(
            "INSERT INTO seed_rules_tests (id, database_id, branch_id, branch_name, version, rules, state, \
             actor, created_at) VALUES ($1, $2, $3, $4, $5, $6, 'running', $7, $8)",
        )
        .bind(t.id.as_str())
        .bind(t.database_id.as_str())
        .bind(t.branch_id.as_str())
        .bind(&t.branch_name)
        .bind(t.version.map(i64::from))
        .bind(json(Some(&t.rules))?)
        .bind(&t.actor)
        .bind(micros(t.created_at))
        .execute(self.db())
        .await?;
        Ok(())
    }

    pub async fn seed_rules_test_passed(
        &mut self,
        id: RulesTestId,
        tables: &[SeededTable],
        now: Timestamp,
    ) -> StoreResult<()> {
        sqlx::query(
            "UPDATE seed_rules_tests SET state = 'passed', tables = $2, completed_at = $3 WHERE id = $1",
        )
        .bind(id.as_str())
        .bind(json(Some(&tables))?)
        .bind(micros(now))
        .execute(self.db())
        .await?;
        Ok(())
    }

    pub async fn seed_rules_test_failed(
        &mut self,
        id: RulesTestId,
        unfit: &[Unfit],
        failure: &str,
        now: Timestamp,
    ) -> StoreResult<()> {
        sqlx::query(
            "UPDATE seed_rules_tests SET state = 'failed', unfit = $2, failure = $3, completed_at = $4 WHERE id = $1",
        )
        .bind(id.as_str())
        .bind(json(Some(&unfit))?)
        .bind(failure)
        .bind(micros(now))
        .execute(self.db())
        .await?;
        Ok(())
    }

    pub async fn delete_seed_rules_test(&mut self, id: RulesTestId) -> StoreResult<()> {
        sqlx::query("DELETE FROM seed_rules_tests WHERE id = $1")
            .bind(id.as_str())
            .execute(self.db())
            .await?;
        Ok(())
    }
}
