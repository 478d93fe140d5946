//! Webhooks of databases: made, listed, shown, changed, tested, deleted; and what was sent to them.

mod event;
mod send;

pub use event::Shapes;

use crate::Control;
use crate::locate::{LocatedDatabase, LocatedWebhook, quoted};
use crate::once::{Made, Once, gone};
use crate::page::{Listed, Page};
use crate::password::url_safe;
use crate::revision::{Expected, Revision};
use crate::trail::Actor;
use offshoot_core::access::Access;
use offshoot_core::id::{WebhookDeliveryId, WebhookId};
use offshoot_core::refusal::{Refusal, code};
use offshoot_core::webhook::{
    EventName, Happened, MAX_PER_DATABASE, SendState, Webhook, WebhookDelivery,
};
use offshoot_store::webhook::SentQuery;
use offshoot_store::{Session, Tx};
use secrecy::SecretString;
use std::time::Duration;

/// What a drawn secret begins with, so that scanners find one that leaked.
const PREFIX: &str = "ofs_whk_";
/// Longest address, in bytes.
const MAX_URL: usize = 2_000;

/// A webhook with what lists show.
#[derive(Clone, Debug)]
pub struct WebhookView {
    pub webhook: Webhook,
    /// What its bodies are signed with: for those who may change it.
    pub secret: Option<SecretString>,
}

impl WebhookView {
    pub fn revision(&self) -> Revision {
        Revision::of_webhook(&self.webhook)
    }
}

#[derive(Clone, Debug)]
pub struct NewWebhook {
    pub url: String,
    pub enabled: bool,
    /// Empty = all that happen here.
    pub events: Vec<EventName>,
}

/// What to change; `None` = leave.
#[derive(Clone, Debug, Default)]
pub struct WebhookChange {
    pub url: Option<String>,
    /// Switched on, it begins anew: earlier failures are forgotten.
    pub enabled: Option<bool>,
    /// Empty = all that happen here.
    pub events: Option<Vec<EventName>>,
    /// Refused (`CHANGED`) at another revision.
    pub expected: Expected,
}

/// Which deliveries a list holds.
#[derive(Clone, Copy, Debug, Default)]
pub struct SentFilter {
    pub state: Option<SendState>,
    pub event: Option<EventName>,
}

/// Needs `write_database`. Refused: an address that may not be called (`OUTBOUND`), and more than
/// [`MAX_PER_DATABASE`].
pub async fn create(
    control: &Control,
    at: &LocatedDatabase,
    new: NewWebhook,
    once: &Once,
) -> Result<WebhookView, Refusal> {
    at.require(&[Access::WriteDatabase])?;
    if let Some(made) = once.made() {
        let id: WebhookId = made.subject.into();
        let mut session = control.0.store.read().await?;
        let found = session.webhook(id).await?;
        let found = found.ok_or_else(|| gone("webhook"))?;
        return view(&mut session, at, found).await;
    }
    check_url(control, &new.url).await?;
    let now = control.now();
    let webhook = Webhook {
        id: control.id(),
        database_id: at.database.id,
        url: new.url,
        enabled: new.enabled,
        events: wanted(new.events),
        disabled_reason: None,
        failures: 0,
        retry_at: None,
        last: None,
        actor: at.caller().name(),
        created_at: now,
        updated_at: now,
    };
    let random = url_safe::<32>(&*control.0.ports.ids);
    let secret = SecretString::from(format!("{PREFIX}{random}"));
    let mut tx = control.0.store.write().await?;
    let found = tx.database_by_id(at.database.id).await?;
    if found.is_none_or(|d| d.deleting) {
        let what = format!("database \"{}\" is being deleted", at.database.name);
        return Err(Refusal::conflict(what).code(code::DELETING));
    }
    let there = tx.webhooks(at.database.id).await?.len() as u64;
    if there >= MAX_PER_DATABASE {
        return Err(Refusal::unprocessable(format!(
            "database \"{}\" has {there} webhooks, as many as it may have",
            at.database.name
        ))
        .code(code::TOO_MANY)
        .hint("delete one, or let one receiver tell the others"));
    }
    tx.insert_webhook(&webhook, &secret).await?;
    note(control, &mut tx, at, &webhook, "webhook.created").await?;
    let made = Made {
        subject: webhook.id.into(),
        password: None,
    };
    once.record(control, &mut tx, at.caller(), made).await?;
    tx.commit().await?;
    Ok(WebhookView {
        webhook,
        secret: Some(secret),
    })
}

/// The oldest first. Whoever may read the database may know its webhooks; their secrets are for those who
/// may change them.
pub async fn list(
    control: &Control,
    at: &LocatedDatabase,
    page: Page,
) -> Result<Listed<WebhookView>, Refusal> {
    let mut session = control.0.store.read().await?;
    let mut views = Vec::new();
    for webhook in session.webhooks(at.database.id).await? {
        views.push(view(&mut session, at, webhook).await?);
    }
    Ok(Listed::of_all(views, page))
}

pub async fn show(control: &Control, at: &LocatedWebhook) -> Result<WebhookView, Refusal> {
    let mut session = control.0.store.read().await?;
    view(&mut session, &at.within, at.webhook.clone()).await
}

/// Needs `write_database`.
pub async fn update(
    control: &Control,
    at: &LocatedWebhook,
    change: WebhookChange,
) -> Result<WebhookView, Refusal> {
    at.within.require(&[Access::WriteDatabase])?;
    if let Some(url) = &change.url {
        check_url(control, url).await?;
    }
    let mut tx = control.0.store.write().await?;
    let mut webhook = fresh(&mut tx, at, &change.expected).await?;
    if let Some(url) = change.url {
        webhook.url = url;
    }
    if let Some(events) = change.events {
        webhook.events = wanted(events);
    }
    if let Some(enabled) = change.enabled {
        webhook.enabled = enabled;
    }
    // Whatever was changed: it may be what the failures came of.
    webhook.disabled_reason = webhook.disabled_reason.filter(|_| !webhook.enabled);
    webhook.failures = 0;
    webhook.retry_at = None;
    webhook.updated_at = control.now();
    tx.update_webhook(&webhook).await?;
    note(control, &mut tx, &at.within, &webhook, "webhook.updated").await?;
    let view = view(&mut tx, &at.within, webhook).await?;
    tx.commit().await?;
    control.changed();
    Ok(view)
}

/// Needs `write_database`. What was on its way to it is forgotten.
pub async fn delete(
    control: &Control,
    at: &LocatedWebhook,
    expected: &Expected,
) -> Result<(), Refusal> {
    at.within.require(&[Access::WriteDatabase])?;
    let mut tx = control.0.store.write().await?;
    let webhook = fresh(&mut tx, at, expected).await?;
    tx.delete_webhook(webhook.id).await?;
    note(control, &mut tx, &at.within, &webhook, "webhook.deleted").await?;
    Ok(tx.commit().await?)
}

/// Sends `webhook.test`, also to one that is switched off; tried once. Needs `write_database`. What became
/// of it is in the deliveries; with `wait` it is there on return, unless the time is over before.
pub async fn test(
    control: &Control,
    at: &LocatedWebhook,
    wait: Option<Duration>,
) -> Result<WebhookDeliveryId, Refusal> {
    at.within.require(&[Access::WriteDatabase])?;
    let mut tx = control.0.store.write().await?;
    let webhook = fresh(&mut tx, at, &Expected::any()).await?;
    let happened = Happened {
        id: control.id(),
        event: EventName::TEST,
        database_id: webhook.database_id,
        subject_type: "Database",
        subject_id: webhook.database_id.to_string(),
        subject: at.within.database.name.to_string(),
        at: control.now(),
    };
    let id = tx.insert_webhook_delivery(webhook.id, &happened).await?;
    note(control, &mut tx, &at.within, &webhook, "webhook.tested").await?;
    tx.commit().await?;
    control.changed();
    if let Some(time) = wait {
        control
            .until(time, |mut session| async move {
                let found = session.webhook_delivery(id).await?;
                Ok(found.is_none_or(|d| d.state != SendState::Pending))
            })
            .await?;
    }
    Ok(id)
}

/// What was sent, or is to be: the newest first. Kept as long as inbound deliveries are.
pub async fn deliveries(
    control: &Control,
    at: &LocatedWebhook,
    filter: &SentFilter,
    page: Page,
) -> Result<Listed<WebhookDelivery>, Refusal> {
    let query = SentQuery {
        state: filter.state,
        event: filter.event,
        offset: page.offset(),
        limit: page.per_page().into(),
    };
    let mut session = control.0.store.read().await?;
    let (items, total) = session.webhook_deliveries(at.webhook.id, &query).await?;
    Ok(Listed { items, total, page })
}

/// `delivery`: its id.
pub async fn delivery(
    control: &Control,
    at: &LocatedWebhook,
    delivery: &str,
) -> Result<WebhookDelivery, Refusal> {
    let mut session = control.0.store.read().await?;
    known(&mut session, at, delivery).await
}

/// Sends a delivery again: the same body under the same id. Needs `write_database`.
pub async fn replay(
    control: &Control,
    at: &LocatedWebhook,
    delivery: &str,
) -> Result<WebhookDelivery, Refusal> {
    at.within.require(&[Access::WriteDatabase])?;
    let mut tx = control.0.store.write().await?;
    let found = known(&mut tx, at, delivery).await?;
    tx.replay_webhook_delivery(found.id).await?;
    let found = known(&mut tx, at, delivery).await?;
    tx.commit().await?;
    control.changed();
    Ok(found)
}

async fn known(
    session: &mut Session,
    at: &LocatedWebhook,
    delivery: &str,
) -> Result<WebhookDelivery, Refusal> {
    let missing = || {
        Refusal::not_found(format!("delivery {}", quoted(delivery))).hint(format!(
            "list them: offshoot webhook deliveries {} {}",
            at.within.database.name, at.webhook.id
        ))
    };
    let id = delivery.parse().map_err(|_| missing())?;
    let found = session.webhook_delivery(id).await?;
    found
        .filter(|d| d.webhook_id == at.webhook.id)
        .ok_or_else(missing)
}

async fn view(
    session: &mut Session,
    at: &LocatedDatabase,
    webhook: Webhook,
) -> Result<WebhookView, Refusal> {
    let secret = match at.may(Access::WriteDatabase) {
        true => session.webhook_signing(webhook.id).await?,
        false => None,
    };
    Ok(WebhookView { webhook, secret })
}

fn wanted(mut events: Vec<EventName>) -> Vec<EventName> {
    let mut seen = Vec::new();
    events.retain(|e| {
        !seen.contains(e) && {
            seen.push(*e);
            true
        }
    });
    match events.is_empty() {
        true => EventName::all_sent(),
        false => events,
    }
}

async fn check_url(control: &Control, url: &str) -> Result<(), Refusal> {
    let host = ["https://", "http://"]
        .iter()
        .find_map(|scheme| url.strip_prefix(scheme));
    let fits = host.is_some_and(|h| !h.is_empty() && !h.starts_with('/'))
        && url.len() <= MAX_URL
        && !url.contains(|c: char| c.is_whitespace() || c.is_control());
    if !fits {
        return Err(Refusal::invalid(
            "url",
            "write an address that begins with https://",
        ));
    }
    match control.0.ports.outbound.check(url).await {
        Ok(()) => Ok(()),
        // A name that nobody knows today may be known tomorrow.
        Err(error) if error.retry => Ok(()),
        Err(error) => {
            let mut refusal = error.refusal;
            refusal.field = Some("url");
            Err(refusal)
        }
    }
}

async fn fresh(tx: &mut Tx, at: &LocatedWebhook, expected: &Expected) -> Result<Webhook, Refusal> {
    let found = tx.webhook(at.webhook.id).await?;
    expected.fresh("webhook", found, |w| w.id, Revision::of_webhook)
}

async fn note(
    control: &Control,
    tx: &mut Tx,
    at: &LocatedDatabase,
    webhook: &Webhook,
    action: &str,
) -> Result<(), Refusal> {
    let event = control.event(
        at.organization().id,
        &Actor::Caller(at.caller()),
        action,
        ("Webhook", webhook.id.as_str(), webhook.id.as_str()),
        &[("database", at.database.name.as_str())],
    );
    Ok(tx.insert_audit(&event).await?)
}
