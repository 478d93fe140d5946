//! Instances: what is wanted of each engine, and its sealed secret.

use crate::error::{StoreError, StoreResult};
use crate::key::MasterKey;
use crate::row::{corrupt, micros, opt_text, parsed, text, time};
use crate::session::{Session, Tx};
use offshoot_core::id::{BranchId, InstanceId, SnapshotId};
use offshoot_core::instance::{Accounts, Instance, InstanceSecret, Profile, Purpose, Wanted};
use secrecy::ExposeSecret;
use sqlx::sqlite::SqliteRow;

fn identity(id: InstanceId) -> String {
    format!("instances.secret.{id}")
}

fn wanted_text(wanted: Wanted) -> &'static str {
    match wanted {
        Wanted::Up => "up",
        Wanted::Down => "down",
        Wanted::Gone => "gone",
    }
}

fn profile_text(profile: Profile) -> &'static str {
    match profile {
        // The check of `profile` cannot be widened; the task says it.
        Profile::Development | Profile::Shadow => "development",
        Profile::Production => "production",
    }
}

fn accounts_text(accounts: Accounts) -> &'static str {
    match accounts {
        Accounts::Anew => "anew",
        Accounts::Keep => "keep",
    }
}

/// Purpose, task within it, branch.
fn purpose_parts(purpose: Purpose) -> (&'static str, Option<&'static str>, Option<String>) {
    match purpose {
        Purpose::Serve(branch) => ("serve", None, Some(branch.to_string())),
        Purpose::Warm => ("warm", None, None),
        Purpose::Template => ("template", None, None),
        Purpose::Prepare => ("template", Some("prepare"), None),
        Purpose::Shadow => ("template", Some("shadow"), None),
    }
}

fn from_row(row: &SqliteRow, key: &MasterKey) -> StoreResult<Instance> {
    let id: InstanceId = parsed(row, "id")?;
    let secret = key.open(&identity(id), &text(row, "secret")?)?;
    let secret: [u8; 32] = secret
        .expose_secret()
        .as_slice()
        .try_into()
        .map_err(|_| StoreError::Seal)?;
    let purpose = match text(row, "purpose")?.as_str() {
        "serve" => Purpose::Serve(parsed(row, "branch_id")?),
        "warm" => Purpose::Warm,
        "template" => match opt_text(row, "task")?.as_deref() {
            None => Purpose::Template,
            Some("prepare") => Purpose::Prepare,
            Some("shadow") => Purpose::Shadow,
            Some(_) => return Err(corrupt("task")),
        },
        _ => return Err(corrupt("purpose")),
    };
    Ok(Instance {
        id,
        node: parsed(row, "node_id")?,
        pool: parsed(row, "pool_id")?,
        volume: parsed(row, "volume_id")?,
        engine: parsed(row, "engine")?,
        purpose,
        profile: match text(row, "profile")?.as_str() {
            "development" if purpose == Purpose::Shadow => Profile::Shadow,
            "development" => Profile::Development,
            "production" => Profile::Production,
            _ => return Err(corrupt("profile")),
        },
        wanted: match text(row, "wanted")?.as_str() {
            "up" => Wanted::Up,
            "down" => Wanted::Down,
            "gone" => Wanted::Gone,
            _ => return Err(corrupt("wanted")),
        },
        secret: InstanceSecret::new(secret),
        copied: false,
        quiet: false,
        accounts: match text(row, "accounts")?.as_str() {
            "anew" => Accounts::Anew,
            "keep" => Accounts::Keep,
            _ => return Err(corrupt("accounts")),
        },
        created_at: time(row, "created_at")?,
    })
}

impl Session {
    pub async fn instance(&mut self, id: InstanceId) -> StoreResult<Option<Instance>> {
        let row = sqlx::query("SELECT * FROM instances WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.db())
            .await?;
        row.map(|r| from_row(&r, &self.key)).transpose()
    }

    /// Any instance: proves that the master key is the right one.
    pub(crate) async fn any_instance(&mut self) -> StoreResult<Option<Instance>> {
        let row = sqlx::query("SELECT * FROM instances LIMIT 1")
            .fetch_optional(self.db())
            .await?;
        row.map(|r| from_row(&r, &self.key)).transpose()
    }

    /// Those in which something is wanted: all but the sleeping ones.
    pub async fn active_instances(&mut self) -> StoreResult<Vec<Instance>> {
        let rows = sqlx::query("SELECT * FROM instances WHERE wanted <> 'down'")
            .fetch_all(self.db())
            .await?;
        rows.iter().map(|r| from_row(r, &self.key)).collect()
    }

    pub async fn instance_ids(&mut self) -> StoreResult<Vec<InstanceId>> {
        sqlx::query("SELECT id FROM instances")
            .fetch_all(self.db())
            .await?
            .iter()
            .map(|r| parsed(r, "id"))
            .collect()
    }

    /// Warm instances on forks of a snapshot, whole ones, oldest first.
    pub async fn warm_instances(&mut self, of: SnapshotId) -> StoreResult<Vec<Instance>> {
        self.prepared(of, Wanted::Up).await
    }

    /// Instances of a snapshot that ran once and sleep: their accounts are made, so a start is all
    /// that a branch needs. Oldest first.
    pub async fn rested_instances(&mut self, of: SnapshotId) -> StoreResult<Vec<Instance>> {
        self.prepared(of, Wanted::Down).await
    }

    async fn prepared(&mut self, of: SnapshotId, wanted: Wanted) -> StoreResult<Vec<Instance>> {
        let rows = sqlx::query(
            "SELECT i.* FROM instances i JOIN volumes v ON v.id = i.volume_id \
             WHERE i.purpose = 'warm' AND i.wanted = $2 AND i.accounts = 'keep' \
             AND v.state = 'ready' AND v.snapshot_id = $1 ORDER BY i.created_at, i.id",
        )
        .bind(of.as_str())
        .bind(wanted_text(wanted))
        .fetch_all(self.db())
        .await?;
        rows.iter().map(|r| from_row(r, &self.key)).collect()
    }
}

impl Tx {
    pub async fn insert_instance(&mut self, i: &Instance) -> StoreResult<()> {
        let secret = self.key.seal(&identity(i.id), i.secret.bytes())?;
        let (purpose, task, branch) = purpose_parts(i.purpose);
        sqlx::query(
            "INSERT INTO instances (id, node_id, pool_id, volume_id, engine, purpose, branch_id, profile, \
             wanted, secret, accounts, created_at, task) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        )
        .bind(i.id.as_str())
        .bind(i.node.as_str())
        .bind(i.pool.as_str())
        .bind(i.volume.as_str())
        .bind(i.engine.to_string())
        .bind(purpose)
        .bind(branch)
        .bind(profile_text(i.profile))
        .bind(wanted_text(i.wanted))
        .bind(secret)
        .bind(accounts_text(i.accounts))
        .bind(micros(i.created_at))
        .bind(task)
        .execute(self.db())
        .await?;
        Ok(())
    }

    pub async fn set_wanted(&mut self, id: InstanceId, wanted: Wanted) -> StoreResult<()> {
        sqlx::query("UPDATE instances SET wanted = $2 WHERE id = $1")
            .bind(id.as_str())
            .bind(wanted_text(wanted))
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// Its accounts are made, with its secret.
    pub async fn accounts_made(&mut self, id: InstanceId) -> StoreResult<()> {
        sqlx::query("UPDATE instances SET accounts = 'keep' WHERE id = $1")
            .bind(id.as_str())
            .execute(self.db())
            .await?;
        Ok(())
    }

    pub async fn set_profile(&mut self, id: InstanceId, profile: Profile) -> StoreResult<()> {
        sqlx::query("UPDATE instances SET profile = $2 WHERE id = $1")
            .bind(id.as_str())
            .bind(profile_text(profile))
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// A warm instance becomes a branch's.
    pub async fn assign_instance(&mut self, id: InstanceId, branch: BranchId) -> StoreResult<()> {
        sqlx::query(
            "UPDATE instances SET purpose = 'serve', branch_id = $2, wanted = 'up' WHERE id = $1",
        )
        .bind(id.as_str())
        .bind(branch.as_str())
        .execute(self.db())
        .await?;
        Ok(())
    }

    pub async fn delete_instance(&mut self, id: InstanceId) -> StoreResult<()> {
        sqlx::query("DELETE FROM instances WHERE id = $1")
            .bind(id.as_str())
            .execute(self.db())
            .await?;
        Ok(())
    }
}
