//! What people were told of what automations made: in chats, and in notes of planning tools.

use crate::error::StoreResult;
use crate::row::{
    corrupt, count, micros, opt_micros, opt_parsed, opt_text, opt_time, parsed, signed, text,
};
use crate::session::{Session, Tx};
use jiff::Timestamp;
use offshoot_core::automation::Automation;
use offshoot_core::id::{BindingId, IterationId, OrganizationId};
use offshoot_core::telling::Told;
use sqlx::sqlite::SqliteRow;

/// What a chat was told of a binding, and how the last try went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Announcement {
    /// The name of its integration in the rule.
    pub chat: String,
    /// `None` = nothing yet.
    pub told: Option<Told>,
    /// Of the text that stands there.
    pub digest: Option<String>,
    /// The chat's own id of the message.
    pub message: Option<String>,
    pub told_at: Option<Timestamp>,
    /// Tries that failed, in a row.
    pub attempts: u32,
    pub retry_at: Option<Timestamp>,
    pub failure: Option<String>,
}

/// The note with an iteration, and how the last try went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Note {
    /// Of the text that stands there; `None` = none was written.
    pub digest: Option<String>,
    pub written_at: Option<Timestamp>,
    /// Tries that failed, in a row.
    pub attempts: u32,
    /// Looked at then; `None` = when something changes.
    pub check_at: Option<Timestamp>,
    pub failure: Option<String>,
}

fn attempts(row: &SqliteRow) -> StoreResult<u32> {
    u32::try_from(count(row, "attempts")?).map_err(|_| corrupt("attempts"))
}

impl Session {
    /// Bindings of rules that tell somebody, of which there may be news by now, the longest overdue first.
    pub async fn bindings_to_tell(
        &mut self,
        now: Timestamp,
        limit: u64,
    ) -> StoreResult<Vec<BindingId>> {
        sqlx::query(
            "SELECT b.id FROM bindings b JOIN automations a ON a.id = b.automation_id AND a.tells = TRUE \
             WHERE b.tell_at <= $1 ORDER BY b.tell_at, b.id LIMIT $2",
        )
        .bind(micros(now))
        .bind(signed(limit))
        .fetch_all(self.db())
        .await?
        .iter()
        .map(|r| parsed(r, "id"))
        .collect()
    }

    /// When the binding is looked at for news; `None` = when something changes.
    pub async fn tell_at(&mut self, id: BindingId) -> StoreResult<Option<Timestamp>> {
        let row = sqlx::query("SELECT tell_at FROM bindings WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.db())
            .await?;
        row.map(|r| opt_time(&r, "tell_at"))
            .transpose()
            .map(Option::flatten)
    }

    /// By the chat's name.
    pub async fn announcements(&mut self, binding: BindingId) -> StoreResult<Vec<Announcement>> {
        sqlx::query("SELECT * FROM announcements WHERE binding_id = $1 ORDER BY chat")
            .bind(binding.as_str())
            .fetch_all(self.db())
            .await?
            .iter()
            .map(|r| {
                Ok(Announcement {
                    chat: text(r, "chat")?,
                    told: opt_parsed(r, "told")?,
                    digest: opt_text(r, "digest")?,
                    message: opt_text(r, "message")?,
                    told_at: opt_time(r, "told_at")?,
                    attempts: attempts(r)?,
                    retry_at: opt_time(r, "retry_at")?,
                    failure: opt_text(r, "failure")?,
                })
            })
            .collect()
    }

    /// `None`: nothing was to be written there.
    pub async fn note(&mut self, iteration: IterationId) -> StoreResult<Option<Note>> {
        sqlx::query("SELECT * FROM notes WHERE iteration_id = $1")
            .bind(iteration.as_str())
            .fetch_optional(self.db())
            .await?
            .map(|r| {
                Ok(Note {
                    digest: opt_text(&r, "digest")?,
                    written_at: opt_time(&r, "written_at")?,
                    attempts: attempts(&r)?,
                    check_at: opt_time(&r, "check_at")?,
                    failure: opt_text(&r, "failure")?,
                })
            })
            .transpose()
    }

    /// Iterations whose note is to be looked at by now.
    pub async fn notes_to_write(
        &mut self,
        now: Timestamp,
        limit: u64,
    ) -> StoreResult<Vec<IterationId>> {
        sqlx::query(
            "SELECT iteration_id FROM notes WHERE check_at <= $1 ORDER BY check_at, iteration_id LIMIT $2",
        )
        .bind(micros(now))
        .bind(signed(limit))
        .fetch_all(self.db())
        .await?
        .iter()
        .map(|r| parsed(r, "iteration_id"))
        .collect()
    }

    /// All automations of an organization that tell somebody.
    pub async fn telling_automations(
        &mut self,
        organization: OrganizationId,
    ) -> StoreResult<Vec<Automation>> {
        let rows = sqlx::query(
            "SELECT a.id FROM automations a JOIN databases d ON d.id = a.database_id \
             WHERE d.organization_id = $1 AND d.deleting = FALSE AND a.tells = TRUE \
             ORDER BY a.name, a.id",
        )
        .bind(organization.as_str())
        .fetch_all(self.db())
        .await?;
        let mut found = Vec::new();
        for row in rows {
            found.extend(self.automation(parsed(&row, "id")?).await?);
        }
        Ok(found)
    }
}

impl Tx {
    /// There may be news of the binding by then.
    pub async fn tell_binding_at(&mut self, id: BindingId, at: Timestamp) -> StoreResult<()> {
        sqlx::query("UPDATE bindings SET tell_at = $2 WHERE id = $1")
            .bind(id.as_str())
            .bind(micros(at))
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// When the binding is looked at the next time; not where something changed since it was `seen`.
    pub async fn set_tell_at(
        &mut self,
        id: BindingId,
        seen: Option<Timestamp>,
        at: Option<Timestamp>,
    ) -> StoreResult<()> {
        sqlx::query("UPDATE bindings SET tell_at = $3 WHERE id = $1 AND tell_at = $2")
            .bind(id.as_str())
            .bind(opt_micros(seen))
            .bind(opt_micros(at))
            .execute(self.db())
            .await?;
        Ok(())
    }

    /// In the place of what was known of the chat.
    pub async fn put_announcement(
        &mut self,
        binding: BindingId,
        a: &Announcement,
    ) -> StoreResult<()> {
        sqlx::query("DELETE FROM announcements WHERE binding_id = $1 AND chat = $2")
            .bind(binding.as_str())
            .bind(&a.chat)
            .execute(self.db())
            .await?;
        // The binding may be gone by now.
        sqlx::query(
            "INSERT INTO announcements (binding_id, chat, told, digest, message, told_at, attempts, \
             retry_at, failure) SELECT b.id, $2, $3, $4, $5, $6, $7, $8, $9 FROM bindings b WHERE b.id = $1",
        )
        .bind(binding.as_str())
        .bind(&a.chat)
        .bind(a.told.as_ref().map(ToString::to_string))
        .bind(&a.digest)
        .bind(&a.message)
        .bind(opt_micros(a.told_at))
        .bind(i64::from(a.attempts))
        .bind(opt_micros(a.retry_at))
        .bind(&a.failure)
        .execute(self.db())
        .await?;
        Ok(())
    }

    /// The note of the iteration is looked at, now.
    pub async fn check_note(&mut self, iteration: IterationId, now: Timestamp) -> StoreResult<()> {
        let there = sqlx::query("UPDATE notes SET check_at = $2 WHERE iteration_id = $1")
            .bind(iteration.as_str())
            .bind(micros(now))
            .execute(self.db())
            .await?;
        if there.rows_affected() == 0 {
            sqlx::query(
                "INSERT INTO notes (iteration_id, attempts, check_at) \
                 SELECT i.id, 0, $2 FROM iterations i WHERE i.id = $1",
            )
            .bind(iteration.as_str())
            .bind(micros(now))
            .execute(self.db())
            .await?;
        }
        Ok(())
    }

    /// How writing it went; looked at again at once where something changed since it was `seen`.
    pub async fn put_note(
        &mut self,
        iteration: IterationId,
        seen: Option<Timestamp>,
        n: &Note,
    ) -> StoreResult<()> {
        sqlx::query(
            "UPDATE notes SET digest = $2, written_at = $3, attempts = $4, failure = $5, \
             check_at = CASE WHEN check_at = $6 THEN $7 ELSE check_at END WHERE iteration_id = $1",
        )
        .bind(iteration.as_str())
        .bind(&n.digest)
        .bind(opt_micros(n.written_at))
        .bind(i64::from(n.attempts))
        .bind(&n.failure)
        .bind(opt_micros(seen))
        .bind(opt_micros(n.check_at))
        .execute(self.db())
        .await?;
        Ok(())
    }
}
