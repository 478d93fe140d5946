//! The audit log: written with the change it tells of, never altered.

use crate::error::StoreResult;
use crate::row::{corrupt, flag, micros, opt_text, parsed, signed, text, time};
use crate::session::{Session, Tx};
use offshoot_core::audit::AuditEvent;
use offshoot_core::id::OrganizationId;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite};

/// Subject types that events may have.
const SUBJECTS: [&str; 14] = [
    "Organization",
    "Database",
    "Branch",
    "Backup",
    "BackupPolicy",
    "Password",
    "ServiceToken",
    "Username",
    "Integration",
    "Automation",
    "Webhook",
    "Keyspace",
    "User",
    "Session",
];

#[derive(Clone, Debug, Default)]
pub struct AuditFilter<'a> {
    /// Empty = all.
    pub actions: &'a [String],
    /// Id of an event: only older ones.
    pub older_than: Option<&'a str>,
    /// Id of an event: only newer ones.
    pub newer_than: Option<&'a str>,
    pub limit: u64,
}

fn from_row(row: &SqliteRow) -> StoreResult<AuditEvent> {
    let subject = text(row, "subject_type")?;
    Ok(AuditEvent {
        id: parsed(row, "id")?,
        organization_id: parsed(row, "organization_id")?,
        action: text(row, "action")?,
        actor_id: opt_text(row, "actor_id")?,
        actor: text(row, "actor")?,
        by_user: flag(row, "by_user")?,
        subject_type: SUBJECTS
            .into_iter()
            .find(|s| *s == subject)
            .ok_or_else(|| corrupt("subject_type"))?,
        subject_id: opt_text(row, "subject_id")?,
        subject: text(row, "subject")?,
        remote_ip: opt_text(row, "remote_ip")?,
        metadata: serde_json::from_str(&text(row, "metadata")?).map_err(|_| corrupt("metadata"))?,
        at: time(row, "at")?,
    })
}

impl Session {
    /// Newest first. With `newer_than`, those next to it.
    pub async fn audit_events(
        &mut self,
        organization: OrganizationId,
        filter: &AuditFilter<'_>,
    ) -> StoreResult<Vec<AuditEvent>> {
        let mut sql =
            QueryBuilder::<Sqlite>::new("SELECT * FROM audit_events WHERE organization_id = ");
        sql.push_bind(organization.as_str().to_owned());
        if !filter.actions.is_empty() {
            sql.push(" AND action IN (");
            let mut list = sql.separated(", ");
            for action in filter.actions {
                list.push_bind(action.clone());
            }
            sql.push(")");
        }
        for (id, order) in [(filter.older_than, "<"), (filter.newer_than, ">")] {
            let Some(id) = id else { continue };
            sql.push(" AND (at, id) ")
                .push(order)
                .push(" (SELECT at, id FROM audit_events WHERE id = ")
                .push_bind(id.to_owned())
                .push(")");
        }
        let backwards = filter.newer_than.is_some();
        sql.push(if backwards {
            " ORDER BY at, id LIMIT "
        } else {
            " ORDER BY at DESC, id DESC LIMIT "
        })
        .push_bind(signed(filter.limit));
        let rows = sql.build().fetch_all(self.db()).await?;
        let mut events: Vec<_> = rows.iter().map(from_row).collect::<StoreResult<_>>()?;
        if backwards {
            events.reverse();
        }
        Ok(events)
    }

    /// The last event of an action on a subject.
    pub async fn last_audit_event(
        &mut self,
        subject: &str,
        action: &str,
    ) -> StoreResult<Option<AuditEvent>> {
        sqlx::query(
            "SELECT * FROM audit_events WHERE subject_id = $1 AND action = $2 ORDER BY at DESC, id DESC LIMIT 1",
        )
        .bind(subject)
        .bind(action)
        .fetch_optional(self.db())
        .await?
        .map(|r| from_row(&r))
        .transpose()
    }
}

impl Tx {
    /// Also puts the event into the outbox of webhooks, where the action is one.
    pub async fn insert_audit(&mut self, e: &AuditEvent) -> StoreResult<()> {
        let metadata = serde_json::to_string(&e.metadata).map_err(|_| corrupt("metadata"))?;
        sqlx::query(
            "INSERT INTO audit_events (id, organization_id, action, actor_id, actor, subject_type, \
             subject_id, subject, remote_ip, metadata, at, by_user) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        )
        .bind(e.id.as_str())
        .bind(e.organization_id.as_str())
        .bind(&e.action)
        .bind(&e.actor_id)
        .bind(&e.actor)
        .bind(e.subject_type)
        .bind(&e.subject_id)
        .bind(&e.subject)
        .bind(&e.remote_ip)
        .bind(metadata)
        .bind(micros(e.at))
        .bind(e.by_user)
        .execute(self.db())
        .await?;
        self.publish_audit(e).await
    }
}
