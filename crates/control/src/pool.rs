//! The pool: its state, and what each branch takes in it.

use crate::Control;
use crate::caller::Caller;
use crate::page::{Listed, Page};
use offshoot_core::Refusal;
use offshoot_core::id::{BranchId, PoolId};
use offshoot_core::volume::{PoolStatus, VolumeUsage};

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

pub async fn show(control: &Control, caller: &Caller) -> Result<PoolView, Refusal> {
    let _ = (control, caller);
    Err(Refusal::internal("not built yet"))
}

/// Disk use of the branches the caller may read, by name.
pub async fn usage(
    control: &Control,
    caller: &Caller,
    page: Page,
) -> Result<Listed<BranchUsage>, Refusal> {
    let _ = (control, caller, page);
    Err(Refusal::internal("not built yet"))
}
