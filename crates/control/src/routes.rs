//! The way from a username to an engine, for the gateway.

use crate::Control;
use async_trait::async_trait;
use jiff::Timestamp;
use offshoot_core::Refusal;
use offshoot_core::id::{BranchId, PasswordId};
use offshoot_core::instance::Endpoint;
use offshoot_core::port::{AuthFailure, Credential, PortResult, Routes};
use std::net::IpAddr;

#[async_trait]
impl Routes for Control {
    async fn credential(&self, username: &str) -> PortResult<Option<Credential>> {
        let _ = username;
        Ok(None)
    }

    async fn open(&self, branch: BranchId) -> Result<Endpoint, Refusal> {
        let _ = branch;
        Err(Refusal::internal("not built yet"))
    }

    fn used(&self, password: PasswordId, at: Timestamp) {
        let _ = (password, at);
    }

    fn refused(
        &self,
        password: Option<PasswordId>,
        username: &str,
        from: IpAddr,
        why: AuthFailure,
    ) {
        let _ = (password, username, from, why);
    }
}
