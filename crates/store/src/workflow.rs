//! Workflows at rest: their state as text, and the leases that fence them.
//!
//! A lease is a random token. Whoever writes a workflow has to hold the token that is in the row;
//! one that was taken over in the meantime gets [`StoreError::Fenced`], and its transaction with
//! everything else in it is void.

use crate::error::{StoreError, StoreResult};
use crate::row::{count, micros, parsed, signed, text, time};
use crate::session::{Session, Tx};
use jiff::Timestamp;
use offshoot_core::id::WorkflowId;
use sqlx::sqlite::SqliteRow;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workflow {
    pub id: WorkflowId,
    pub kind: String,
    /// Version of the state's format.
    pub version: u32,
    /// What it works on; one workflow of a kind for each subject.
    pub subject: String,
    pub state: String,
    /// Failed tries of the present state.
    pub attempts: u32,
    /// Not before.
    pub run_at: Timestamp,
    pub created_at: Timestamp,
}

/// A claim on a workflow.
#[derive(Clone, Debug)]
pub struct Lease<'a> {
    pub token: &'a str,
    pub until: Timestamp,
}

fn from_row(row: &SqliteRow) -> StoreResult<Workflow> {
    let small = |column| count(row, column).map(|n| u32::try_from(n).unwrap_or(u32::MAX));
    Ok(Workflow {
        id: parsed(row, "id")?,
        kind: text(row, "kind")?,
        version: small("version")?,
        subject: text(row, "subject")?,
        state: text(row, "state")?,
        attempts: small("attempts")?,
        run_at: time(row, "run_at")?,
        created_at: time(row, "created_at")?,
    })
}

impl Session {
    pub async fn workflow(&mut self, id: WorkflowId) -> StoreResult<Option<Workflow>> {
        sqlx::query("SELECT * FROM workflows WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.db())
            .await?
            .map(|r| from_row(&r))
            .transpose()
    }

    pub async fn workflow_of(
        &mut self,
        kind: &str,
        subject: &str,
    ) -> StoreResult<Option<Workflow>> {
        sqlx::query("SELECT * FROM workflows WHERE kind = $1 AND subject = $2")
            .bind(kind)
            .bind(subject)
            .fetch_optional(self.db())
            .await?
            .map(|r| from_row(&r))
            .transpose()
    }

    /// What is under way with a thing, oldest first; with the last error.
    pub async fn workflows_of(
        &mut self,
        subject: &str,
    ) -> StoreResult<Vec<(Workflow, Option<String>)>> {
        sqlx::query("SELECT * FROM workflows WHERE subject = $1 ORDER BY created_at, id")
            .bind(subject)
            .fetch_all(self.db())
            .await?
            .iter()
            .map(|r| Ok((from_row(r)?, crate::row::opt_text(r, "error")?)))
            .collect()
    }

    /// Those whose time has come and that nobody holds, oldest first.
    pub async fn due_workflows(
        &mut self,
        now: Timestamp,
        limit: u64,
    ) -> StoreResult<Vec<Workflow>> {
        sqlx::query(
            "SELECT * FROM workflows WHERE run_at <= $1 AND (lease_until IS NULL OR lease_until <= $1) \
             ORDER BY run_at, id LIMIT $2",
        )
        .bind(micros(now))
        .bind(signed(limit))
        .fetch_all(self.db())
        .await?
        .iter()
        .map(from_row)
        .collect()
    }

    /// When the next one that nobody holds is due.
    pub async fn next_workflow_at(&mut self) -> StoreResult<Option<Timestamp>> {
        let row = sqlx::query("SELECT MIN(run_at) AS at FROM workflows WHERE lease_until IS NULL")
            .fetch_one(self.db())
            .await?;
        crate::row::opt_time(&row, "at")
    }

    /// Number of workflows that are not done.
    pub async fn workflows_left(&mut self) -> StoreResult<u64> {
        let row = sqlx::query("SELECT COUNT(*) AS n FROM workflows")
            .fetch_one(self.db())
            .await?;
        count(&row, "n")
    }
}

impl Tx {
    /// With a lease when the caller is going to run it itself at once.
    pub async fn insert_workflow(
        &mut self,
        w: &Workflow,
        lease: Option<&Lease<'_>>,
    ) -> StoreResult<()> {
        sqlx::query(
            "INSERT INTO workflows (id, kind, version, subject, state, attempts, run_at, lease_token, \
             lease_until, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)",
        )
        .bind(w.id.as_str())
        .bind(&w.kind)
        .bind(i64::from(w.version))
        .bind(&w.subject)
        .bind(&w.state)
        .bind(i64::from(w.attempts))
        .bind(micros(w.run_at))
        .bind(lease.map(|l| l.token))
        .bind(lease.map(|l| micros(l.until)))
        .bind(micros(w.created_at))
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Claims a workflow that nobody holds (`false`: somebody does), or renews one's own claim.
    pub async fn lease_workflow(
        &mut self,
        id: WorkflowId,
        lease: &Lease<'_>,
        now: Timestamp,
    ) -> StoreResult<bool> {
        let done = sqlx::query(
            "UPDATE workflows SET lease_token = $2, lease_until = $3 WHERE id = $1 \
             AND (lease_until IS NULL OR lease_until <= $4 OR lease_token = $2)",
        )
        .bind(id.as_str())
        .bind(lease.token)
        .bind(micros(lease.until))
        .bind(micros(now))
        .execute(self.db())
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Voids all claims: at the start of the only process that can hold any.
    pub async fn void_leases(&mut self) -> StoreResult<()> {
        sqlx::query("UPDATE workflows SET lease_token = NULL, lease_until = NULL")
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// Writes a new state, reached under `token`.
    pub async fn advance_workflow(
        &mut self,
        id: WorkflowId,
        token: &str,
        version: u32,
        state: &str,
        now: Timestamp,
    ) -> StoreResult<()> {
        let done = sqlx::query(
            "UPDATE workflows SET version = $3, state = $4, attempts = 0, error = NULL, updated_at = $5 \
             WHERE id = $1 AND lease_token = $2",
        )
        .bind(id.as_str())
        .bind(token)
        .bind(i64::from(version))
        .bind(state)
        .bind(micros(now))
        .execute(self.db())
        .await?;
        fenced(done.rows_affected())
    }

    /// Gives a workflow back until `run_at`, after a failure or to wait.
    pub async fn postpone_workflow(
        &mut self,
        id: WorkflowId,
        token: &str,
        attempts: u32,
        run_at: Timestamp,
        error: Option<&str>,
    ) -> StoreResult<()> {
        let done = sqlx::query(
            "UPDATE workflows SET attempts = $3, run_at = $4, error = $5, lease_token = NULL, \
             lease_until = NULL WHERE id = $1 AND lease_token = $2",
        )
        .bind(id.as_str())
        .bind(token)
        .bind(i64::from(attempts))
        .bind(micros(run_at))
        .bind(error)
        .execute(self.db())
        .await?;
        fenced(done.rows_affected())
    }

    /// It has reached its end.
    pub async fn finish_workflow(&mut self, id: WorkflowId, token: &str) -> StoreResult<()> {
        let done = sqlx::query("DELETE FROM workflows WHERE id = $1 AND lease_token = $2")
            .bind(id.as_str())
            .bind(token)
            .execute(self.db())
            .await?;
        fenced(done.rows_affected())
    }

    /// Ends one kind of what works on a subject: its next write is fenced.
    pub async fn cancel_workflow(&mut self, kind: &str, subject: &str) -> StoreResult<()> {
        sqlx::query("DELETE FROM workflows WHERE kind = $1 AND subject = $2")
            .bind(kind)
            .bind(subject)
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// Ends whatever works on a subject: its next write is fenced.
    pub async fn cancel_workflows(&mut self, subject: &str) -> StoreResult<()> {
        sqlx::query("DELETE FROM workflows WHERE subject = $1")
            .bind(subject)
            .execute(self.db())
            .await?;
        Ok(())
    }
}

fn fenced(rows: u64) -> StoreResult<()> {
    if rows == 1 {
        Ok(())
    } else {
        Err(StoreError::Fenced)
    }
}
