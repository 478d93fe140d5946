//! Restart of a branch's engine with other settings, after a promotion, demotion or resize.

use super::{Run, Step};
use crate::Control;
use crate::fail::Fail;
use offshoot_core::branch::BranchState;
use offshoot_core::id::BranchId;
use offshoot_core::instance::Stop;
use std::time::Duration;

/// Until a command under way has ended, or the branch has been made.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

impl Control {
    pub(super) async fn restart_step(&self, run: &Run, id: BranchId) -> Result<Step, Fail> {
        let mut session = self.0.store.read().await?;
        let branch = session.branch_by_id(id).await?.filter(|b| !b.deleting);
        let Some(branch) = branch else {
            return self.restarted(run, id).await;
        };
        let instance = session.instance(branch.instance).await?;
        drop(session);
        let Some(instance) = instance else {
            return self.restarted(run, id).await;
        };
        if branch.state == BranchState::Pending {
            return Ok(Step::Wait(LOOK_AGAIN));
        }
        let mut slot = self.slot(instance.id).await;
        if branch.state == BranchState::Sleeping && !branch.production {
            // It fell asleep meanwhile, or with Offshoot: it will wake as what it is now.
            self.stop(&mut slot, instance.id, Stop::Clean).await?;
            drop(slot);
            return self.restarted(run, id).await;
        }
        let was = self.0.fleet.withdraw(id);
        self.0.fleet.set_phase(id, Some(BranchState::Awakening));
        self.changed();
        if let Some(was) = was
            && !self.0.ports.sessions.park(id).await
        {
            self.serve(&branch, was.endpoint);
            return Ok(Step::Wait(LOOK_AGAIN));
        }
        let result = async {
            self.stop(&mut slot, instance.id, Stop::Clean).await?;
            self.start(&mut slot, &instance).await
        }
        .await;
        match result {
            Ok(endpoint) => self.serve(&branch, endpoint),
            Err(error) => {
                self.0.fleet.set_phase(id, None);
                return Err(error.into());
            }
        }
        drop(slot);
        self.restarted(run, id).await
    }

    async fn restarted(&self, run: &Run, id: BranchId) -> Result<Step, Fail> {
        let now = self.now();
        let mut tx = self.0.store.write().await?;
        run.finish(&mut tx).await?;
        tx.complete_resize(id, now).await?;
        tx.commit().await?;
        self.tidy_soon();
        Ok(Step::Done)
    }
}
