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

pub async fn list(
    control: &Control,
    caller: &Caller,
    page: Page,
) -> Result<Listed<OrganizationView>, Refusal> {
    let _ = (control, caller, page);
    Err(Refusal::internal("not built yet"))
}

pub async fn show(
    control: &Control,
    at: &LocatedOrganization,
) -> Result<OrganizationView, Refusal> {
    let _ = (control, at);
    Err(Refusal::internal("not built yet"))
}
