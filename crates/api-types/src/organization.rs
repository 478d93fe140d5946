//! Organizations.

use crate::lenient;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What may change at an organization: nothing, as there is no billing and no directory here.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct UpdateOrganization {
    /// Refused when present.
    #[serde(
        default,
        deserialize_with = "lenient::blank_is_none",
        skip_serializing_if = "Option::is_none"
    )]
    pub billing_email: Option<String>,
    /// Refused when `true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idp_managed_roles: Option<bool>,
    /// Refused when not 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice_budget_amount: Option<i64>,
}

/// An organization. Plan, billing and single sign-on are constants here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Organization {
    pub id: String,
    pub name: String,
    /// Always empty.
    pub billing_email: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub plan: String,
    pub valid_billing_info: bool,
    pub sso: bool,
    pub sso_directory: bool,
    pub single_tenancy: bool,
    pub managed_tenancy: bool,
    pub has_past_due_invoices: bool,
    pub database_count: i64,
    pub sso_portal_url: Option<String>,
    #[schema(value_type = Object)]
    pub features: BTreeMap<String, bool>,
    pub idp_managed_roles: bool,
    pub invoice_budget_amount: String,
    pub keyspace_shard_limit: i64,
    pub has_card: bool,
    pub payment_info_required: bool,
    pub free_databases_remaining: i64,
}
