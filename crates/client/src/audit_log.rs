//! The audit log.

use crate::error::Error;
use crate::request::Client;
use offshoot_api_types::{AuditLog, Cursored};

impl Client {
    /// Newest first. `actions` such as `branch.created`; none = all.
    pub async fn list_audit_log(
        &self,
        org: &str,
        actions: &[String],
        starting_after: Option<&str>,
        limit: Option<u32>,
    ) -> Result<Cursored<AuditLog>, Error> {
        let mut query: Vec<(&str, String)> = actions
            .iter()
            .map(|action| ("filters[]", format!("audit_action:{action}")))
            .collect();
        query.extend(starting_after.map(|id| ("starting_after", id.to_owned())));
        query.extend(limit.map(|n| ("limit", n.to_string())));
        self.get(&["organizations", org, "audit-log"], &query).await
    }
}
