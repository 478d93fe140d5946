//! Iterations, with what automations made of them.

use crate::Control;
use crate::caller::Caller;
use crate::locate::{LocatedOrganization, quoted};
use crate::page::{Listed, Page};
use offshoot_core::access::Access;
use offshoot_core::handover::Handover;
use offshoot_core::id::IntegrationId;
use offshoot_core::iteration::IterationState;
use offshoot_core::refusal::Refusal;
use offshoot_store::Session;
use offshoot_store::binding::BindingDetail;
use offshoot_store::iteration::{IterationQuery, KnownIteration};
use secrecy::SecretString;

/// An iteration with what was made of it.
#[derive(Clone, Debug)]
pub struct IterationView {
    pub known: KnownIteration,
    /// Name of its integration.
    pub integration: String,
    /// Of databases that the caller may know of.
    pub bindings: Vec<BindingView>,
}

#[derive(Clone, Debug)]
pub struct BindingView {
    pub detail: BindingDetail,
    pub handovers: Vec<HandoverView>,
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
    let missing = || {
        Refusal::not_found(format!("iteration {}", quoted(iteration)))
            .hint("list them: offshoot iteration list")
    };
    let id = iteration.parse().map_err(|_| missing())?;
    let known = session.iteration(id).await?.ok_or_else(missing)?;
    let integration = session.integration(known.integration_id).await?;
    if integration.is_none_or(|i| i.organization_id != at.organization.id) {
        return Err(missing());
    }
    view(&mut session, &at.caller, known).await
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

async fn view(
    session: &mut Session,
    caller: &Caller,
    known: KnownIteration,
) -> Result<IterationView, Refusal> {
    let integration = session.integration(known.integration_id).await?;
    let mut bindings = Vec::new();
    for detail in session.bindings_of_iteration(known.id).await? {
        let automation = session.automation(detail.binding.automation_id).await?;
        let Some(automation) = automation.filter(|a| caller.knows(a.database_id)) else {
            continue;
        };
        let connects = caller.may(Access::ConnectBranch, Some(automation.database_id));
        let mut handovers = Vec::new();
        for handover in session.handovers_of(detail.binding.id).await? {
            let link = match connects {
                true => session.handover_link(handover.id).await?,
                false => None,
            };
            handovers.push(HandoverView { handover, link });
        }
        bindings.push(BindingView { detail, handovers });
    }
    Ok(IterationView {
        known,
        integration: integration.map_or_else(String::new, |i| i.name.to_string()),
        bindings,
    })
}
