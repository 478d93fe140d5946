//! Instances: what is wanted of each, against what lives.

use crate::Control;
use crate::fail::Fail;
use crate::rest::Woken;
use offshoot_core::branch::BranchState;
use offshoot_core::id::{BranchId, InstanceId};
use offshoot_core::instance::{Accounts, Instance, Purpose, Stop, Wanted};
use offshoot_core::volume::{StoredState, VolumeUse};
use offshoot_core::webhook::EventName;
use std::collections::{HashMap, HashSet};

impl Control {
    /// First pass of a process: no one else holds a lease, and what was half prepared is thrown away.
    /// Development branches whose engine did not survive sleep until somebody needs them.
    pub(super) async fn recover(&self) -> Result<(), Fail> {
        let alive: HashSet<InstanceId> = self
            .0
            .ports
            .instances
            .observe()
            .await?
            .iter()
            .map(|o| o.id)
            .collect();
        let mut tx = self.0.store.write().await?;
        tx.void_leases().await?;
        for volume in tx.volumes().await? {
            if volume.purpose == VolumeUse::Spare && volume.state == StoredState::Making {
                tx.volume_gone(volume.id).await?;
            }
        }
        for instance in tx.active_instances().await? {
            let lost = instance.accounts == Accounts::Anew || !alive.contains(&instance.id);
            if instance.purpose == Purpose::Warm && instance.wanted == Wanted::Up && lost {
                tx.set_wanted(instance.id, Wanted::Gone).await?;
            }
        }
        for branch in tx.all_branches().await? {
            if !branch.production
                && !branch.deleting
                && branch.state == BranchState::Ready
                && !alive.contains(&branch.instance)
            {
                tx.set_branch_state(branch.id, BranchState::Sleeping, None)
                    .await?;
                tx.set_wanted(branch.instance, Wanted::Down).await?;
                self.tell_branch(&mut tx, branch.id, EventName::SLEEPING, self.now())
                    .await?;
            }
        }
        tx.commit().await?;
        Ok(())
    }

    pub(super) async fn keep_instances(&self) -> Result<(), Fail> {
        let observed = self.0.ports.instances.observe().await?;
        for seen in &observed {
            self.measured(seen.id, seen.memory);
        }
        let mut session = self.0.store.read().await?;
        let rows = session.active_instances().await?;
        let branches: HashMap<BranchId, BranchState> = session
            .all_branches()
            .await?
            .into_iter()
            .filter(|b| !b.deleting)
            .map(|b| (b.id, b.state))
            .collect();
        drop(session);
        let alive: HashSet<InstanceId> = observed.iter().map(|o| o.id).collect();
        let wanted: HashSet<InstanceId> = rows.iter().map(|i| i.id).collect();
        for instance in &rows {
            let result = match (instance.wanted, instance.purpose) {
                (Wanted::Gone, _) => self.take_down(instance).await,
                (_, Purpose::Serve(branch))
                    if branches.get(&branch) == Some(&BranchState::Ready) =>
                {
                    self.keep_serving(branch).await
                }
                (_, Purpose::Warm) => self.keep_warm(instance, alive.contains(&instance.id)).await,
                _ => Ok(()),
            };
            if let Err(fail) = result {
                if fail.superseded() {
                    return Err(fail);
                }
                tracing::warn!(instance.id = %instance.id, error = %fail, "not as it should be");
            }
        }
        for seen in observed.iter().filter(|o| !wanted.contains(&o.id)) {
            self.end_unwanted(seen.id).await?;
        }
        Ok(())
    }

    /// Adopts the branch's engine, or starts it after a crash.
    async fn keep_serving(&self, id: BranchId) -> Result<(), Fail> {
        if self.0.fleet.endpoint(id).is_some() {
            return Ok(());
        }
        let row = self.0.store.read().await?.branch_by_id(id).await?;
        let Some(branch) = row.filter(|b| !b.deleting && b.state == BranchState::Ready) else {
            return Ok(());
        };
        let Some(slot) = self.try_slot(branch.instance) else {
            return Ok(());
        };
        let now = self.now();
        if slot.retry_at.is_some_and(|at| at > now) {
            return Ok(());
        }
        drop(slot);
        if let Err(refusal) | Ok(Woken::Later(_, refusal)) = self.wake(&branch).await {
            tracing::warn!(branch.id = %id, error = %refusal, "its engine does not start");
        }
        Ok(())
    }

    async fn keep_warm(&self, instance: &Instance, alive: bool) -> Result<(), Fail> {
        if instance.accounts == Accounts::Anew {
            return Ok(());
        }
        let Some(mut slot) = self.try_slot(instance.id) else {
            return Ok(());
        };
        if slot.endpoint.is_some() {
            return Ok(());
        }
        if alive {
            self.start(&mut slot, instance).await?;
            return Ok(());
        }
        let mut tx = self.0.store.write().await?;
        let still = tx.instance(instance.id).await?;
        if still.is_some_and(|i| i.purpose == Purpose::Warm) {
            tx.set_wanted(instance.id, Wanted::Gone).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Stops and forgets an instance that is not needed any more; its volume follows.
    async fn take_down(&self, instance: &Instance) -> Result<(), Fail> {
        let Some(mut slot) = self.try_slot(instance.id) else {
            return Ok(());
        };
        self.stop(&mut slot, instance.id, Stop::Hard).await?;
        self.0.ports.instances.forget(instance.id).await?;
        let mut tx = self.0.store.write().await?;
        tx.delete_instance(instance.id).await?;
        tx.volume_gone(instance.volume).await?;
        tx.commit().await?;
        drop(slot);
        self.0.fleet.drop_slot(instance.id);
        Ok(())
    }

    /// A living engine that is not wanted: one that sleeps is stopped cleanly, one without a row killed.
    async fn end_unwanted(&self, id: InstanceId) -> Result<(), Fail> {
        let Some(mut slot) = self.try_slot(id) else {
            return Ok(());
        };
        if slot.endpoint.is_some() {
            return Ok(());
        }
        let row = self.0.store.read().await?.instance(id).await?;
        match row.map(|i| i.wanted) {
            Some(Wanted::Down) => self.stop(&mut slot, id, Stop::Clean).await?,
            Some(_) => {}
            None => {
                tracing::warn!(instance.id = %id, "an engine nobody owns is ended");
                self.stop(&mut slot, id, Stop::Hard).await?;
                self.0.ports.instances.forget(id).await?;
                drop(slot);
                self.0.fleet.drop_slot(id);
            }
        }
        Ok(())
    }
}
