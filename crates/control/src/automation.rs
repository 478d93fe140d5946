//! Automations: rules of databases, made, listed, shown, changed, deleted; what they would do.

mod effects;
pub(crate) mod filter;
pub(crate) mod name;

pub use effects::{Effect, Tested, effects, effects_of_new, test};
pub(crate) use filter::Filters;

use crate::Control;
use crate::locate::{LocatedAutomation, LocatedDatabase, quoted};
use crate::once::{Made, Once, gone};
use crate::page::{Listed, Page};
use crate::password::url_safe;
use crate::revision::{Expected, Revision};
use crate::trail::Actor;
use offshoot_core::access::Access;
use offshoot_core::automation::{Automation, Deliver, Ending, Rule, RuleSeed};
use offshoot_core::id::{AutomationId, IntegrationId};
use offshoot_core::integration::Integration;
use offshoot_core::name::AutomationName;
use offshoot_core::refusal::{Refusal, code};
use offshoot_planning::{Tool, chat, note};
use offshoot_store::{Session, StoreError, Tx};
use secrecy::SecretString;

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
}

impl AutomationView {
    pub fn revision(&self) -> Revision {
        Revision::of_automation(&self.automation)
    }
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
    /// Refused (`CHANGED`) at another revision.
    pub expected: Expected,
}

/// Needs `write_database`, and what the rule does: `create_branch`, `connect_branch` for credentials,
/// `delete_branch` where branches are deleted, `restore_backup` or
/// `restore_production_branch_backup` where they start with data, `write_backups` where they are backed up.
pub async fn create(
    control: &Control,
    at: &LocatedDatabase,
    name: AutomationName,
    rule: Rule,
    enabled: bool,
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
    let mut tx = control.0.store.write().await?;
    let integration_id = judge(&mut tx, at, &rule).await?;
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
        name,
        enabled,
        rule,
        actor: at.caller().name(),
        created_at: now,
        updated_at: now,
    };
    let inserted = tx.insert_automation(&automation).await;
    inserted.map_err(|e| taken(e, &automation))?;
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
    automation.integration_id = judge(&mut tx, &at.within, &automation.rule).await?;
    automation.actor = at.caller().name();
    automation.updated_at = control.now();
    let updated = tx.update_automation(&automation).await;
    updated.map_err(|e| taken(e, &automation))?;
    tx.check_bindings_by(automation.id, control.now()).await?;
    look_at_notes(control, &mut tx, automation.id).await?;
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

/// Refuses a rule that cannot be, or that does what the caller may not do. The integration that it names.
async fn judge(
    session: &mut Session,
    at: &LocatedDatabase,
    rule: &Rule,
) -> Result<IntegrationId, Refusal> {
    at.require(&[Access::CreateBranch])?;
    if !rule.credentials.is_empty() {
        at.require(&[Access::ConnectBranch])?;
    }
    for ending in [rule.on.ended, rule.on.deleted] {
        if let Ending::Delete { backup, .. } = ending {
            at.require(&[Access::DeleteBranch])?;
            if backup {
                at.require(&[Access::WriteBackups])?;
            }
        }
    }
    if rule.branch.seed != RuleSeed::Schema {
        // The parent may become a production branch at any time.
        at.require(&[Access::RestoreProductionBranchBackup])?;
    }
    if let Some(filter) = &rule.filter {
        filter::check(filter)?;
    }
    name::check("rule.branch.name", &rule.branch.name)?;
    for credential in rule.credentials.values() {
        match &credential.deliver {
            Deliver::Link(_) => {}
            Deliver::File(file) => {
                name::check("rule.credentials.deliver.file.name", &file.name)?;
                check_prefix(&file.prefix)?;
            }
            Deliver::Webhook(webhook) => check_url(&webhook.url)?,
        }
    }
    if let Some(parent) = &rule.branch.parent
        && session.branch(at.database.id, parent).await?.is_none()
    {
        let mut refusal = Refusal::not_found(format!("parent branch {}", quoted(parent)));
        refusal.field = Some("rule.branch.parent");
        return Err(refusal.hint(format!(
            "list them: offshoot branch list {}",
            at.database.name
        )));
    }
    let found = session
        .integration_named(at.organization().id, &rule.integration)
        .await?;
    let integration = found.ok_or_else(|| {
        let mut refusal = Refusal::not_found(format!("integration {}", quoted(&rule.integration)));
        refusal.field = Some("rule.integration");
        refusal.hint("list them: offshoot integration list")
    })?;
    judge_telling(session, at, rule, &integration).await?;
    Ok(integration.id)
}

/// Refuses what nobody could be told.
async fn judge_telling(
    session: &mut Session,
    at: &LocatedDatabase,
    rule: &Rule,
    integration: &Integration,
) -> Result<(), Refusal> {
    let tool: Tool = integration.tool.parse()?;
    let title = tool.description().title;
    if chat::is_chat(tool) {
        let text =
            format!("{title} is a chat: it has no iterations, and is named under tell.chats");
        return Err(Refusal::invalid("rule.integration", text));
    }
    if rule.tell.note && !note::has_place(tool) {
        let text = format!("{title} has no place for notes");
        return Err(Refusal::invalid("rule.tell.note", text)
            .hint("tell a chat instead: tell.chats names integrations with chats"));
    }
    if rule.tell.note && !integration.has_token {
        let text = format!(
            "integration \"{}\" has no token to write notes with",
            integration.name
        );
        return Err(Refusal::invalid("rule.tell.note", text).hint(format!(
            "give it one: offshoot integration update {} --token-file FILE",
            integration.name
        )));
    }
    for name in &rule.tell.chats {
        let found = session
            .integration_named(at.organization().id, name.as_str())
            .await?;
        let tool = found.map(|i| i.tool.parse::<Tool>()).transpose()?;
        match tool {
            Some(tool) if chat::is_chat(tool) => {}
            Some(tool) => {
                let text = format!(
                    "integration \"{}\" is with {}, which is no chat",
                    name.as_str(),
                    tool.description().title
                );
                return Err(Refusal::invalid("rule.tell.chats", text));
            }
            None => {
                let mut refusal =
                    Refusal::not_found(format!("integration {}", quoted(name.as_str())));
                refusal.field = Some("rule.tell.chats");
                return Err(refusal.hint(
                    "make one: offshoot integration create NAME --tool slack --token-file FILE",
                ));
            }
        }
    }
    Ok(())
}

fn check_prefix(prefix: &str) -> Result<(), Refusal> {
    let fits = (1..=64).contains(&prefix.len())
        && prefix.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && prefix
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_');
    match fits {
        true => Ok(()),
        false => Err(Refusal::invalid(
            "rule.credentials.deliver.file.prefix",
            "a prefix has letters, digits and _, and does not begin with a digit",
        )),
    }
}

fn check_url(url: &str) -> Result<(), Refusal> {
    let host = ["https://", "http://"]
        .iter()
        .find_map(|scheme| url.strip_prefix(scheme));
    let fits = host.is_some_and(|h| !h.is_empty() && !h.starts_with('/'))
        && url.len() <= 2_000
        && !url.contains(|c: char| c.is_whitespace() || c.is_control());
    match fits {
        true => Ok(()),
        false => Err(Refusal::invalid(
            "rule.credentials.deliver.webhook.url",
            "write an address that begins with https://",
        )),
    }
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
    Ok(AutomationView {
        integration: integration.map_or_else(String::new, |i| i.name.to_string()),
        bindings: bindings as u64,
        automation,
        webhook_secret,
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
    let automation = found.ok_or_else(|| Refusal::not_found("the automation"))?;
    let what = format!("automation \"{}\"", automation.name);
    expected.check(&Revision::of_automation(&automation), what)?;
    Ok(automation)
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
