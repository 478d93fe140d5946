//! Integrations: connections to planning tools, made, listed, shown, changed, deleted.

use crate::Control;
use crate::locate::{LocatedIntegration, LocatedOrganization};
use crate::once::{Made, Once, gone};
use crate::page::{Listed, Page};
use crate::password::url_safe;
use crate::revision::{Expected, Revision};
use crate::trail::Actor;
use offshoot_core::access::Access;
use offshoot_core::id::{IntegrationId, IntegrationSecretId};
use offshoot_core::integration::{Integration, MAX_SECRETS, Polling, SecretInfo};
use offshoot_core::name::IntegrationName;
use offshoot_core::refusal::{Refusal, code};
use offshoot_planning::{Settings, Tool, chat};
use offshoot_store::{Session, StoreError, Tx};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use std::time::Duration;

/// Shortest and longest secret or token, in bytes. Tools draw shorter ones than we do.
const SECRET: std::ops::RangeInclusive<usize> = 8..=4_096;
/// Tools have limits; more often is what webhooks are for.
const POLL_LEAST: Duration = Duration::from_secs(30);
const POLL_MOST: Duration = Duration::from_secs(86_400);
/// What a drawn secret begins with, so that scanners find one that leaked.
const PREFIX: &str = "ofs_hook_";

/// An integration with what lists show.
#[derive(Clone, Debug)]
pub struct IntegrationView {
    pub integration: Integration,
    pub secrets: Vec<SecretInfo>,
    /// Automations that go by it.
    pub automations: u64,
    /// A secret that was drawn here: only in the answer to the call that drew it.
    pub drawn: Option<SecretString>,
}

impl IntegrationView {
    pub fn revision(&self) -> Revision {
        Revision::of_integration(&self.integration)
    }
}

#[derive(Debug)]
pub struct NewIntegration {
    pub name: IntegrationName,
    pub tool: String,
    pub settings: Map<String, Value>,
    /// What the tool signs with; `None` = one is drawn, and shown this once.
    pub secret: Option<SecretString>,
    /// What the tool is asked with.
    pub token: Option<SecretString>,
    /// `None` = the tool is not asked.
    pub poll_every: Option<Duration>,
}

/// What to change; `None` = leave.
#[derive(Debug, Default)]
pub struct IntegrationChange {
    pub name: Option<IntegrationName>,
    /// In the place of all settings.
    pub settings: Option<Map<String, Value>>,
    pub enabled: Option<bool>,
    /// One more secret, that counts beside the others.
    pub secret: Option<SecretString>,
    /// Draw one more.
    pub draw_secret: bool,
    /// These do not count any more.
    pub remove_secrets: Vec<IntegrationSecretId>,
    pub token: Option<Option<SecretString>>,
    /// `Some(None)` = the tool is not asked any more.
    pub poll_every: Option<Option<Duration>>,
    /// Refused (`CHANGED`) at another revision.
    pub expected: Expected,
}

/// Needs `write_organization`.
pub async fn create(
    control: &Control,
    at: &LocatedOrganization,
    new: NewIntegration,
    once: &Once,
) -> Result<IntegrationView, Refusal> {
    at.require(&[Access::WriteOrganization])?;
    if let Some(made) = once.made() {
        let id: IntegrationId = made.subject.into();
        let mut session = control.0.store.read().await?;
        let found = session.integration(id).await?;
        let found = found.ok_or_else(|| gone("integration"))?;
        return view(&mut session, found, None).await;
    }
    let tool: Tool = new.tool.parse()?;
    let settings = settings(tool, &new.settings)?;
    check_poll(new.poll_every)?;
    for (field, secret) in [("secret", &new.secret), ("token", &new.token)] {
        check_secret(field, secret.as_ref())?;
    }
    if chat::is_chat(tool) {
        check_chat(control, new.token.as_ref()).await?;
        if new.poll_every.is_some() {
            let text = format!("{} is not asked for anything", tool.description().title);
            return Err(Refusal::invalid("poll_seconds", text));
        }
    }
    let now = control.now();
    let integration = Integration {
        id: control.id(),
        organization_id: at.organization().id,
        name: new.name,
        tool: tool.as_str().to_owned(),
        settings: Value::Object(settings.to_json()),
        enabled: true,
        poll_every: new.poll_every,
        has_token: new.token.is_some(),
        polling: Polling {
            next_at: new.poll_every.map(|_| now),
            ..Polling::default()
        },
        last_delivery_at: None,
        actor: at.caller().name(),
        created_at: now,
        updated_at: now,
    };
    let sends = tool.description().webhook.is_some();
    let drawn = (new.secret.is_none() && sends).then(|| draw(control));
    let mut tx = control.0.store.write().await?;
    let (_, count) = tx.integrations(at.organization().id, 0, 0).await?;
    let most = control.0.settings.limits.integrations;
    if count >= most {
        let text = format!("the organization has {count} integrations, as many as it may have");
        return Err(Refusal::unprocessable(text)
            .code(code::TOO_MANY)
            .hint("delete one that is not needed any more"));
    }
    let inserted = tx.insert_integration(&integration).await;
    inserted.map_err(|e| taken(e, &integration))?;
    if let Some(token) = &new.token {
        tx.set_integration_token(integration.id, Some(token))
            .await?;
    }
    if let Some(secret) = new.secret.as_ref().or(drawn.as_ref()) {
        add_secret(control, &mut tx, integration.id, secret).await?;
    }
    note(control, &mut tx, at, &integration, "integration.created").await?;
    let made = Made {
        subject: integration.id.into(),
        password: None,
    };
    once.record(control, &mut tx, at.caller(), made).await?;
    let view = view(&mut tx, integration, drawn).await?;
    tx.commit().await?;
    control.0.signals.polls.notify_one();
    Ok(view)
}

/// By name. Needs `read_organization`, as does [`show`].
pub async fn list(
    control: &Control,
    at: &LocatedOrganization,
    page: Page,
) -> Result<Listed<IntegrationView>, Refusal> {
    at.require(&[Access::ReadOrganization, Access::WriteOrganization])?;
    let mut session = control.0.store.read().await?;
    let (found, total) = session
        .integrations(at.organization().id, page.offset(), page.per_page().into())
        .await?;
    let mut items = Vec::with_capacity(found.len());
    for integration in found {
        items.push(view(&mut session, integration, None).await?);
    }
    Ok(Listed { items, total, page })
}

pub async fn show(control: &Control, at: &LocatedIntegration) -> Result<IntegrationView, Refusal> {
    let mut session = control.0.store.read().await?;
    view(&mut session, at.integration.clone(), None).await
}

/// Needs `write_organization`. The tool stays.
pub async fn update(
    control: &Control,
    at: &LocatedIntegration,
    change: IntegrationChange,
) -> Result<IntegrationView, Refusal> {
    at.within.require(&[Access::WriteOrganization])?;
    check_secret("secret", change.secret.as_ref())?;
    if let Some(token) = &change.token
        && chat::is_chat(at.integration.tool.parse()?)
    {
        check_chat(control, token.as_ref()).await?;
    }
    let now = control.now();
    let mut tx = control.0.store.write().await?;
    let mut integration = fresh(&mut tx, at, &change.expected).await?;
    if let Some(name) = change.name {
        integration.name = name;
    }
    if let Some(given) = change.settings {
        let tool: Tool = integration.tool.parse()?;
        integration.settings = Value::Object(settings(tool, &given)?.to_json());
    }
    if let Some(enabled) = change.enabled {
        integration.enabled = enabled;
    }
    if let Some(every) = change.poll_every {
        check_poll(every)?;
        integration.poll_every = every;
    }
    // With other settings or another token it may go at once.
    integration.polling.next_at = integration.poll_every.map(|_| now);
    integration.updated_at = now;
    let updated = tx.update_integration(&integration).await;
    updated.map_err(|e| taken(e, &integration))?;
    if let Some(token) = &change.token {
        check_secret("token", token.as_ref())?;
        tx.set_integration_token(integration.id, token.as_ref())
            .await?;
        integration.has_token = token.is_some();
        // What did not arrive for want of another.
        tx.retry_handovers_by(integration.id).await?;
    }
    for id in change.remove_secrets {
        tx.delete_integration_secret(integration.id, id).await?;
    }
    let drawn = change.draw_secret.then(|| draw(control));
    for secret in [change.secret.as_ref(), drawn.as_ref()]
        .into_iter()
        .flatten()
    {
        add_secret(control, &mut tx, integration.id, secret).await?;
    }
    note(
        control,
        &mut tx,
        &at.within,
        &integration,
        "integration.updated",
    )
    .await?;
    let view = view(&mut tx, integration, drawn).await?;
    tx.commit().await?;
    control.0.signals.polls.notify_one();
    control.0.signals.handovers.notify_one();
    Ok(view)
}

/// Needs `write_organization`. Refused while automations go by it: what they made would be nobody's.
pub async fn delete(
    control: &Control,
    at: &LocatedIntegration,
    expected: &Expected,
) -> Result<(), Refusal> {
    at.within.require(&[Access::WriteOrganization])?;
    let mut tx = control.0.store.write().await?;
    let integration = fresh(&mut tx, at, expected).await?;
    let automations = tx.automations_of_integration(integration.id).await?;
    if automations > 0 {
        return Err(Refusal::unprocessable(format!(
            "{automations} automations go by integration \"{}\"",
            integration.name
        ))
        .hint("delete them first; the branches that they made stay"));
    }
    for telling in tx.telling_automations(integration.organization_id).await? {
        let mut chats = telling.rule.tell.chats.iter().map(|c| c.as_str());
        if chats.any(|c| c == integration.name.as_str() || c == integration.id.as_str()) {
            return Err(Refusal::unprocessable(format!(
                "automation \"{}\" tells integration \"{}\"",
                telling.name, integration.name
            ))
            .hint("take it out of the rule's tell.chats first"));
        }
    }
    tx.delete_integration(integration.id).await?;
    note(
        control,
        &mut tx,
        &at.within,
        &integration,
        "integration.deleted",
    )
    .await?;
    Ok(tx.commit().await?)
}

/// The settings of an integration as its tool reads them.
pub(crate) fn settings_of(integration: &Integration) -> Result<Settings, Refusal> {
    let tool: Tool = integration.tool.parse()?;
    match &integration.settings {
        Value::Object(given) => settings(tool, given),
        _ => Err(Refusal::internal(
            "the settings of an integration are no object",
        )),
    }
}

fn settings(tool: Tool, given: &Map<String, Value>) -> Result<Settings, Refusal> {
    Settings::parse(tool, given).map_err(|faults| {
        let all: Vec<String> = faults.iter().map(ToString::to_string).collect();
        Refusal::invalid("settings", all.join("; ")).hint(format!(
            "see the guide's page of {}",
            tool.description().title
        ))
    })
}

async fn view(
    session: &mut Session,
    integration: Integration,
    drawn: Option<SecretString>,
) -> Result<IntegrationView, Refusal> {
    Ok(IntegrationView {
        secrets: session.integration_secret_infos(integration.id).await?,
        automations: session.automations_of_integration(integration.id).await?,
        integration,
        drawn,
    })
}

fn draw(control: &Control) -> SecretString {
    let random = url_safe::<32>(&*control.0.ports.ids);
    SecretString::from(format!("{PREFIX}{random}"))
}

/// Refused beyond [`MAX_SECRETS`].
pub(crate) async fn add_secret(
    control: &Control,
    tx: &mut Tx,
    id: IntegrationId,
    secret: &SecretString,
) -> Result<(), Refusal> {
    let there = tx.integration_secret_infos(id).await?.len();
    if there >= MAX_SECRETS {
        let text = format!("the integration has {there} secrets, as many as it may have");
        return Err(Refusal::unprocessable(text)
            .code(code::TOO_MANY)
            .hint("remove those that the tool does not sign with any more"));
    }
    let info = SecretInfo {
        id: control.id(),
        created_at: control.now(),
    };
    Ok(tx.insert_integration_secret(id, &info, secret).await?)
}

fn check_secret(field: &'static str, secret: Option<&SecretString>) -> Result<(), Refusal> {
    match secret.map(|s| s.expose_secret().len()) {
        Some(n) if !SECRET.contains(&n) => Err(Refusal::invalid(
            field,
            format!(
                "it has {} to {} bytes; this one has {n}",
                SECRET.start(),
                SECRET.end()
            ),
        )),
        _ => Ok(()),
    }
}

/// The token of a chat is the address of its webhook, which may be called.
async fn check_chat(control: &Control, token: Option<&SecretString>) -> Result<(), Refusal> {
    let Some(token) = token else {
        let text = "a chat is told through the address of its incoming webhook";
        return Err(Refusal::invalid("token", text)
            .hint("give the file that has the address: --token-file FILE"));
    };
    chat::check_address(token).map_err(|why| Refusal::invalid("token", why))?;
    match control
        .0
        .ports
        .outbound
        .check(token.expose_secret().trim())
        .await
    {
        Ok(()) => Ok(()),
        Err(error) if error.retry => Ok(()),
        Err(error) => {
            let mut refusal = error.refusal;
            refusal.field = Some("token");
            Err(refusal)
        }
    }
}

fn check_poll(every: Option<Duration>) -> Result<(), Refusal> {
    match every {
        Some(d) if !(POLL_LEAST..=POLL_MOST).contains(&d) => Err(Refusal::invalid(
            "poll_seconds",
            format!(
                "a tool is asked every {} to {} seconds",
                POLL_LEAST.as_secs(),
                POLL_MOST.as_secs()
            ),
        )),
        _ => Ok(()),
    }
}

async fn fresh(
    tx: &mut Tx,
    at: &LocatedIntegration,
    expected: &Expected,
) -> Result<Integration, Refusal> {
    let found = tx.integration(at.integration.id).await?;
    expected.fresh(
        "integration",
        found,
        |i| i.name.clone(),
        Revision::of_integration,
    )
}

fn taken(error: StoreError, integration: &Integration) -> Refusal {
    match error {
        StoreError::Taken(_) => Refusal::conflict(format!(
            "the organization has an integration named \"{}\" already",
            integration.name
        ))
        .hint("choose another name"),
        other => other.into(),
    }
}

async fn note(
    control: &Control,
    tx: &mut Tx,
    at: &LocatedOrganization,
    integration: &Integration,
    action: &str,
) -> Result<(), Refusal> {
    let event = control.event(
        at.organization().id,
        &Actor::Caller(at.caller()),
        action,
        (
            "Integration",
            integration.id.as_str(),
            integration.name.as_str(),
        ),
        &[("tool", &integration.tool)],
    );
    Ok(tx.insert_audit(&event).await?)
}
