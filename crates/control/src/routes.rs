//! The way from a username to an engine, for the gateway.

use crate::Control;
use async_trait::async_trait;
use jiff::Timestamp;
use offshoot_core::Refusal;
use offshoot_core::id::{BranchId, PasswordId};
use offshoot_core::instance::Endpoint;
use offshoot_core::port::{AuthFailure, Credential, PortError, PortResult, Routes};
use std::net::IpAddr;

#[async_trait]
impl Routes for Control {
    async fn credential(&self, username: &str) -> PortResult<Option<Credential>> {
        let (recent, version) = (&self.0.recent.credentials, self.version());
        let key = username.to_owned();
        if let Some(found) = recent.get(version, &key) {
            return Ok(Some(found));
        }
        let found = async { self.0.store.read().await?.credential(username).await };
        let found = found.await.map_err(|e| PortError::retry(e.into()))?;
        if let Some(found) = &found {
            recent.put(version, key, found.clone());
        }
        Ok(found)
    }

    async fn open(&self, branch: BranchId) -> Result<Endpoint, Refusal> {
        self.open_branch(branch).await
    }

    fn used(&self, password: PasswordId, at: Timestamp) {
        self.0.usage.used(password, at);
    }

    fn refused(
        &self,
        password: Option<PasswordId>,
        username: &str,
        from: IpAddr,
        why: AuthFailure,
    ) {
        self.0
            .usage
            .refused(password, username, from, why, self.now());
    }
}
