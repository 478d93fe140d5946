//! Organizations: the tenants.

use crate::id::OrganizationId;
use crate::name::OrganizationName;
use jiff::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    pub id: OrganizationId,
    pub name: OrganizationName,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}
