//! The engines of this process: which run, behind which lock, for which branch. Every start and
//! stop of an engine goes through here, asked for by the instances reconciler, by a wake, or by a
//! workflow that waits for it.

use crate::{Control, lock};
use jiff::Timestamp;
use offshoot_core::branch::{Branch, BranchState};
use offshoot_core::engine::EngineRef;
use offshoot_core::id::{BranchId, InstanceId};
use offshoot_core::instance::{Endpoint, Instance, InstanceSpec, Profile, Purpose, Stop};
use offshoot_core::plan::Retry;
use offshoot_core::plan::plan_retry;
use offshoot_core::port::PortResult;
use offshoot_core::size::{Allowance, allow};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::OwnedMutexGuard;

#[derive(Default)]
pub(crate) struct Fleet {
    slots: Mutex<HashMap<InstanceId, Arc<tokio::sync::Mutex<Slot>>>>,
    awake: RwLock<HashMap<BranchId, Awake>>,
    /// What a branch is on its way to, while it is.
    phases: Mutex<HashMap<BranchId, BranchState>>,
    pub(crate) memory: Mutex<HashMap<InstanceId, crate::memory::Held>>,
    /// Why an engine's image could not be made. Forgotten when it is asked for: the next asks anew.
    image_errors: Mutex<HashMap<EngineRef, String>>,
}

/// One engine. Whoever holds its lock may start and stop it.
#[derive(Default)]
pub(crate) struct Slot {
    pub(crate) endpoint: Option<Endpoint>,
    failures: u32,
    /// Not to be started before, after it failed.
    pub(crate) retry_at: Option<Timestamp>,
    pub(crate) error: Option<String>,
}

impl Slot {
    /// How long until the engine is tried again; `None` when it may be tried now, or has failed so
    /// often that nobody should wait for it.
    pub(crate) fn pause(&self, now: Timestamp) -> Option<Duration> {
        /// Failures in a row after which an engine is taken to be broken.
        const PATIENT: u32 = 3;
        let at = self.retry_at.filter(|_| self.failures < PATIENT)?;
        let pause = Duration::try_from(at.duration_since(now)).ok()?;
        (!pause.is_zero()).then_some(pause)
    }
}

pub(crate) type SlotGuard = OwnedMutexGuard<Slot>;

/// A branch that can be connected to.
#[derive(Clone)]
pub(crate) struct Awake {
    pub(crate) endpoint: Endpoint,
    pub(crate) since: Timestamp,
    pub(crate) production: bool,
    pub(crate) sleep_after: Option<Duration>,
}

impl Fleet {
    pub(crate) fn awake(&self, branch: BranchId) -> Option<Awake> {
        self.awake
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&branch)
            .cloned()
    }

    /// The endpoint alone, on the way of every new connection.
    pub(crate) fn endpoint(&self, branch: BranchId) -> Option<Endpoint> {
        self.awake
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&branch)
            .map(|a| a.endpoint.clone())
    }

    pub(crate) fn all_awake(&self) -> Vec<(BranchId, Awake)> {
        self.awake
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .map(|(id, a)| (*id, a.clone()))
            .collect()
    }

    pub(crate) fn put_awake(&self, branch: BranchId, awake: Awake) {
        self.awake
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(branch, awake);
    }

    /// Changes what is known of a branch, if it is still awake.
    pub(crate) fn replace_awake(&self, branch: BranchId, awake: Awake) {
        let mut all = self.awake.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(there) = all.get_mut(&branch)
            && there.endpoint == awake.endpoint
        {
            *there = awake;
        }
    }

    pub(crate) fn withdraw(&self, branch: BranchId) -> Option<Awake> {
        self.awake
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&branch)
    }

    pub(crate) fn set_phase(&self, branch: BranchId, phase: Option<BranchState>) {
        let mut phases = lock(&self.phases);
        match phase {
            Some(p) => phases.insert(branch, p),
            None => phases.remove(&branch),
        };
    }

    /// What clients see of a branch whose row says `stored`.
    pub(crate) fn shown(&self, branch: BranchId, stored: BranchState) -> BranchState {
        if stored == BranchState::Pending {
            return stored;
        }
        if let Some(phase) = lock(&self.phases).get(&branch) {
            return *phase;
        }
        match stored {
            BranchState::Ready if self.endpoint(branch).is_none() => BranchState::Awakening,
            other => other,
        }
    }

    pub(crate) fn set_image_error(&self, engine: EngineRef, reason: String) {
        lock(&self.image_errors).insert(engine, reason);
    }

    pub(crate) fn image_error(&self, engine: EngineRef) -> Option<String> {
        lock(&self.image_errors).remove(&engine)
    }

    fn slot(&self, id: InstanceId) -> Arc<tokio::sync::Mutex<Slot>> {
        lock(&self.slots).entry(id).or_default().clone()
    }

    /// Forgets a slot; only for an instance that never comes back.
    pub(crate) fn drop_slot(&self, id: InstanceId) {
        lock(&self.slots).remove(&id);
        lock(&self.memory).remove(&id);
    }

    /// Why an engine that should run does not.
    pub(crate) fn error(&self, id: InstanceId) -> Option<String> {
        let slot = lock(&self.slots).get(&id).cloned()?;
        slot.try_lock().ok()?.error.clone()
    }

    /// Instances that run, as far as this process knows.
    pub(crate) fn running(&self, id: InstanceId) -> bool {
        let Some(slot) = lock(&self.slots).get(&id).cloned() else {
            return false;
        };
        slot.try_lock().map_or(true, |s| s.endpoint.is_some())
    }
}

impl Control {
    /// Waits for the right to start and stop an engine.
    pub(crate) async fn slot(&self, id: InstanceId) -> SlotGuard {
        self.0.fleet.slot(id).lock_owned().await
    }

    /// The same, unless somebody has it.
    pub(crate) fn try_slot(&self, id: InstanceId) -> Option<SlotGuard> {
        self.0.fleet.slot(id).try_lock_owned().ok()
    }

    /// Starts an engine that has its memory already, or returns the running one.
    pub(crate) async fn start_admitted(
        &self,
        slot: &mut Slot,
        instance: &Instance,
    ) -> PortResult<Endpoint> {
        if let Some(endpoint) = &slot.endpoint {
            return Ok(endpoint.clone());
        }
        let settings = &self.0.settings;
        let allowed = self.allowance(instance).await;
        let spec = InstanceSpec {
            id: instance.id,
            volume: instance.volume,
            engine: instance.engine,
            purpose: instance.purpose,
            profile: instance.profile,
            secret: instance.secret.clone(),
            accounts: instance.accounts,
            copied: instance.copied,
            event_scheduler: instance.profile == Profile::Production
                || (!instance.quiet && self.events(instance).await),
            buffer_pool: match instance.profile {
                Profile::Shadow => Some(settings.shadows.buffer_pool),
                Profile::Development | Profile::Production => allowed.pool,
            },
            memory_limit: allowed.memory,
            cpu_limit: allowed.cpu,
        };
        match self.0.ports.instances.start(&spec).await {
            Ok(endpoint) => {
                *slot = Slot {
                    endpoint: Some(endpoint.clone()),
                    ..Slot::default()
                };
                Ok(endpoint)
            }
            Err(error) => {
                self.release(instance.id);
                self.note_failure(slot, error.to_string());
                Err(error)
            }
        }
    }

    /// What the engine may have: as the size of its branch says, within what the server gives.
    pub(crate) async fn allowance(&self, instance: &Instance) -> Allowance {
        let size = match instance.purpose {
            Purpose::Serve(branch) => {
                let size = async { self.0.store.read().await?.branch_size(branch).await };
                size.await.unwrap_or_else(|error| {
                    tracing::warn!(branch.id = %branch, %error, "started without its size");
                    None
                })
            }
            _ => None,
        };
        allow(size, instance.profile, &self.bounds())
    }

    /// Whether a development instance's branch has its event scheduler switched on.
    pub(crate) async fn events(&self, instance: &Instance) -> bool {
        let Purpose::Serve(branch) = instance.purpose else {
            return false;
        };
        let on = async { self.0.store.read().await?.event_scheduler(branch).await };
        on.await.unwrap_or_else(|error| {
            tracing::warn!(branch.id = %branch, %error, "started without its events");
            false
        })
    }

    /// Starts an engine, within the memory budget.
    pub(crate) async fn start(&self, slot: &mut Slot, instance: &Instance) -> PortResult<Endpoint> {
        if slot.endpoint.is_none() {
            self.admit(instance).await?;
        }
        self.start_admitted(slot, instance).await
    }

    /// Ends an engine, also one this process knows nothing of.
    pub(crate) async fn stop(&self, slot: &mut Slot, id: InstanceId, how: Stop) -> PortResult<()> {
        self.0.ports.instances.stop(id, how).await?;
        slot.endpoint = None;
        self.release(id);
        Ok(())
    }

    /// An engine ended unasked, or did not start: the next try is put off, more each time.
    pub(crate) fn note_failure(&self, slot: &mut Slot, reason: String) {
        let limits = &self.0.settings.limits;
        slot.endpoint = None;
        slot.failures = slot.failures.saturating_add(1);
        let pause = match plan_retry(
            slot.failures,
            true,
            u32::MAX,
            limits.backoff,
            limits.backoff_max,
        ) {
            Retry::After(pause) => pause,
            Retry::GiveUp => limits.backoff_max,
        };
        slot.retry_at = self.now().checked_add(pause).ok();
        slot.error = Some(reason);
    }

    /// From now on connections reach the branch's engine.
    pub(crate) fn serve(&self, branch: &Branch, endpoint: Endpoint) {
        self.0.fleet.put_awake(
            branch.id,
            Awake {
                endpoint,
                since: self.now(),
                production: branch.production,
                sleep_after: branch.sleep_after,
            },
        );
        self.0.fleet.set_phase(branch.id, None);
        self.changed();
    }

    /// An engine ended without being asked to.
    pub(crate) async fn exited(&self, id: InstanceId, reason: String) {
        let mut slot = self.slot(id).await;
        let Some(endpoint) = slot.endpoint.take() else {
            return;
        };
        self.release(id);
        let instance = match self.0.store.read().await {
            Ok(mut session) => session.instance(id).await.ok().flatten(),
            Err(_) => None,
        };
        tracing::warn!(instance.id = %id, %reason, "an engine ended unasked");
        self.note_failure(&mut slot, reason);
        if let Some(Purpose::Serve(branch)) = instance.map(|i| i.purpose)
            && self.0.fleet.endpoint(branch).is_some_and(|e| e == endpoint)
        {
            self.0.fleet.withdraw(branch);
        }
        drop(slot);
        self.changed();
        self.tidy_soon();
    }
}
