//! A gateway without clients, or with those a test tells of.

use super::World;
use async_trait::async_trait;
use offshoot_core::id::{BranchId, PasswordId};
use offshoot_core::password::Role;
use offshoot_core::port::{Sessions, Traffic};

#[derive(Clone)]
pub struct FakeSessions(pub World);

#[async_trait]
impl Sessions for FakeSessions {
    fn traffic(&self, branch: BranchId) -> Traffic {
        self.0
            .lock()
            .traffic
            .get(&branch)
            .copied()
            .unwrap_or_default()
    }

    async fn close_password(&self, password: PasswordId) {
        self.0.lock().closed.push(password);
    }

    async fn close_branch(&self, branch: BranchId) {
        self.0.lock().traffic.remove(&branch);
    }

    async fn park(&self, branch: BranchId) -> bool {
        let mut state = self.0.lock();
        let free = !state.busy;
        if free {
            state.parked.push(branch);
        }
        free
    }

    async fn close_writers(&self, branch: BranchId, _why: &str) {
        self.0.lock().ended.push(branch);
    }

    fn explain(&self, branch: BranchId, why: Option<String>) {
        let mut state = self.0.lock();
        match why {
            Some(why) => state.explained.insert(branch, why),
            None => state.explained.remove(&branch),
        };
    }

    fn withhold_ddl(&self, branch: BranchId, why: Option<String>) {
        let mut state = self.0.lock();
        match why {
            Some(why) => state.withheld.insert(branch, why),
            None => state.withheld.remove(&branch),
        };
    }

    async fn renew(&self, branch: BranchId, _role: Role, _why: &str, busy: bool) {
        self.0.lock().renewed.push((branch, busy));
    }
}
