//! Disk quotas: how much each awake branch's volume takes alone, against what it may.
//!
//! A reconciler. What was decided is in the branch's row before it is done: `over` until room is
//! made, `lifting` until the engine knows that it may grow again. The engine keeps what it was told
//! with its volume, so a branch that sleeps, or a server that was killed, forgets nothing.

use crate::fail::Fail;
use crate::trail::Actor;
use crate::{Control, lock};
use jiff::Timestamp;
use metrics::gauge;
use offshoot_core::branch::{Branch, BranchState, QuotaState};
use offshoot_core::id::BranchId;
use offshoot_core::instance::{Confined, Endpoint, Kill};
use offshoot_core::plan::{QuotaFacts, plan_measure, plan_quota};
use offshoot_core::refusal::code;
use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

/// Looks at a branch that may grow again at which its sessions are asked to take up their rights
/// anew; then they are ended.
const RENEWALS: u32 = 5;
const MIB: u64 = 1 << 20;

#[derive(Default)]
pub(crate) struct Quotas {
    looks: Mutex<HashMap<BranchId, Look>>,
    /// One at a time decides what a branch's accounts lack.
    pub(crate) pass: tokio::sync::Mutex<()>,
}

/// What was seen of a branch last; nothing that could not be lost.
#[derive(Clone, Default)]
struct Look {
    used: u64,
    due: Option<Timestamp>,
    /// What this start of the engine was told.
    told: Option<(Endpoint, bool)>,
    /// Its sessions may be older than what it was told; so many times they are asked.
    renewals: u32,
}

impl Control {
    /// Bytes that a branch may take alone. A default is for development branches: production does
    /// not stop because of it.
    pub(crate) fn quota_of(&self, branch: &Branch) -> Option<u64> {
        match branch.disk_quota {
            Some(0) => None,
            None if branch.production => None,
            None => self.0.settings.disk_quota,
            own => own,
        }
    }

    /// Bytes that a branch's volume takes alone, where that was measured.
    pub(crate) fn disk_used(&self, branch: BranchId) -> Option<u64> {
        lock(&self.0.quotas.looks).get(&branch).map(|l| l.used)
    }

    /// One pass over the awake branches.
    pub(crate) async fn keep_quotas(&self) {
        let _one = self.0.quotas.pass.lock().await;
        if let Err(fail) = self.look_at_quotas().await
            && !fail.superseded()
        {
            tracing::warn!(error = %fail, "disk quotas are not looked at");
        }
    }

    async fn look_at_quotas(&self) -> Result<(), Fail> {
        let known = lock(&self.0.quotas.looks).clone();
        let mut branches = self.0.store.read().await?.all_branches().await?;
        branches.retain(|b| !b.deleting);
        for (name, state) in [
            ("offshoot_branches_near_disk_quota", QuotaState::Near),
            ("offshoot_branches_over_disk_quota", QuotaState::Over),
        ] {
            let n = branches.iter().filter(|b| b.quota == state).count();
            gauge!(name).set(u32::try_from(n).unwrap_or(u32::MAX));
        }
        branches.retain(|b| {
            let renewing = known.get(&b.id).is_some_and(|l| l.renewals > 0);
            let concerned = self.quota_of(b).is_some() || b.quota != QuotaState::Free || renewing;
            concerned && b.state == BranchState::Ready && self.0.fleet.endpoint(b.id).is_some()
        });
        lock(&self.0.quotas.looks).retain(|id, _| branches.iter().any(|b| b.id == *id));
        let now = self.now();
        branches.retain(|b| {
            let due = known.get(&b.id).and_then(|l| l.due);
            due.is_none_or(|at| now >= at)
        });
        if branches.is_empty() {
            return Ok(());
        }
        let free = self.0.ports.volumes.status().await?.free;
        let tight = free < self.0.settings.pool_reserve.saturating_mul(2);
        for branch in branches {
            let endpoint = self.0.fleet.endpoint(branch.id);
            let result = self.look_at(&branch, endpoint.as_ref(), tight, false).await;
            if let Err(fail) = result {
                if fail.superseded() {
                    return Err(fail);
                }
                tracing::warn!(branch.id = %branch.id, error = %fail, "its disk quota is not kept");
            }
        }
        Ok(())
    }

    /// A branch's quota was just set: what follows from it follows now.
    pub(crate) async fn quota_set(&self, id: BranchId) {
        let _one = self.0.quotas.pass.lock().await;
        let result = async {
            let row = self.0.store.read().await?.branch_by_id(id).await?;
            let Some(branch) = row.filter(|b| !b.deleting && b.state != BranchState::Pending)
            else {
                return Ok(());
            };
            let endpoint = self.0.fleet.endpoint(id);
            self.look_at(&branch, endpoint.as_ref(), false, true).await
        };
        if let Err(fail) = result.await {
            tracing::warn!(branch.id = %id, error = %fail, "its disk quota is not looked at yet");
        }
    }

    /// Before the first client of a waking branch is let in.
    pub(crate) async fn quota_on_wake(&self, branch: &Branch, endpoint: &Endpoint) {
        let _one = self.0.quotas.pass.lock().await;
        if let Err(fail) = self.look_at(branch, Some(endpoint), true, false).await {
            tracing::warn!(branch.id = %branch.id, error = %fail, "its disk quota is not looked at yet");
        }
    }

    async fn look_at(
        &self,
        branch: &Branch,
        endpoint: Option<&Endpoint>,
        tight: bool,
        just_set: bool,
    ) -> Result<(), Fail> {
        let began = self.now();
        let used = self.0.ports.volumes.usage(branch.volume).await?.unique;
        let took = Duration::try_from(self.now().duration_since(began)).unwrap_or_default();
        let quota = self.quota_of(branch);
        let mut look = lock(&self.0.quotas.looks)
            .get(&branch.id)
            .cloned()
            .unwrap_or_default();
        let mut facts = QuotaFacts {
            used,
            quota,
            state: branch.quota,
            just_set,
        };
        let state = plan_quota(&facts);
        if !self.note_quota(branch, &facts, state).await? {
            return Ok(());
        }
        let pause = plan_measure(used, quota.unwrap_or(u64::MAX), tight, took);
        look.used = used;
        look.due = began.checked_add(pause).ok();
        // Whoever is told below may ask at once.
        lock(&self.0.quotas.looks).insert(branch.id, look.clone());
        if let Some(endpoint) = endpoint {
            let told = look.told.as_ref().filter(|(e, _)| e == endpoint);
            let told = told.map(|(_, confined)| *confined);
            match state {
                QuotaState::Over if told != Some(true) => {
                    self.confine(branch, endpoint, &facts).await?;
                    look.told = Some((endpoint.clone(), true));
                    look.renewals = 0;
                }
                QuotaState::Lifting => {
                    let confined = self.confined(branch.id, false).await?;
                    self.0.ports.instances.confine(endpoint, confined).await?;
                    self.0.ports.sessions.explain(branch.id, None);
                    look.told = Some((endpoint.clone(), false));
                    look.renewals = RENEWALS;
                    facts.state = QuotaState::Free;
                    self.note_quota(branch, &facts, plan_quota(&facts)).await?;
                    tracing::info!(branch.id = %branch.id, "it may grow again");
                }
                _ => {}
            }
            if look.renewals > 0 {
                look.renewals = self.renew_sessions(branch, look.renewals).await;
            }
        }
        lock(&self.0.quotas.looks).insert(branch.id, look);
        Ok(())
    }

    /// Writes down how the branch stands; `false` when it is not what it was.
    async fn note_quota(
        &self,
        branch: &Branch,
        facts: &QuotaFacts,
        state: QuotaState,
    ) -> Result<bool, Fail> {
        if state == branch.quota {
            return Ok(true);
        }
        let mut tx = self.0.store.write().await?;
        let now = tx.branch_by_id(branch.id).await?;
        let same = now.is_some_and(|b| {
            !b.deleting && b.volume == branch.volume && b.disk_quota == branch.disk_quota
        });
        let database = tx.database_by_id(branch.database_id).await?;
        let Some(database) = database.filter(|_| same) else {
            return Ok(false);
        };
        tx.set_quota_state(branch.id, state).await?;
        let action = match (branch.quota, state) {
            (QuotaState::Free, QuotaState::Near) => Some("branch.quota_neared"),
            (_, QuotaState::Over) => Some("branch.quota_exceeded"),
            (QuotaState::Over, QuotaState::Lifting) => Some("branch.quota_lifted"),
            _ => None,
        };
        if let Some(action) = action {
            let used = facts.used.to_string();
            let quota = facts
                .quota
                .map_or_else(|| "none".to_owned(), |q| q.to_string());
            let event = self.event(
                database.organization_id,
                &Actor::System,
                action,
                ("Branch", branch.id.as_str(), branch.name.as_str()),
                &[
                    ("database", database.name.as_str()),
                    ("used_bytes", &used),
                    ("quota_bytes", &quota),
                ],
            );
            tx.insert_audit(&event).await?;
            tracing::warn!(branch.id = %branch.id, used, quota, "{action}");
        }
        tx.commit().await?;
        self.changed();
        Ok(true)
    }

    /// Takes from the branch's accounts what makes data grow, and tells its sessions why.
    async fn confine(
        &self,
        branch: &Branch,
        endpoint: &Endpoint,
        facts: &QuotaFacts,
    ) -> Result<(), Fail> {
        let mut session = self.0.store.read().await?;
        let database = session.database_by_id(branch.database_id).await?;
        drop(session);
        let database = database.map_or_else(String::new, |d| d.name.to_string());
        let why = format!(
            "branch \"{name}\" is over its disk quota, {} of {} MiB; DROP or TRUNCATE tables, or raise it: \
             offshoot branch update {database} {name} --disk-quota SIZE ({})",
            facts.used / MIB,
            facts.quota.unwrap_or_default() / MIB,
            code::DISK_QUOTA,
            name = branch.name,
        );
        let ports = &self.0.ports;
        ports.sessions.explain(branch.id, Some(why.clone()));
        let confined = self.confined(branch.id, true).await?;
        let old = ports.instances.confine(endpoint, confined).await?;
        // After a restart there is nobody to tell: it was told when it happened.
        if branch.quota != QuotaState::Over {
            ports.sessions.close_writers(branch.id, &why).await;
        }
        // Those that did not go: a long statement goes on without its client.
        for session in old {
            ports
                .instances
                .kill(endpoint, session, Kill::Session)
                .await?;
        }
        Ok(())
    }

    /// What the branch's accounts lack, with its safe migrations as they are now.
    async fn confined(&self, branch: BranchId, growth: bool) -> Result<Confined, Fail> {
        let row = self.0.store.read().await?.branch_by_id(branch).await?;
        let ddl = row.is_some_and(|b| b.safe_migrations.on());
        Ok(Confined { growth, ddl })
    }

    /// Sessions learn their rights when they begin. Those that can be parked begin anew at their next
    /// command without noticing; where one is always busy, all that may write are ended at last.
    async fn renew_sessions(&self, branch: &Branch, left: u32) -> u32 {
        let sessions = &self.0.ports.sessions;
        if sessions.park(branch.id).await {
            return 0;
        }
        if left == 1 {
            let why = format!("branch \"{}\" may grow again: connect again", branch.name);
            sessions.close_writers(branch.id, &why).await;
        }
        left - 1
    }
}
