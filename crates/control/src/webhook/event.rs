//! What happened, put into the outbox in the commit that makes it true, and how it is told.

use crate::Control;
use crate::automation::{self, AutomationView};
use crate::backup::BackupView;
use crate::branch::BranchView;
use crate::database::DatabaseView;
use crate::fail::Fail;
use crate::iteration::{self, IterationView};
use jiff::Timestamp;
use offshoot_core::automation::{Binding, BindingState};
use offshoot_core::drill::Drill;
use offshoot_core::handover::Handover;
use offshoot_core::id::{BranchId, DatabaseId, IterationId};
use offshoot_core::iteration::Change;
use offshoot_core::refusal::Refusal;
use offshoot_core::webhook::{EventName, Happened, Webhook, WebhookDelivery};
use offshoot_store::iteration::KnownIteration;
use offshoot_store::{StoreError, Tx};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// How the API shows things: what webhooks tell has the same shapes. Implemented by `api`. None of the
/// views holds a secret.
pub trait Shapes: Send + Sync {
    fn branch(&self, view: BranchView) -> Value;
    fn database(&self, view: DatabaseView) -> Value;
    fn backup(&self, view: BackupView) -> Value;
    fn drill(&self, drill: Drill) -> Value;
    fn iteration(&self, view: IterationView) -> Value;
    fn automation(&self, view: AutomationView) -> Value;
}

impl Control {
    /// A branch became ready, or fell asleep.
    pub(crate) async fn tell_branch(
        &self,
        tx: &mut Tx,
        branch: BranchId,
        event: EventName,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        if !tx.anybody_listens().await? {
            return Ok(());
        }
        let Some(branch) = tx.branch_by_id(branch).await? else {
            return Ok(());
        };
        let happened = Happened {
            id: self.id(),
            event,
            database_id: branch.database_id,
            subject_type: "Branch",
            subject_id: branch.id.to_string(),
            subject: branch.name.to_string(),
            at,
        };
        tx.publish(&happened).await.map(drop)
    }

    /// An iteration changed: told to the databases that have a rule for it.
    pub(crate) async fn tell_iteration(
        &self,
        tx: &mut Tx,
        known: &KnownIteration,
        changes: &[Change],
    ) -> Result<(), StoreError> {
        if changes.is_empty() || !tx.anybody_listens().await? {
            return Ok(());
        }
        let mut databases = BTreeSet::new();
        let kept = &self.0.automations;
        let automations = kept.automations_by(tx, known.integration_id).await?;
        let meaning = self.0.filters.meaning(&automations, &known.record);
        let meaning = meaning.into_iter().filter(|automation| automation.enabled);
        databases.extend(meaning.map(|automation| automation.database_id));
        databases.extend(tx.databases_bound_to(known.id).await?);
        for database in databases {
            for change in changes {
                let event = format!("iteration.{}", change.as_str());
                self.tell_of_iteration(tx, database, known, &event).await?;
            }
        }
        Ok(())
    }

    /// What a rule made of an iteration is in another state than before.
    pub(crate) async fn tell_binding(
        &self,
        tx: &mut Tx,
        before: Option<BindingState>,
        binding: &Binding,
    ) -> Result<(), StoreError> {
        let event = match binding.state {
            BindingState::Waiting | BindingState::Making => return Ok(()),
            BindingState::Made => "automation.branch_made",
            BindingState::Ended => "automation.branch_ended",
            BindingState::Held => "automation.branch_held",
            BindingState::Deleted => "automation.branch_deleted",
            BindingState::Gone => "automation.branch_gone",
            BindingState::Failed => "automation.branch_failed",
        };
        if before == Some(binding.state) || !tx.anybody_listens().await? {
            return Ok(());
        }
        self.tell_of_binding(tx, binding, event).await
    }

    /// A credential is on its way, or not any more. There may be news of it for people, too.
    pub(crate) async fn tell_handover(
        &self,
        tx: &mut Tx,
        handover: &Handover,
        event: &str,
    ) -> Result<(), StoreError> {
        let Some(binding) = tx.binding(handover.binding_id).await? else {
            return Ok(());
        };
        tx.tell_binding_at(binding.id, self.now()).await?;
        if !tx.anybody_listens().await? {
            return Ok(());
        }
        self.tell_of_binding(tx, &binding, event).await
    }

    async fn tell_of_binding(
        &self,
        tx: &mut Tx,
        binding: &Binding,
        event: &str,
    ) -> Result<(), StoreError> {
        let automation = tx.automation(binding.automation_id).await?;
        let known = tx.iteration(binding.iteration_id).await?;
        let (Some(automation), Some(known)) = (automation, known) else {
            return Ok(());
        };
        self.tell_of_iteration(tx, automation.database_id, &known, event)
            .await
    }

    async fn tell_of_iteration(
        &self,
        tx: &mut Tx,
        database_id: DatabaseId,
        known: &KnownIteration,
        event: &str,
    ) -> Result<(), StoreError> {
        let Ok(event) = event.parse() else {
            return Ok(());
        };
        let happened = Happened {
            id: self.id(),
            event,
            database_id,
            subject_type: "Iteration",
            subject_id: known.id.to_string(),
            subject: known.record.iteration.name.clone(),
            at: self.now(),
        };
        tx.publish(&happened).await.map(drop)
    }

    /// The body of a delivery, with the thing as it is now; what is gone by now is told by id and name.
    pub(super) async fn webhook_body(
        &self,
        webhook: &Webhook,
        delivery: &WebhookDelivery,
    ) -> Result<String, Fail> {
        let mut session = self.0.store.read().await?;
        let database = session.database_by_id(webhook.database_id).await?;
        let organization = match &database {
            Some(d) => session.organization(d.organization_id.as_str()).await?,
            None => None,
        };
        drop(session);
        let shown = self.shown(webhook.database_id, delivery).await;
        let mut resource = match shown {
            Ok(Some(Value::Object(fields))) => fields,
            _ => serde_json::Map::new(),
        };
        for (name, value) in [("id", &delivery.subject_id), ("name", &delivery.subject)] {
            let entry = resource.entry(name);
            entry.or_insert_with(|| value.as_str().into());
        }
        resource.insert("type".to_owned(), delivery.subject_type.as_str().into());
        Ok(json!({
            "timestamp": delivery.happened_at.as_second(),
            "event": delivery.event,
            "organization": organization.map(|o| o.name.to_string()),
            "database": database.map(|d| d.name.to_string()),
            "resource": resource,
            "id": delivery.id,
        })
        .to_string())
    }

    /// `None`: it is not there any more.
    async fn shown(
        &self,
        database: DatabaseId,
        delivery: &WebhookDelivery,
    ) -> Result<Option<Value>, Refusal> {
        let shapes = &self.0.ports.shapes;
        let id = &delivery.subject_id;
        let found = match delivery.subject_type.as_str() {
            "Branch" => match id.parse() {
                Ok(id) => self.branch_view(id).await.ok().map(|v| shapes.branch(v)),
                Err(_) => None,
            },
            "Database" => {
                let view = self.database_view(database).await;
                view.ok().map(|v| shapes.database(v))
            }
            "Backup" => match id.parse() {
                Ok(id) => self.backup_view(id).await?.map(|v| shapes.backup(v)),
                Err(_) => None,
            },
            "Drill" => match id.parse() {
                Ok(id) => {
                    let found = self.0.store.read().await?.drill(id).await?;
                    found.map(|d| shapes.drill(d))
                }
                Err(_) => None,
            },
            "Automation" => match id.parse() {
                Ok(id) => automation::view_of(self, id)
                    .await?
                    .map(|v| shapes.automation(v)),
                Err(_) => None,
            },
            "Iteration" => match id.parse::<IterationId>() {
                Ok(id) => {
                    let found = iteration::of_database(self, id, database).await?;
                    found.map(|v| shapes.iteration(v))
                }
                Err(_) => None,
            },
            _ => None,
        };
        Ok(found)
    }
}
