//! Passwords.

use crate::state::ApiState;
use offshoot_api_types::{Actor, Connection, Password, PasswordBranch, Region};
use offshoot_control::password::PasswordView;
use secrecy::ExposeSecret;

/// `schema`: the MySQL schema of the database, for the connection string.
pub(crate) fn password(state: &ApiState, schema: &str, view: PasswordView) -> Password {
    let password = view.password;
    let host = view.access_host;
    let renewable = password.renewable();
    let (last_refused_at, last_refused_reason) = password.last_refused.unzip();
    Password {
        id: password.id.to_string(),
        name: password.name,
        role: password.role.as_str().into(),
        cidrs: (!password.cidrs.is_empty())
            .then(|| password.cidrs.iter().map(ToString::to_string).collect()),
        created_at: password.created_at,
        deleted_at: None,
        expires_at: password.expires_at,
        last_used_at: password.last_used_at,
        expired: view.expired,
        direct_vtgate: false,
        direct_vtgate_addresses: Vec::new(),
        ttl_seconds: password
            .ttl
            .map(|d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX)),
        access_host_url: view.https.clone(),
        access_host_regional_url: view.https.clone(),
        access_host_regional_urls: vec![view.https],
        actor: Some(Actor::named(password.actor)),
        region: Some(Region::clone(&state.region)),
        connection: Connection {
            host: host.clone(),
            port: view.access_port,
            username: password.username.clone(),
            database: schema.to_owned(),
        },
        username: password.username,
        plain_text: view.plain_text.map(|s| s.expose_secret().to_owned()),
        replica: false,
        renewable,
        database_branch: PasswordBranch {
            name: view.branch,
            id: view.branch_id.to_string(),
            production: view.branch_production,
            mysql_edge_address: host,
            private_edge_connectivity: false,
        },
        last_refused_at,
        last_refused_reason,
    }
}
