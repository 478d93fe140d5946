//! Copying a branch as it is, by the means that disturb it least. `docs/design/0008-data-branching.md`.

use crate::Control;
use crate::fail::Fail;
use crate::shadow::Taken;
use offshoot_core::Refusal;
use offshoot_core::backup::{Copied, Method};
use offshoot_core::branch::{Branch, BranchState};
use offshoot_core::id::{BranchId, VolumeId};
use offshoot_core::instance::Endpoint;
use offshoot_core::port::{PortError, Progress};
use offshoot_core::refusal::code;
use std::time::Duration;

impl Control {
    /// Makes the volume `to` from the branch as it is now: from its shadow, where it has one that can be
    /// used.
    pub(crate) async fn copy_branch(
        &self,
        from: BranchId,
        to: VolumeId,
        progress: &dyn Progress,
    ) -> Result<Taken, Fail> {
        if let Some(taken) = self.copy_shadow(from, to).await? {
            return Ok(taken);
        }
        Ok(Taken {
            copied: self.copy_directly(from, to, progress).await?,
            position: None,
        })
    }

    /// The same from the branch itself. A branch that sleeps is not woken; the engine of one that runs
    /// stands still within the limit, or makes its own hot copy.
    pub(crate) async fn copy_directly(
        &self,
        from: BranchId,
        to: VolumeId,
        progress: &dyn Progress,
    ) -> Result<Copied, Fail> {
        loop {
            let seen = self.branch_to_copy(from).await?;
            let slot = self.slot(seen.instance).await;
            // It may have been reset, or have gone to sleep, before the lock was ours.
            let branch = self.branch_to_copy(from).await?;
            if branch.instance != seen.instance {
                continue;
            }
            let at = self.now();
            // Measuring reads the extents of every file: only where it matters.
            let size = match self.0.settings.copy_on_write {
                true => 0,
                false => self.allocated(branch.volume).await?,
            };
            self.room_for_copy(size).await?;
            let endpoint = match &slot.endpoint {
                Some(endpoint) => endpoint.clone(),
                None if branch.state == BranchState::Sleeping => {
                    self.0
                        .ports
                        .volumes
                        .duplicate(branch.volume, to, None)
                        .await?;
                    return Ok(Copied {
                        method: Method::Asleep,
                        pause: Duration::ZERO,
                        at,
                    });
                }
                None => {
                    drop(slot);
                    self.open_branch(from).await.map_err(PortError::retry)?;
                    continue;
                }
            };
            if let Some(pause) = self.copy_frozen(&branch, &endpoint, to).await? {
                return Ok(Copied {
                    method: Method::Frozen,
                    pause,
                    at: self.now(),
                });
            }
            // It may take minutes: the branch can be stopped meanwhile, which ends the copy.
            drop(slot);
            let size = self.allocated(branch.volume).await?;
            self.room_for_copy(size).await?;
            self.0.ports.volumes.create(to).await?;
            let instances = &self.0.ports.instances;
            instances.hot_copy(&endpoint, to, progress).await?;
            return Ok(Copied {
                method: Method::HotCopy,
                pause: Duration::ZERO,
                at: self.now(),
            });
        }
    }

    async fn allocated(&self, volume: VolumeId) -> Result<u64, Fail> {
        Ok(self.0.ports.volumes.usage(volume).await?.allocated)
    }

    /// How long the engine stood still; `None` when that would take, or took, longer than it may.
    pub(crate) async fn copy_frozen(
        &self,
        branch: &Branch,
        endpoint: &Endpoint,
        to: VolumeId,
    ) -> Result<Option<Duration>, Fail> {
        let ports = &self.0.ports;
        let limit = self.0.settings.pause_limit;
        let Some(predicted) = ports.volumes.pause(branch.volume).await? else {
            return Ok(None);
        };
        if predicted > limit {
            tracing::info!(branch.id = %branch.id, ?predicted, ?limit, "copied by its engine: standing still would take too long");
            return Ok(None);
        }
        let freezer = ports.instances.freezer(endpoint.instance, limit).await?;
        match ports
            .volumes
            .duplicate(branch.volume, to, Some(freezer))
            .await
        {
            Ok(pause) => Ok(Some(pause)),
            Err(error) if error.refusal.code == code::PAUSE_LIMIT => {
                tracing::warn!(branch.id = %branch.id, ?limit, "copied by its engine: standing still took too long");
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn branch_to_copy(&self, id: BranchId) -> Result<Branch, Fail> {
        let row = self.0.store.read().await?.branch_by_id(id).await?;
        let branch = row
            .filter(|b| !b.deleting)
            .ok_or_else(|| PortError::fatal(Refusal::not_found("the branch to be copied")))?;
        if branch.state == BranchState::Pending {
            return Err(PortError::retry(Refusal::unavailable(format!(
                "branch \"{}\" is being made",
                branch.name
            )))
            .into());
        }
        Ok(branch)
    }
}
