//! Iterations, with what automations made of them.

use crate::Control;
use crate::caller::Caller;
use crate::locate::{LocatedOrganization, quoted};
use crate::page::{Listed, Page};
use offshoot_core::access::Access;
use offshoot_core::handover::Handover;
use offshoot_core::id::{DatabaseId, IntegrationId, IterationId};
use offshoot_core::iteration::IterationState;
use offshoot_core::refusal::Refusal;
use offshoot_store::Session;
use offshoot_store::binding::BindingDetail;
use offshoot_store::iteration::{IterationQuery, KnownIteration};
pub use offshoot_store::telling::{Announcement, Note};
use secrecy::SecretString;

/// An iteration with what was made of it.
#[derive(Clone, Debug)]
pub struct IterationView {
    pub known: KnownIteration,
    /// Name of its integration.
    pub integration: String,
    /// In the planning tool; `None` = none was to be written.
    pub note: Option<Note>,
    /// Of databases that the caller may know of.
    pub bindings: Vec<BindingView>,
}

#[derive(Clone, Debug)]
pub struct BindingView {
    pub detail: BindingDetail,
    pub handovers: Vec<HandoverView>,
    /// What chats were told of it.
    pub announcements: Vec<Announcement>,
}

#[derive(Clone, Debug)]
pub struct HandoverView {
    pub handover: Handover,
    /// What the link's address ends with, for those who may have the credential; `None` once it was opened.
    pub link: Option<SecretString>,
}

/// Which iterations a list holds.
#[derive(Clone, Debug, Default)]
pub struct IterationFilter {
    /// Name or id.
    pub integration: Option<String>,
    pub state: Option<IterationState>,
}

/// Newest first. Whoever may do anything in the organization may know its sprints.
pub async fn list(
    control: &Control,
    at: &LocatedOrganization,
    filter: &IterationFilter,
    page: Page,
) -> Result<Listed<IterationView>, Refusal> {
    let mut session = control.0.store.read().await?;
    let integration = match &filter.integration {
        Some(name) => Some(named(&mut session, at, name).await?),
        None => None,
    };
    let query = IterationQuery {
        integration,
        state: filter.state,
        offset: page.offset(),
        limit: page.per_page().into(),
    };
    let (found, total) = session.iterations(at.organization.id, &query).await?;
    let mut items = Vec::with_capacity(found.len());
    for known in found {
        items.push(view(&mut session, &at.caller, known).await?);
    }
    Ok(Listed { items, total, page })
}

/// `iteration`: its id.
pub async fn show(
    control: &Control,
    at: &LocatedOrganization,
    iteration: &str,
) -> Result<IterationView, Refusal> {
    let mut session = control.0.store.read().await?;
    let known = found(&mut session, at, iteration).await?;
    view(&mut session, &at.caller, known).await
}

/// By its id, where it is of the organization.
pub(crate) async fn found(
    session: &mut Session,
    at: &LocatedOrganization,
    iteration: &str,
) -> Result<KnownIteration, Refusal> {
    let missing = || {
        Refusal::not_found(format!("iteration {}", quoted(iteration)))
            .hint("list them: offshoot iteration list")
    };
    let id = iteration.parse().map_err(|_| missing())?;
    let known = session.iteration(id).await?.ok_or_else(missing)?;
    let integration = session.integration(known.integration_id).await?;
    match integration.is_some_and(|i| i.organization_id == at.organization.id) {
        true => Ok(known),
        false => Err(missing()),
    }
}

async fn named(
    session: &mut Session,
    at: &LocatedOrganization,
    name: &str,
) -> Result<IntegrationId, Refusal> {
    let found = session.integration_named(at.organization.id, name).await?;
    found.map(|i| i.id).ok_or_else(|| {
        let mut refusal = Refusal::not_found(format!("integration {}", quoted(name)));
        refusal.field = Some("integration");
        refusal.hint("list them: offshoot integration list")
    })
}

/// What was made of an iteration for one database, without links to credentials; `None` = it is gone.
pub(crate) async fn of_database(
    control: &Control,
    id: IterationId,
    database: DatabaseId,
) -> Result<Option<IterationView>, Refusal> {
    let mut session = control.0.store.read().await?;
    let Some(known) = session.iteration(id).await? else {
        return Ok(None);
    };
    let sees = |id: DatabaseId| Sees {
        bindings: id == database,
        links: false,
    };
    gather(&mut session, known, sees).await.map(Some)
}

/// What may be seen of one database.
struct Sees {
    bindings: bool,
    links: bool,
}

async fn view(
    session: &mut Session,
    caller: &Caller,
    known: KnownIteration,
) -> Result<IterationView, Refusal> {
    let sees = |id: DatabaseId| Sees {
        bindings: caller.knows(id),
        links: caller.may(Access::ConnectBranch, Some(id)),
    };
    gather(session, known, sees).await
}

async fn gather(
    session: &mut Session,
    known: KnownIteration,
    sees: impl Fn(DatabaseId) -> Sees,
) -> Result<IterationView, Refusal> {
    let integration = session.integration(known.integration_id).await?;
    let mut bindings = Vec::new();
    for detail in session.bindings_of_iteration(known.id).await? {
        let automation = session.automation(detail.binding.automation_id).await?;
        let Some(automation) = automation.filter(|a| sees(a.database_id).bindings) else {
            continue;
        };
        let connects = sees(automation.database_id).links;
        let mut handovers = Vec::new();
        for handover in session.handovers_of(detail.binding.id).await? {
            let link = match connects {
                true => session.handover_link(handover.id).await?,
                false => None,
            };
            handovers.push(HandoverView { handover, link });
        }
        let announcements = session.announcements(detail.binding.id).await?;
        bindings.push(BindingView {
            detail,
            handovers,
            announcements,
        });
    }
    Ok(IterationView {
        note: session.note(known.id).await?,
        known,
        integration: integration.map_or_else(String::new, |i| i.name.to_string()),
        bindings,
    })
}
