//! Automations: rules of databases, made, listed, shown, changed, deleted; what they would do.

mod effects;
pub(crate) mod filter;
mod judge;
mod kept;
pub(crate) mod name;
mod tokens;

pub use effects::{Effect, Tested, effects, effects_of_new, test};
pub(crate) use filter::Filters;
pub(crate) use kept::Kept;

use crate::Control;
use crate::locate::{LocatedAutomation, LocatedDatabase};
use crate::once::{Made, Once, gone};
use crate::page::{Listed, Page};
use crate::password::url_safe;
use crate::revision::{Expected, Revision};
use crate::trail::Actor;
use judge::judge;
use offshoot_core::access::Access;
use offshoot_core::automation::{Automation, Deliver, Rule};
use offshoot_core::id::AutomationId;
use offshoot_core::name::AutomationName;
use offshoot_core::refusal::{Refusal, code};
use offshoot_store::{Session, StoreError, Tx};
use secrecy::SecretString;
use std::collections::BTreeMap;
use tokens::{after_change, of_new};

/// What a drawn signing secret begins with, as standardwebhooks.com has it.
const PREFIX: &str = "whsec_";

/// An automation with what lists show.
#[derive(Clone, Debug)]
pub struct AutomationView {
    pub automation: Automation,
    /// Name of its integration.
    pub integration: String,
    /// What it made, or waits to make.
    pub bindings: u64,
    /// What its webhooks are signed with: only in the answer to the call that drew it.
    pub webhook_secret: Option<SecretString>,
    /// Credentials that have a token of their own for their receiver.
    pub tokens: Vec<String>,
}

impl AutomationView {
    pub fn revision(&self) -> Revision {
        Revision::of_automation(&self.automation)
    }
}

#[derive(Clone, Debug)]
pub struct NewAutomation {
    pub name: AutomationName,
    pub rule: Rule,
    pub enabled: bool,
    /// What receivers are reached with, by credential. Kept sealed, and never shown.
    pub tokens: BTreeMap<String, SecretString>,
}

/// What to change; `None` = leave.
#[derive(Clone, Debug, Default)]
pub struct AutomationChange {
    pub name: Option<AutomationName>,
    /// In the place of the whole rule.
    pub rule: Option<Rule>,
    pub enabled: Option<bool>,
    /// Draw another secret for its webhooks; the earlier one does not count any more.
    pub draw_webhook_secret: bool,
    /// Other tokens for receivers, by credential; `None`: it is forgotten. A token whose receiver gets another
    /// address is forgotten, too.
    pub tokens: BTreeMap<String, Option<SecretString>>,
    /// Refused (`CHANGED`) at another revision.
    pub expected: Expected,
}

/// Needs `write_database`, and what the rule does: `create_branch`, `connect_branch` for credentials,
/// `delete_branch` where branches are deleted, `restore_backup` or
/// `restore_production_branch_backup` where they start with data, `write_backups` where they are backed up.
pub async fn create(
    control: &Control,
    at: &LocatedDatabase,
    new: NewAutomation,
    once: &Once,
) -> Result<AutomationView, Refusal> {
    at.require(&[Access::WriteDatabase])?;
    if let Some(made) = once.made() {
        let id: AutomationId = made.subject.into();
        let mut session = control.0.store.read().await?;
        let found = session.automation(id).await?;
        let found = found.ok_or_else(|| gone("automation"))?;
        return view(&mut session, found, None).await;
    }
    let tokens = of_new(&new.rule, &new.tokens)?;
    let mut tx = control.0.store.write().await?;
    let integration_id = judge(&mut tx, at, &new.rule, &tokens).await?;
    let found = tx.database_by_id(at.database.id).await?;
    if found.is_none_or(|d| d.deleting) {
        let what = format!("database \"{}\" is being deleted", at.database.name);
        return Err(Refusal::conflict(what).code(code::DELETING));
    }
    let (_, count) = tx.automations(at.database.id, 0, 0).await?;
    let most = control.0.settings.limits.automations_per_database;
    if count >= most {
        return Err(Refusal::unprocessable(format!(
            "database \"{}\" has {count} automations, as many as it may have",
            at.database.name
        ))
        .code(code::TOO_MANY)
        .hint("delete one that is not needed any more"));
    }
    let now = control.now();
    let automation = Automation {
        id: control.id(),
        database_id: at.database.id,
        integration_id,
        name: new.name,
        enabled: new.enabled,
        rule: new.rule,
        actor: at.caller().name(),
        created_at: now,
        updated_at: now,
    };
    let inserted = tx.insert_automation(&automation).await;
    inserted.map_err(|e| taken(e, &automation))?;
    let given = new.tokens.into_iter().map(|(name, t)| (name, Some(t)));
    tokens::keep(control, &mut tx, &automation, &given.collect()).await?;
    let drawn = match sends(&automation.rule) {
        true => Some(draw(control, &mut tx, automation.id).await?),
        false => None,
    };
    note(control, &mut tx, at, &automation, "automation.created").await?;
    let made = Made {
        subject: automation.id.into(),
        password: None,
    };
    once.record(control, &mut tx, at.caller(), made).await?;
    let view = view(&mut tx, automation, drawn).await?;
    tx.commit().await?;
    control.0.signals.planning.notify_one();
    Ok(view)
}

/// By name. Whoever may read the database may read its rules.
pub async fn list(
    control: &Control,
    at: &LocatedDatabase,
    page: Page,
) -> Result<Listed<AutomationView>, Refusal> {
    let mut session = control.0.store.read().await?;
    let (found, total) = session
        .automations(at.database.id, page.offset(), page.per_page().into())
        .await?;
    let mut items = Vec::with_capacity(found.len());
    for automation in found {
        items.push(view(&mut session, automation, None).await?);
    }
    Ok(Listed { items, total, page })
}

pub async fn show(control: &Control, at: &LocatedAutomation) -> Result<AutomationView, Refusal> {
    let mut session = control.0.store.read().await?;
    view(&mut session, at.automation.clone(), None).await
}

/// `None`: it is gone.
pub(crate) async fn view_of(
    control: &Control,
    id: AutomationId,
) -> Result<Option<AutomationView>, Refusal> {
    let mut session = control.0.store.read().await?;
    match session.automation(id).await? {
        Some(found) => view(&mut session, found, None).await.map(Some),
        None => Ok(None),
    }
}

/// Same accesses as [`create`]. What it does to branches that are there is told by [`effects()`] before.
pub async fn update(
    control: &Control,
    at: &LocatedAutomation,
    change: AutomationChange,
) -> Result<AutomationView, Refusal> {
    at.within.require(&[Access::WriteDatabase])?;
    let mut tx = control.0.store.write().await?;
    let mut automation = fresh(&mut tx, at, &change.expected).await?;
    if let Some(name) = change.name {
        automation.name = name;
    }
    if let Some(enabled) = change.enabled {
        automation.enabled = enabled;
    }
    if let Some(rule) = change.rule {
        automation.rule = rule;
    }
    // Whoever switches it on or changes it answers for all that it does.
    let tokens = after_change(&mut tx, &automation, &automation.rule, &change.tokens).await?;
    automation.integration_id = judge(&mut tx, &at.within, &automation.rule, &tokens).await?;
    automation.actor = at.caller().name();
    automation.updated_at = control.now();
    let updated = tx.update_automation(&automation).await;
    updated.map_err(|e| taken(e, &automation))?;
    tokens::keep(control, &mut tx, &automation, &change.tokens).await?;
    tx.check_bindings_by(automation.id, control.now()).await?;
    look_at_notes(control, &mut tx, automation.id).await?;
    // What was wrong may be right now.
    tx.retry_handovers_of(automation.id).await?;
    let known = tx.webhook_secret(automation.id).await?.is_some();
    let wanted = change.draw_webhook_secret || (sends(&automation.rule) && !known);
    let drawn = match wanted {
        true => Some(draw(control, &mut tx, automation.id).await?),
        false => None,
    };
    note(
        control,
        &mut tx,
        &at.within,
        &automation,
        "automation.updated",
    )
    .await?;
    let view = view(&mut tx, automation, drawn).await?;
    tx.commit().await?;
    control.0.signals.planning.notify_one();
    control.0.signals.handovers.notify_one();
    Ok(view)
}

/// Needs `write_database`. The branches that it made stay, and nothing happens to them any more when their
/// iterations end; links that nobody opened do not open any more.
pub async fn delete(
    control: &Control,
    at: &LocatedAutomation,
    expected: &Expected,
) -> Result<(), Refusal> {
    at.within.require(&[Access::WriteDatabase])?;
    let mut tx = control.0.store.write().await?;
    let automation = fresh(&mut tx, at, expected).await?;
    // What their notes say of it is taken away.
    look_at_notes(control, &mut tx, automation.id).await?;
    tx.delete_automation(automation.id).await?;
    note(
        control,
        &mut tx,
        &at.within,
        &automation,
        "automation.deleted",
    )
    .await?;
    Ok(tx.commit().await?)
}

/// It sends webhooks.
fn sends(rule: &Rule) -> bool {
    let mut all = rule.credentials.values();
    all.any(|c| matches!(c.deliver, Deliver::Webhook(_)))
}

async fn draw(control: &Control, tx: &mut Tx, id: AutomationId) -> Result<SecretString, Refusal> {
    let mut bytes = [0; 32];
    control.0.ports.ids.fill(&mut bytes);
    let secret = SecretString::from(format!("{PREFIX}{}", crate::handover::base64(&bytes)));
    tx.set_webhook_secret(id, &secret).await?;
    Ok(secret)
}

/// A fresh token for a link: more than can be guessed.
pub(crate) fn link_token(control: &Control) -> SecretString {
    SecretString::from(url_safe::<32>(&*control.0.ports.ids))
}

async fn view(
    session: &mut Session,
    automation: Automation,
    webhook_secret: Option<SecretString>,
) -> Result<AutomationView, Refusal> {
    let integration = session.integration(automation.integration_id).await?;
    let bindings = session.bindings_of_automation(automation.id).await?.len();
    let tokens = session.receiver_tokens(automation.id).await?;
    Ok(AutomationView {
        integration: integration.map_or_else(String::new, |i| i.name.to_string()),
        bindings: bindings as u64,
        automation,
        webhook_secret,
        tokens: tokens.into_iter().map(|t| t.credential).collect(),
    })
}

/// Notes that were written of what it made are looked at again.
async fn look_at_notes(control: &Control, tx: &mut Tx, id: AutomationId) -> Result<(), StoreError> {
    for binding in tx.bindings_of_automation(id).await? {
        if tx.note(binding.iteration_id).await?.is_some() {
            tx.check_note(binding.iteration_id, control.now()).await?;
        }
    }
    Ok(())
}

async fn fresh(
    tx: &mut Tx,
    at: &LocatedAutomation,
    expected: &Expected,
) -> Result<Automation, Refusal> {
    let found = tx.automation(at.automation.id).await?;
    expected.fresh(
        "automation",
        found,
        |a| a.name.clone(),
        Revision::of_automation,
    )
}

fn taken(error: StoreError, automation: &Automation) -> Refusal {
    match error {
        StoreError::Taken(_) => Refusal::conflict(format!(
            "the database has an automation named \"{}\" already",
            automation.name
        ))
        .hint("choose another name, or change that one"),
        other => other.into(),
    }
}

async fn note(
    control: &Control,
    tx: &mut Tx,
    at: &LocatedDatabase,
    automation: &Automation,
    action: &str,
) -> Result<(), Refusal> {
    let event = control.event(
        at.organization().id,
        &Actor::Caller(at.caller()),
        action,
        (
            "Automation",
            automation.id.as_str(),
            automation.name.as_str(),
        ),
        &[("database", at.database.name.as_str())],
    );
    Ok(tx.insert_audit(&event).await?)
}
