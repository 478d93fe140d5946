//! Organizations: list those the caller belongs to.

use crate::Control;
use crate::caller::Caller;
use crate::locate::LocatedOrganization;
use crate::page::{Listed, Page};
use offshoot_core::Refusal;
use offshoot_core::organization::Organization;

/// An organization with what lists show.
#[derive(Clone, Debug)]
pub struct OrganizationView {
    pub organization: Organization,
    pub databases: u64,
}

/// A token belongs to one organization.
pub async fn list(
    control: &Control,
    caller: &Caller,
    page: Page,
) -> Result<Listed<OrganizationView>, Refusal> {
    let mut session = control.0.store.read().await?;
    let id = caller.token().organization_id;
    let mut items = Vec::new();
    if page.offset() == 0
        && let Some(organization) = session.organization(id.as_str()).await?
    {
        let databases = session.database_count(id).await?;
        items.push(OrganizationView {
            organization,
            databases,
        });
    }
    Ok(Listed {
        items,
        total: 1,
        page,
    })
}

pub async fn show(
    control: &Control,
    at: &LocatedOrganization,
) -> Result<OrganizationView, Refusal> {
    let mut session = control.0.store.read().await?;
    Ok(OrganizationView {
        organization: at.organization.clone(),
        databases: session.database_count(at.organization.id).await?,
    })
}

/// The one that a token belongs to.
pub async fn of_caller(
    control: &Control,
    caller: &Caller,
) -> Result<Option<Organization>, Refusal> {
    let id = caller.token().organization_id;
    let mut session = control.0.store.read().await?;
    Ok(session.organization(id.as_str()).await?)
}
