//! Bindings: what automations made of iterations.

use crate::error::StoreResult;
use crate::row::{
    corrupt, count, json, micros, opt_json, opt_micros, opt_text, opt_time, parsed, signed, text,
    time,
};
use crate::session::{Session, Tx};
use jiff::Timestamp;
use offshoot_core::automation::Binding;
use offshoot_core::id::{AutomationId, BindingId, BranchId, DatabaseId, IterationId};
use sqlx::sqlite::SqliteRow;
use std::collections::BTreeMap;

/// Digests of a branch's schema objects by name, as it began.
pub type BaseSchema = BTreeMap<String, String>;

/// A binding with what lists show of it.
#[derive(Clone, Debug)]
pub struct BindingDetail {
    pub binding: Binding,
    pub automation: String,
    pub database: String,
    /// The branch's name now; `None` = it is not there.
    pub branch: Option<String>,
}

fn from_row(row: &SqliteRow) -> StoreResult<Binding> {
    Ok(Binding {
        id: parsed(row, "id")?,
        automation_id: parsed(row, "automation_id")?,
        iteration_id: parsed(row, "iteration_id")?,
        branch_id: parsed(row, "branch_id")?,
        branch_name: opt_text(row, "branch_name")?,
        state: parsed(row, "state")?,
        reason: opt_text(row, "reason")?,
        followed_name: opt_text(row, "followed_name")?,
        ending: opt_json(row, "ending")?,
        attempts: u32::try_from(count(row, "attempts")?).map_err(|_| corrupt("attempts"))?,
        check_at: opt_time(row, "check_at")?,
        asked: count(row, "asked")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

impl Session {
    pub async fn binding(&mut self, id: BindingId) -> StoreResult<Option<Binding>> {
        sqlx::query("SELECT * FROM bindings WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.db())
            .await?
            .map(|r| from_row(&r))
            .transpose()
    }

    pub async fn binding_of(
        &mut self,
        automation: AutomationId,
        iteration: IterationId,
    ) -> StoreResult<Option<Binding>> {
        sqlx::query("SELECT * FROM bindings WHERE automation_id = $1 AND iteration_id = $2")
            .bind(automation.as_str())
            .bind(iteration.as_str())
            .fetch_optional(self.db())
            .await?
            .map(|r| from_row(&r))
            .transpose()
    }

    /// The databases of the automations that have one for this iteration, without those that are being deleted.
    pub async fn databases_bound_to(
        &mut self,
        iteration: IterationId,
    ) -> StoreResult<Vec<DatabaseId>> {
        sqlx::query(
            "SELECT DISTINCT a.database_id FROM bindings b JOIN automations a ON a.id = b.automation_id \
             JOIN databases d ON d.id = a.database_id WHERE b.iteration_id = $1 AND d.deleting = FALSE",
        )
        .bind(iteration.as_str())
        .fetch_all(self.db())
        .await?
        .iter()
        .map(|row| parsed(row, "database_id"))
        .collect()
    }

    pub async fn bindings_of_automation(
        &mut self,
        automation: AutomationId,
    ) -> StoreResult<Vec<Binding>> {
        sqlx::query("SELECT * FROM bindings WHERE automation_id = $1 ORDER BY created_at, id")
            .bind(automation.as_str())
            .fetch_all(self.db())
            .await?
            .iter()
            .map(from_row)
            .collect()
    }

    /// What was made of an iteration, oldest first.
    pub async fn bindings_of_iteration(
        &mut self,
        iteration: IterationId,
    ) -> StoreResult<Vec<BindingDetail>> {
        sqlx::query(
            "SELECT b.*, a.name AS automation_name, d.name AS database_name, r.name AS seen_name \
             FROM bindings b JOIN automations a ON a.id = b.automation_id \
             JOIN databases d ON d.id = a.database_id \
             LEFT JOIN branches r ON r.id = b.branch_id AND r.deleting = FALSE \
             WHERE b.iteration_id = $1 ORDER BY b.created_at, b.id",
        )
        .bind(iteration.as_str())
        .fetch_all(self.db())
        .await?
        .iter()
        .map(|r| {
            Ok(BindingDetail {
                binding: from_row(r)?,
                automation: text(r, "automation_name")?,
                database: text(r, "database_name")?,
                branch: opt_text(r, "seen_name")?,
            })
        })
        .collect()
    }

    /// Those that are to be looked at: their time has come, their branch is gone, or it is made and they
    /// do not know yet.
    pub async fn due_bindings(&mut self, now: Timestamp) -> StoreResult<Vec<BindingId>> {
        sqlx::query(
            "SELECT b.id FROM bindings b JOIN automations a ON a.id = b.automation_id \
             JOIN databases d ON d.id = a.database_id AND d.deleting = FALSE \
             LEFT JOIN branches r ON r.id = b.branch_id AND r.deleting = FALSE \
             WHERE b.check_at <= $1 \
             OR (a.enabled = TRUE AND b.state IN ('making', 'made', 'ended', 'held') AND r.id IS NULL) \
             OR (a.enabled = TRUE AND b.state = 'making' AND r.state <> 'pending') \
             ORDER BY b.check_at, b.id",
        )
        .bind(micros(now))
        .fetch_all(self.db())
        .await?
        .iter()
        .map(|r| parsed(r, "id"))
        .collect()
    }

    /// `None`: it was not read yet.
    pub async fn base_schema(&mut self, id: BindingId) -> StoreResult<Option<BaseSchema>> {
        let row = sqlx::query("SELECT base FROM bindings WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.db())
            .await?;
        row.map(|r| opt_json(&r, "base"))
            .transpose()
            .map(Option::flatten)
    }

    /// The binding that a branch was made for.
    pub async fn binding_of_branch(&mut self, id: BranchId) -> StoreResult<Option<Binding>> {
        sqlx::query("SELECT * FROM bindings WHERE branch_id = $1")
            .bind(id.as_str())
            .fetch_optional(self.db())
            .await?
            .map(|r| from_row(&r))
            .transpose()
    }
}

impl Tx {
    /// `Taken`: the automation has one for that iteration.
    pub async fn insert_binding(&mut self, b: &Binding) -> StoreResult<()> {
        sqlx::query(
            "INSERT INTO bindings (id, automation_id, iteration_id, branch_id, branch_name, state, reason, \
             followed_name, ending, attempts, check_at, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        )
        .bind(b.id.as_str())
        .bind(b.automation_id.as_str())
        .bind(b.iteration_id.as_str())
        .bind(b.branch_id.as_str())
        .bind(&b.branch_name)
        .bind(b.state.as_str())
        .bind(&b.reason)
        .bind(&b.followed_name)
        .bind(json(b.ending.as_ref())?)
        .bind(i64::from(b.attempts))
        .bind(opt_micros(b.check_at))
        .bind(micros(b.created_at))
        .bind(micros(b.updated_at))
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// Writes all but the base schema; when it is looked at next only if nobody asked for a look since it was read. There
    /// may be news of it for people then.
    pub async fn update_binding(&mut self, b: &Binding) -> StoreResult<()> {
        sqlx::query(
            "UPDATE bindings SET branch_id = $2, branch_name = $3, state = $4, reason = $5, \
             followed_name = $6, ending = $7, attempts = $8, updated_at = $10, tell_at = $10, \
             check_at = CASE WHEN asked = $11 THEN $9 ELSE check_at END \
             WHERE id = $1",
        )
        .bind(b.id.as_str())
        .bind(b.branch_id.as_str())
        .bind(&b.branch_name)
        .bind(b.state.as_str())
        .bind(&b.reason)
        .bind(&b.followed_name)
        .bind(json(b.ending.as_ref())?)
        .bind(i64::from(b.attempts))
        .bind(opt_micros(b.check_at))
        .bind(micros(b.updated_at))
        .bind(signed(b.asked))
        .execute(self.db())
        .await?;
        Ok(())
    }

    pub async fn set_base_schema(
        &mut self,
        id: BindingId,
        base: Option<&BaseSchema>,
    ) -> StoreResult<()> {
        sqlx::query("UPDATE bindings SET base = $2 WHERE id = $1")
            .bind(id.as_str())
            .bind(json(base)?)
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// What was made of an iteration is looked at again, now.
    pub async fn check_bindings_of(
        &mut self,
        iteration: IterationId,
        now: Timestamp,
    ) -> StoreResult<()> {
        sqlx::query("UPDATE bindings SET check_at = $2, tell_at = $2, asked = asked + 1 WHERE iteration_id = $1")
            .bind(iteration.as_str())
            .bind(micros(now))
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// What an automation made is looked at again, now.
    pub async fn check_bindings_by(
        &mut self,
        automation: AutomationId,
        now: Timestamp,
    ) -> StoreResult<()> {
        sqlx::query("UPDATE bindings SET check_at = $2, tell_at = $2, asked = asked + 1 WHERE automation_id = $1")
            .bind(automation.as_str())
            .bind(micros(now))
            .execute(self.db())
            .await?;
        Ok(())
    }
}
