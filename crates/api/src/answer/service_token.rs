//! Service tokens and their accesses.

use offshoot_api_types::service_token::GrantResource;
use offshoot_api_types::{
    AccessGrant, DataList, GrantedAccess, Reference, ResourceGrants, ServiceToken, TokenAccess,
};
use offshoot_control::token::{GrantView, TokenView};
use secrecy::ExposeSecret;
use std::collections::BTreeMap;

pub(crate) fn service_token(view: TokenView) -> ServiceToken {
    let token = view.token;
    let id = token.id.to_string();
    let accesses = view
        .grants
        .iter()
        .map(|grant| TokenAccess {
            id: access_id(&id, grant),
            access: grant.grant.access.as_str().into(),
            description: grant.grant.access.description().into(),
            resource_name: grant.resource.clone(),
            resource_id: grant.resource_id.clone(),
            resource_type: resource_type(grant).into(),
            resource: Reference {
                id: grant.resource_id.clone(),
                name: grant.resource.clone(),
                created_at: token.created_at,
                updated_at: token.updated_at,
                deleted_at: None,
            },
        })
        .collect();
    ServiceToken {
        kind: "ServiceToken".into(),
        display_name: token.name.clone().unwrap_or_else(|| id.clone()),
        id,
        name: token.name,
        token: view.plain_text.map(|t| t.expose_secret().to_owned()),
        avatar_url: String::new(),
        created_at: token.created_at,
        updated_at: token.updated_at,
        expires_at: token.expires_at,
        last_used_at: token.last_used_at,
        actor_id: None,
        actor_display_name: None,
        actor_type: None,
        service_token_accesses: Some(accesses),
    }
}

/// One entry per access.
pub(crate) fn access_list(view: &TokenView) -> DataList<AccessGrant> {
    let token = view.token.id.to_string();
    let data = view
        .grants
        .iter()
        .map(|grant| AccessGrant {
            id: access_id(&token, grant),
            access: grant.grant.access.as_str().into(),
            kind: "ServiceTokenAccess".into(),
            resource: GrantResource {
                id: grant.resource_id.clone(),
                name: grant.resource.clone(),
                kind: resource_type(grant).into(),
            },
        })
        .collect();
    DataList { data }
}

/// One entry per resource.
pub(crate) fn grants(view: &TokenView) -> DataList<ResourceGrants> {
    let mut by_resource: BTreeMap<(&str, &str), ResourceGrants> = BTreeMap::new();
    for grant in &view.grants {
        let kind = resource_type(grant);
        by_resource
            .entry((kind, &grant.resource_id))
            .or_insert_with(|| ResourceGrants {
                id: grant.resource_id.clone(),
                resource_name: grant.resource.clone(),
                resource_type: kind.into(),
                resource_id: grant.resource_id.clone(),
                accesses: Vec::new(),
            })
            .accesses
            .push(GrantedAccess {
                access: grant.grant.access.as_str().into(),
                description: grant.grant.access.description().into(),
            });
    }
    DataList {
        data: by_resource.into_values().collect(),
    }
}

/// Grants have no id of their own: token, resource and access are one.
fn access_id(token: &str, grant: &GrantView) -> String {
    format!("{token}-{}-{}", grant.resource_id, grant.grant.access)
}

fn resource_type(grant: &GrantView) -> &'static str {
    if grant.grant.database_id.is_some() {
        "Database"
    } else {
        "Organization"
    }
}
