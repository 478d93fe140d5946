//! The pool: its state, and what each branch takes in it.

use crate::Control;
use crate::caller::Caller;
use crate::fail::Fail;
use crate::page::{Listed, Page};
use offshoot_core::Refusal;
use offshoot_core::access::Access;
use offshoot_core::branch::BranchState;
use offshoot_core::id::{BranchId, PoolId};
use offshoot_core::port::PortError;
use offshoot_core::refusal::{Kind, code};
use offshoot_core::volume::{PoolStatus, Stored, VolumeUsage};
use std::time::Duration;

/// A new engine writes this much, in bytes, until it answers (redo log, accounts, temporary files).
/// Refused before anything is made: an engine that runs out of room fails late and unclearly.
const LEAST_FREE: u64 = 32 << 20;

#[derive(Clone, Debug)]
pub struct PoolView {
    pub id: PoolId,
    pub status: PoolStatus,
    /// Volumes and snapshots in it.
    pub volumes: u64,
    pub snapshots: u64,
    /// Engines' memory: budget and what the awake ones are counted with, in bytes.
    pub memory_budget: u64,
    pub memory_used: u64,
    pub awake: u64,
    pub sleeping: u64,
}

#[derive(Clone, Debug)]
pub struct BranchUsage {
    pub branch: BranchId,
    pub name: String,
    pub database: String,
    pub usage: VolumeUsage,
}

const MIB: u64 = 1 << 20;

impl Control {
    /// There is room in the pool for another engine, beside the reserve and within the disk budget.
    pub(crate) async fn require_space(&self) -> Result<(), Refusal> {
        let status = self.0.ports.volumes.status().await.map_err(Fail::from)?;
        let need = LEAST_FREE.max(self.0.settings.pool_reserve);
        if status.free < need {
            return Err(Refusal::new(
                Kind::Exhausted,
                format!(
                    "the pool is full: {} of {} MiB are free, {} MiB have to stay for engines that run",
                    status.free / MIB,
                    status.size / MIB,
                    need / MIB
                ),
            )
            .code(code::DISK_FULL)
            .hint("delete branches, or make the pool larger with `offshoot pool grow`"));
        }
        let Some(budget) = self.0.settings.disk_budget else {
            return Ok(());
        };
        let taken = self.disk_taken().await?;
        if taken < budget {
            return Ok(());
        }
        Err(Refusal::new(
            Kind::Exhausted,
            format!(
                "the branches take {} MiB of disk, as much as they may ({} MiB)",
                taken / MIB,
                budget / MIB
            ),
        )
        .code(code::DISK_BUDGET)
        .hint("delete branches, or raise pool.disk_budget"))
    }

    /// There is room in the pool for a copy that takes `bytes` of its own, and for what its engine writes,
    /// beside the reserve. A copy that would not fit is not begun: it would take the room of engines that run.
    pub(crate) async fn room_for_copy(&self, bytes: u64) -> Result<(), Fail> {
        let status = self.0.ports.volumes.status().await?;
        let (need, reserve) = (
            bytes.saturating_add(LEAST_FREE),
            self.0.settings.pool_reserve,
        );
        if status.free >= need.saturating_add(reserve) {
            return Ok(());
        }
        Err(PortError::fatal(Refusal::new(
            Kind::Exhausted,
            format!(
                "the pool has no room for a copy: {} of {} MiB are free, the copy may take {} MiB, and {} MiB have to stay for engines that run",
                status.free / MIB,
                status.size / MIB,
                need / MIB,
                reserve / MIB
            ),
        )
        .code(code::DISK_FULL)
        .hint("delete branches or backups, or make the pool larger with `offshoot pool grow`"))
        .into())
    }

    /// What a copy of so many bytes takes of its own where the pool makes it: nothing by reference.
    pub(crate) fn copied_bytes(&self, bytes: u64) -> u64 {
        match self.0.settings.copy_on_write {
            true => 0,
            false => bytes,
        }
    }

    /// Does what makes the pool fuller, and gives it up when it takes what has to stay for engines that
    /// run. Dropping `work` has to be safe.
    pub(crate) async fn beside_reserve<T>(
        &self,
        work: impl Future<Output = Result<T, Fail>>,
    ) -> Result<T, Fail> {
        /// Between two looks. An engine that recovers writes tens of MiB in this time.
        const LOOK: Duration = Duration::from_millis(500);
        let least = self.0.settings.pool_reserve.max(LEAST_FREE / 2);
        let full = async {
            loop {
                tokio::time::sleep(LOOK).await;
                match self.0.ports.volumes.status().await {
                    Ok(status) if status.free < least => return status,
                    _ => {}
                }
            }
        };
        tokio::select! {
            done = work => done,
            status = full => Err(PortError::fatal(
                Refusal::new(
                    Kind::Exhausted,
                    format!(
                        "the pool became full meanwhile: {} of {} MiB are free, {} MiB have to stay for engines that run",
                        status.free / MIB,
                        status.size / MIB,
                        least / MIB
                    ),
                )
                .code(code::DISK_FULL)
                .hint("delete branches or backups, or make the pool larger with `offshoot pool grow`"),
            )
            .into()),
        }
    }

    /// Bytes that all volumes take alone. Reads the extents of every file.
    async fn disk_taken(&self) -> Result<u64, Refusal> {
        let volumes = &self.0.ports.volumes;
        let mut sum = 0u64;
        for stored in volumes.list().await.map_err(Fail::from)? {
            if let Stored::Volume(id) = stored
                // One that went meanwhile takes nothing.
                && let Ok(usage) = volumes.usage(id).await
            {
                sum = sum.saturating_add(usage.unique);
            }
        }
        Ok(sum)
    }
}

pub async fn show(control: &Control, caller: &Caller) -> Result<PoolView, Refusal> {
    let _ = caller;
    let status = control.0.ports.volumes.status().await.map_err(Fail::from)?;
    let mut session = control.0.store.read().await?;
    let sleeping = session
        .all_branches()
        .await?
        .iter()
        .filter(|b| b.state == BranchState::Sleeping && !b.deleting)
        .count();
    Ok(PoolView {
        id: control.0.settings.pool,
        status,
        volumes: session.volumes().await?.len() as u64,
        snapshots: session.snapshots().await?.len() as u64,
        memory_budget: control.0.settings.memory_budget,
        memory_used: control.memory_used(),
        awake: control.0.fleet.all_awake().len() as u64,
        sleeping: sleeping as u64,
    })
}

/// Disk use of the branches the caller may read, by name.
pub async fn usage(
    control: &Control,
    caller: &Caller,
    page: Page,
) -> Result<Listed<BranchUsage>, Refusal> {
    let mut session = control.0.store.read().await?;
    let mut rows = Vec::new();
    for branch in session.all_branches().await? {
        let readable = caller.may(Access::ReadBranch, Some(branch.database_id));
        if branch.deleting || !readable {
            continue;
        }
        let Some(database) = session.database_by_id(branch.database_id).await? else {
            continue;
        };
        if database.organization_id == caller.token().organization_id {
            rows.push((database.name.to_string(), branch));
        }
    }
    drop(session);
    rows.sort_by(|a, b| (&a.0, &a.1.name).cmp(&(&b.0, &b.1.name)));
    let total = rows.len() as u64;
    let offset = usize::try_from(page.offset()).unwrap_or(usize::MAX);
    let mut items = Vec::new();
    for (database, branch) in rows.into_iter().skip(offset).take(page.per_page() as usize) {
        // A branch that is being made has no volume to measure.
        let usage = control.0.ports.volumes.usage(branch.volume).await;
        items.push(BranchUsage {
            branch: branch.id,
            name: branch.name.to_string(),
            database,
            usage: usage.unwrap_or_default(),
        });
    }
    Ok(Listed { items, total, page })
}
