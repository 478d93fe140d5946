//! Organizations.

use offshoot_api_types::Organization;
use offshoot_control::organization::OrganizationView;
use std::collections::BTreeMap;

pub(crate) fn organization(view: OrganizationView) -> Organization {
    let organization = view.organization;
    Organization {
        id: organization.id.to_string(),
        name: organization.name.to_string(),
        billing_email: String::new(),
        created_at: organization.created_at,
        updated_at: organization.updated_at,
        plan: "self_hosted".into(),
        valid_billing_info: true,
        sso: false,
        sso_directory: false,
        single_tenancy: false,
        managed_tenancy: false,
        has_past_due_invoices: false,
        database_count: i64::try_from(view.databases).unwrap_or(i64::MAX),
        sso_portal_url: None,
        features: BTreeMap::new(),
        idp_managed_roles: false,
        invoice_budget_amount: "0".into(),
        keyspace_shard_limit: 1,
        has_card: false,
        payment_info_required: false,
        free_databases_remaining: 0,
    }
}
