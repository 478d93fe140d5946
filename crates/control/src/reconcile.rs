//! Reconcilers: what keeps things true. Each takes no input, looks at what is wanted and at what is
//! there, closes the gap, and can be run at any time, on a signal and on a timer alike.

mod ahead;
mod backups;
mod binlogs;
mod drills;
mod expiry;
mod idle;
mod instances;
mod off_site;
mod orphans;
mod policies;
mod shadows;

use crate::Control;
use crate::fail::Fail;
use jiff::Timestamp;
use offshoot_core::id::BranchId;
use std::collections::HashMap;

/// What reconcilers remember between two passes; nothing that could not be lost.
#[derive(Default)]
pub(crate) struct Memory {
    /// The first pass of a process is over.
    pub(crate) recovered: bool,
    orphans_at: Option<Timestamp>,
    /// When old idempotency keys were swept away.
    keys_at: Option<Timestamp>,
    /// When old deliveries were.
    deliveries_at: Option<Timestamp>,
    /// When those of webhooks were.
    webhooks_at: Option<Timestamp>,
    /// No backups of policies are begun before: the pool was full.
    backups_at: Option<Timestamp>,
    /// No restore drills of policies are begun before: there was no room for one.
    drills_at: Option<Timestamp>,
    /// Every database has its required backup policy.
    policies: bool,
    /// When a parent's schema was last compared with its template.
    compared: HashMap<BranchId, Timestamp>,
}

impl Control {
    /// One pass of what must not wait: engines, expiry, removals, and what the gateway told.
    pub(crate) async fn keep(&self) {
        let mut memory = self.0.tidying.lock().await;
        if !memory.recovered {
            match self.recover().await {
                Ok(()) => memory.recovered = true,
                Err(fail) => return report("recovery", &fail),
            }
        }
        if let Err(fail) = self.keep_instances().await {
            report("instances", &fail);
        }
        if let Err(fail) = self.keep_required_policies(&mut memory).await {
            report("policies", &fail);
        }
        if let Err(fail) = self.run_policies(&mut memory).await {
            report("policies", &fail);
        }
        if let Err(fail) = self.run_drills(&mut memory).await {
            report("drills", &fail);
        }
        if let Err(fail) = self.expire_backups().await {
            report("backups", &fail);
        }
        if let Err(fail) = self.expire().await {
            report("expiry", &fail);
        }
        if let Err(fail) = self.remove_gone().await {
            report("removal", &fail);
        }
        if let Err(fail) = self.flush_usage().await {
            report("usage", &fail);
        }
    }

    /// One pass of what has time: things nobody owns, branches that may sleep, preparations.
    pub(crate) async fn prepare(&self) {
        {
            let mut memory = self.0.tidying.lock().await;
            if !memory.recovered {
                return;
            }
            if let Err(fail) = self.remove_orphans(&mut memory).await {
                report("orphans", &fail);
            }
            if let Err(fail) = self.sweep_keys(&mut memory).await {
                report("keys", &fail);
            }
            if let Err(fail) = self.sweep_deliveries(&mut memory.deliveries_at).await {
                report("deliveries", &fail);
            }
            if let Err(fail) = self.sweep_webhooks(&mut memory.webhooks_at).await {
                report("webhooks", &fail);
            }
        }
        if let Err(fail) = self.keep_ahead().await {
            report("preparation", &fail);
        }
    }

    /// A test's way to the end: runs workflows and reconcilers until nothing is left to do, or
    /// `passes` are over (`false`).
    pub async fn settle(&self, passes: usize) -> bool {
        for _ in 0..passes {
            self.keep().await;
            let ran = self.run_due(true).await.unwrap_or(0);
            self.keep().await;
            self.prepare().await;
            self.keep_quotas().await;
            self.keep_safe_migrations().await;
            self.keep_binlogs().await;
            self.keep_shadows().await;
            self.keep_off_site().await;
            self.keep_planning().await;
            self.keep_handovers().await;
            self.keep_told().await;
            self.keep_webhooks().await;
            let left = match self.0.store.read().await {
                Ok(mut session) => session.workflows_left().await.unwrap_or(0),
                Err(_) => return false,
            };
            if ran == 0 && left == 0 {
                self.keep().await;
                return true;
            }
        }
        false
    }

    /// Every step of every workflow is done twice from now on: for the crash harness.
    pub fn double_steps(&self) {
        self.0.runner.set_twice();
    }
}

pub(crate) fn report(what: &str, fail: &Fail) {
    if !fail.superseded() {
        tracing::warn!(reconciler = what, error = %fail, "will be tried again");
    }
}
